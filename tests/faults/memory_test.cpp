// Memory that is short for a moment, at any moment: calls fail, the process lives, and afterwards all is as before.
#include "short_memory.hpp"

#include <functional>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
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
  if (tl_has_feature("driver.mariadb") == 1) {
    const std::string server = line("driver", "mariadb") + line("socket", variable("TL_MARIADB_SOCKET")) +
                               line("database", variable("TL_MARIADB_DATABASE")) +
                               line("user", variable("TL_MARIADB_USER"));
    all.push_back({"MariaDB", "[connections.db]\n" + server + "[connections.db.pool]\n" + pool,
                   "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq <> b.seq + 0"});
  }
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

struct Ran {
  bool felt = true;
  tl_status status = TL_OK;
  int32_t outcome = TL_UNKNOWN;
};

// By the C ABI: C++ has no words for what became of a statement when memory was short.
Ran run_short_of_memory(const std::string& toml, const std::string& sql, int64_t left) {
  tl_registry* registry = nullptr;
  tl_conn* conn = nullptr;
  tl_result* result = nullptr;
  tl_error* error = nullptr;
  const auto query = [&](const std::string& text) {
    return tl_query(conn, text.data(), text.size(), nullptr, 0, nullptr, 0, nullptr, &result, &error);
  };
  REQUIRE(tl_registry_parse(toml.data(), toml.size(), nullptr, nullptr, &registry, nullptr) == TL_OK);
  REQUIRE(tl_conn_get(registry, nullptr, 0, TL_WRITE, &conn, nullptr) == TL_OK);
  REQUIRE(query("SELECT 1") == TL_OK);
  tl_result_release(std::exchange(result, nullptr));
  Ran ran;
  {
    const tl::ShortMemory memory(left, 1);
    ran.status = query(sql);
    ran.felt = memory.was_felt();
  }
  ran.outcome = tl_error_outcome(error);
  tl_error_release(error);
  tl_result_release(result);
  tl_conn_release(conn);
  tl_registry_release(registry);
  return ran;
}

// What was told of attempts, each of which writes rows of its own number. One whose end is unknown may take effect at
// any time, also beside those after it.
class Told {
 public:
  Told(const trunkline::connection& db, std::string table, int64_t rows)
      : db_(db), table_(std::move(table)), rows_(rows) {}

  void note(int64_t attempt, std::optional<trunkline::outcome> failed) {
    failed_.push_back(failed);
    check(attempt);
  }
  void check_all() const {
    for (size_t attempt = 0; attempt < failed_.size(); ++attempt) check(static_cast<int64_t>(attempt));
  }

 private:
  void check(int64_t attempt) const {
    CAPTURE(attempt);
    const auto failed = failed_[static_cast<size_t>(attempt)];
    const std::string count = "SELECT COUNT(*) FROM " + table_ + " WHERE id = ?";
    const auto there = db_.query(count, attempt).value<int64_t>();
    CHECK((there == 0 || there == rows_));
    if (!failed) CHECK(there == rows_);
    if (failed && failed != trunkline::outcome::unknown) CHECK(there == 0);
  }

  const trunkline::connection& db_;
  const std::string table_;
  const int64_t rows_;
  std::vector<std::optional<trunkline::outcome>> failed_;
};

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
      Told told(db, "many_short", 500);
      bool felt = true;
      for (int64_t left = 0; felt; ++left) {
        CAPTURE(left);
        const std::vector<std::tuple<int64_t, std::string>> rows(500, {left, "some text"});
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
        told.note(left, failed);
      }
      told.check_all();
    }
  }
}

TEST_CASE("memory that is short while a statement runs: what is told to have had no effect has had none") {
  for (const Place& place : places()) {
    CAPTURE(place.name);
    const auto registry = trunkline::registry::parse(place.toml);
    const auto db = registry.on("db");
    db.query("DROP TABLE IF EXISTS short_memory");
    db.query("CREATE TABLE short_memory (id INT)");
    Told told(db, "short_memory", 1);
    Ran ran;
    for (int64_t left = 0; ran.felt; ++left) {
      CAPTURE(left);
      ran = run_short_of_memory(place.toml,
                                "INSERT INTO short_memory VALUES (" + std::to_string(left) + ") RETURNING id", left);
      told.note(left, ran.status == TL_OK ? std::nullopt : std::optional(static_cast<trunkline::outcome>(ran.outcome)));
    }
    told.check_all();
  }
}

}  // namespace faults
