// What a call costs on the wire, counted by the proxy.
#include <optional>
#include <tuple>
#include <vector>

#include "proxied.hpp"

namespace faults {

namespace {

constexpr int calls = 20;

// Of what happens meanwhile.
template <class Act>
Traffic traffic_of(const Proxied& db, const Act& act) {
  const Traffic before = db.proxy->traffic();
  act();
  const Traffic after = db.proxy->traffic();
  return {after.connections - before.connections, after.exchanges - before.exchanges,
          after.client_bytes - before.client_bytes, after.server_bytes - before.server_bytes};
}

void each(const std::string& pool, const std::function<void(const Proxied&)>& act) {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    for (const std::string mode : {"disable", "verify-full"}) {
      CAPTURE(mode);
      const Proxied db(server, mode, pool);
      for (int i = 0; i < 3; ++i) REQUIRE(db.answers());  // its statement is prepared now
      act(db);
    }
  }
}

// Never looks at a session, or not after so short a rest.
const std::vector<std::string> trusting = {"max = 1\npre_ping = false\n", "max = 1\npre_ping = \"10m\"\n"};

}  // namespace

TEST_CASE("a query on a clean session costs one round trip") {
  for (const std::string& pool : trusting) {
    each(pool, [](const Proxied& db) {
      const Traffic traffic = traffic_of(db, [&] {
        for (int i = 0; i < calls; ++i) CHECK(db.answers());
      });
      CHECK(traffic.exchanges == calls);
      CHECK(traffic.connections == 0);
    });
  }
}

TEST_CASE("leasing a clean session and releasing it costs no round trip") {
  for (const std::string& pool : trusting) {
    each(pool, [](const Proxied& db) {
      const Traffic unused = traffic_of(db, [&] {
        for (int i = 0; i < calls; ++i) (void)db.db.pin(20s);
      });
      CHECK(unused.client_bytes == 0);
      CHECK(unused.server_bytes == 0);
      CHECK(unused.connections == 0);
      const Traffic used = traffic_of(db, [&] {
        for (int i = 0; i < calls; ++i) {
          const auto pinned = db.db.pin(20s);
          CHECK(pinned.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
        }
      });
      CHECK(used.exchanges == calls);
      CHECK(used.connections == 0);
    });
  }
}

TEST_CASE("a thousand rows cost one round trip on PostgreSQL, loading two, and MariaDB's bulk four") {
  using Row = std::tuple<int64_t, std::optional<std::string>, std::optional<int64_t>>;
  std::vector<Row> rows;
  for (int64_t i = 1; i <= 1000; ++i) rows.emplace_back(i, "row", 7);
  std::vector<Row> sparse;
  for (int64_t i = 1; i <= 1000; ++i) {
    sparse.push_back(i % 2 == 0 ? Row{i, std::nullopt, 7} : Row{i, "row", std::nullopt});
  }
  each("max = 1\npre_ping = false\n", [&](const Proxied& db) {
    const bool postgresql = db.server.driver == "postgresql";
    const std::string insert = "INSERT INTO counted VALUES (?, ?, ?)";
    db.db.query("DROP TABLE IF EXISTS counted");
    db.db.query("CREATE TABLE counted (id INTEGER, t TEXT, n INTEGER)");
    CHECK(db.answers());
    const Traffic many = traffic_of(db, [&] { db.db.execute_many({.timeout = 20s}, insert, rows); });
    const Traffic loaded = traffic_of(db, [&] {
      (void)db.db.load({.timeout = 20s}, "counted", {"id", "t", "n"}, rows);
    });
    if (!postgresql) {
      // Begin, prepare, the rows, commit; a statement is closed without an answer.
      CHECK(many.exchanges == 4);
      CHECK(loaded.exchanges == 4);
      return;
    }
    CHECK(loaded.exchanges == 2);
    const Traffic with_nulls = traffic_of(db, [&] { db.db.execute_many({.timeout = 20s}, insert, sparse); });
    CHECK(with_nulls.client_bytes < many.client_bytes * 11 / 10);
    // The server begins to answer while rows are still on their way: held back, it shows that none of them waits for
    // it.
    const uint64_t before = db.proxy->traffic().client_bytes;
    db.proxy->plan_all({.from_server = {.then = Does::stall}});
    std::jthread caller([&] { db.db.execute_many({.timeout = 20s}, insert, rows); });
    const Clock::time_point began = Clock::now();
    while (db.proxy->traffic().client_bytes - before < many.client_bytes && Clock::now() - began < 10s) {
      std::this_thread::sleep_for(1ms);
    }
    CHECK(db.proxy->traffic().client_bytes - before == many.client_bytes);
    db.proxy->plan_all({});
  });
}

TEST_CASE("PostgreSQL is asked once whether it is one: later sessions of an endpoint cost a round trip less") {
  const Proxied db(servers().front(), "disable", "max = 3\n");
  REQUIRE(db.server.driver == "postgresql");
  std::vector<trunkline::connection> held;
  std::vector<uint64_t> exchanges;
  for (int i = 0; i < 3; ++i) {
    exchanges.push_back(traffic_of(db, [&] { held.push_back(db.db.pin(20s)); }).exchanges);
  }
  CHECK(exchanges[0] == exchanges[1] + 1);
  CHECK(exchanges[1] == exchanges[2]);
}

TEST_CASE("a session that was changed pays for it: the counting sees a round trip where there is one") {
  each("max = 1\npre_ping = false\n", [](const Proxied& db) {
    const Traffic traffic = traffic_of(db, [&] {
      db.db.query({.timeout = 20s}, db.server.changes);
      CHECK(db.answers());
    });
    CHECK(traffic.exchanges > 2);
  });
}

}  // namespace faults
