// Cancelling at servers that are reached, and at those that are not: it ends, and holds up nobody else's.
#include "proxied.hpp"

namespace faults {

namespace {

template <class Condition>
void await(const Condition& holds) {
  const Clock::time_point began = Clock::now();
  while (!holds()) {
    REQUIRE(Clock::now() - began < 20s);
    std::this_thread::sleep_for(1ms);
  }
}

// The cancel has reached the server: its word may come after the caller has left, but the only session is kept.
bool cancels(const Proxied& db) {
  const Failed failed = db.failure({.timeout = 200ms}, db.server.sleeps);
  CHECK(failed.error.status_name() == std::string("statement_timeout"));
  await([&] { return db.figure("leased") == 0; });
  return db.answers() && db.figure("opened") == 1;
}

const std::vector<Plan> unreachable = {
    {.from_server = {.then = Does::stall}},
    {.from_server = {.of_tls = true, .then = Does::stall}},
    {.from_server = {.then = Does::drip}},
    {.from_server = {.then = Does::reset}},
};

}  // namespace

TEST_CASE("a cancel takes a connection of its own, and the session is of use afterwards") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    for (const std::string mode : {"disable", "verify-full"}) {
      CAPTURE(mode);
      const Proxied db(server, mode, "max = 1\ndestroy_timeout = \"20s\"\n");
      REQUIRE(db.answers());
      const uint64_t before = db.proxy->traffic().connections;
      CHECK(cancels(db));
      CHECK(db.proxy->traffic().connections > before);
      CHECK(db.answers());
      CHECK(db.figure("opened") == 1);
    }
  }
}

TEST_CASE("a cancel that does not reach its server ends in time, and others are cancelled meanwhile") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Proxied well(server, "verify-full", "max = 1\ndestroy_timeout = \"20s\"\n");
    REQUIRE(well.answers());
    for (const Plan& plan : unreachable) {
      const Proxied db(server, "verify-full", "max = 6\ndestroy_timeout = \"1s\"\n");
      REQUIRE(db.answers());
      std::vector<std::thread> callers;
      std::atomic<int> told{0};
      {
        std::vector<trunkline::connection> pinned;
        for (int i = 0; i < 6; ++i) pinned.push_back(db.db.pin(20s));
        db.proxy->plan_next(plan);
        for (const trunkline::connection& pin : pinned) {
          callers.emplace_back([&told, &db, &pin] {
            const Failed failed = failed_by([&] { (void)pin.query({.timeout = 200ms}, db.server.sleeps); });
            if (failed.error.status_name() == std::string("statement_timeout") && failed.took < 3s) ++told;
          });
        }
        CHECK(cancels(well));
        for (std::thread& caller : callers) caller.join();
      }
      CHECK(told == 6);
      await([&] { return db.figure("leased") == 0; });
      // libpq's cancel cannot be broken off: it keeps its thread, which is replaced.
      if (server.driver == "mariadb") await([&] { return db.proxy->held() == 0; });
      db.proxy->plan_all({});
      CHECK(db.answers());
    }
  }
}

}  // namespace faults
