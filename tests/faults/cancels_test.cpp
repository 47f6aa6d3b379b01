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

TEST_CASE("a cancel that is held up on its way until its time is over hits nobody else's statement") {
  for (const Server& server : servers()) {
    if (server.driver != "mariadb") continue;  // libpq's cancel is not broken off
    const Proxied db(server, "disable", "max = 1\ndestroy_timeout = \"1s\"\n");
    const Proxied watcher(server);
    const std::string sleeps = "SELECT SLEEP(?)";
    const auto sent_by = [&](const auto& act) {
      const uint64_t before = db.proxy->traffic().client_bytes;
      act();
      await([&] { return db.figure("leased") == 0 && db.proxy->held() == 1; });
      return db.proxy->traffic().client_bytes - before;
    };
    const auto stopped = [&](double seconds) {
      const Failed failed = failed_by([&] { (void)db.db.query({.timeout = 200ms}, sleeps, seconds); });
      CHECK(failed.error.status_name() == std::string("statement_timeout"));
    };
    (void)db.db.query(sleeps, 0.0);
    const uint64_t statement = sent_by([&] { (void)db.db.query(sleeps, 0.0); });
    const std::string kill = "KILL QUERY " + std::to_string(db.db.query("SELECT CONNECTION_ID()").value<int64_t>());
    const uint64_t cancelling = sent_by([&] { stopped(30); }) - statement;
    const uint64_t kill_and_quit = 5 + kill.size() + 5;
    db.proxy->plan_next({.from_client = {.after = cancelling - kill_and_quit, .then = Does::stall}});
    stopped(0.4);  // which ends by itself, soon after
    await([&] { return db.figure("leased") == 0; });
    db.proxy->plan_next({});
    std::string told = "ok";
    std::thread next([&] {
      try {
        (void)db.db.query({.timeout = 20s}, sleeps, 1.0);
      } catch (const trunkline::error& error) {
        told = error.what();
      }
    });
    await([&] {
      return watcher.db.query("SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'")
                 .value<int64_t>() == 1;
    });
    db.proxy->plan_all({});
    next.join();
    CHECK(told == "ok");
  }
}

}  // namespace faults
