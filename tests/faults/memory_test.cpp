// Memory that is short for a moment, at any moment: calls fail, the process lives, and afterwards all is as before.
#include "short_memory.hpp"

#include <functional>
#include <new>
#include <optional>
#include <tuple>
#include <vector>

#include "faults.hpp"

namespace faults {

namespace {

struct Place {
  std::string name;
  std::string toml;
  std::string slow;  // a statement that takes its time
};

std::vector<Place> places() {
  std::vector<Place> all;
  const std::string pool = "max = 3\ndestroy_timeout = \"2s\"\n";
  all.push_back({"PostgreSQL", connection(by_socket(), pool), "SELECT pg_sleep(30)"});
  if (tl_has_feature("driver.sqlite") == 1) {
    const std::string endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    const std::string file = line("driver", "sqlite") + line("database", folder() + "/memory.db");
    all.push_back({"SQLite", "[connections.db]\n" + file + "[connections.db.pool]\n" + pool, endless});
  }
  return all;
}

// What it does while memory is short. It may fail, but only by an error that is told.
struct Act {
  std::string name;
  std::function<void(const trunkline::registry&, const Place&)> run;
};

std::vector<Act> acts() {
  return {
      {"query", [](const auto& registry, const Place&) { registry.on("db").query("SELECT 1"); }},
      {"a session that has to be cleaned",
       [](const auto& registry, const Place&) {
         auto transaction = registry.on("db").begin();
         transaction.query("SELECT 1");
       }},
      {"a stream left half way",
       [](const auto& registry, const Place&) {
         auto result =
             registry.on("db").query({.stream = true, .batch_rows = 1}, "SELECT 1 UNION SELECT 2 UNION SELECT 3");
         (void)result.next();
       }},
      {"a statement whose time is up",
       [](const auto& registry, const Place& place) { registry.on("db").query({.timeout = 5ms}, place.slow); }},
      {"closing",
       [](const auto& registry, const Place&) {
         registry.close(20s);
         registry.connect();
       }},
  };
}

// A dial that had no memory is tried again after an interval, and until then that is the answer.
void await_recovery(const trunkline::registry& registry) {
  const Clock::time_point began = Clock::now();
  for (;;) {
    try {
      registry.connect();
      CHECK(registry.on("db").query({.timeout = 20s}, "SELECT 7").value<int64_t>() == 7);
      registry.close(20s);
      return;
    } catch (const trunkline::error& error) {
      const bool healing = error.status() == TL_E_NO_MEMORY && Clock::now() - began < 20s;
      REQUIRE_MESSAGE(healing, std::string(error.what()));
      std::this_thread::sleep_for(5ms);
    }
  }
}

}  // namespace

TEST_CASE("memory that is short at any moment of a call, or of what is done in the background for it") {
  for (const Place& place : places()) {
    for (const Act& act : acts()) {
      CAPTURE(place.name);
      CAPTURE(act.name);
      bool felt = true;
      for (int64_t left = 0; felt; ++left) {
        const auto registry = trunkline::registry::parse(place.toml);
        if (left % 2 == 1) registry.on("db").query("SELECT 1");  // with a session that is there, and without
        {
          const tl::ShortMemory memory(left / 2, 1);
          try {
            act.run(registry, place);
          } catch (const trunkline::error&) {
          } catch (const std::bad_alloc&) {
          }
          felt = memory.was_felt();
        }
        CAPTURE(left);
        await_recovery(registry);
      }
    }
  }
}

TEST_CASE("many rows while memory is short: all are there or none, and what is told is true") {
  for (const Place& place : places()) {
    for (const bool loads : {false, true}) {
      CAPTURE(place.name);
      CAPTURE(loads);
      const auto registry = trunkline::registry::parse(place.toml);
      const trunkline::connection db = registry.on("db");
      db.query("DROP TABLE IF EXISTS many_short");
      db.query("CREATE TABLE many_short (id INTEGER, t TEXT)");
      const std::vector<std::tuple<int64_t, std::string>> rows(500, {1, "some text"});
      bool felt = true;
      for (int64_t left = 0; felt; ++left) {
        CAPTURE(left);
        std::optional<trunkline::outcome> failed;
        {
          const tl::ShortMemory memory(left, 1);
          try {
            loads ? (void)db.load("many_short", {"id", "t"}, rows)
                  : (void)db.execute_many("INSERT INTO many_short VALUES (?, ?)", rows);
          } catch (const trunkline::error& error) {
            failed = error.outcome();
          } catch (const std::bad_alloc&) {
            failed = trunkline::outcome::not_sent;  // it did not come to the library
          }
          felt = memory.was_felt();
        }
        await_recovery(registry);
        registry.connect();
        const auto there = db.query("SELECT CAST(count(*) AS BIGINT) FROM many_short").value<int64_t>();
        CHECK((there == 0 || there == 500));
        if (failed && failed != trunkline::outcome::unknown) CHECK(there == 0);
        if (!failed) CHECK(there == 500);
        db.query("DELETE FROM many_short");
      }
    }
  }
}

}  // namespace faults
