// What a call costs on the wire, counted by the proxy.
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
