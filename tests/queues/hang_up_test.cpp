// Sessions that the server closes while nobody uses them.
#include "queues.hpp"

namespace queues {
namespace {

constexpr int sessions = 8;

// Opens so many sessions of the pool, all idle at the end; their numbers at the server.
std::vector<std::string> fill(const Desk& desk, const Database& database) {
  std::vector<trunkline::connection> held;
  std::vector<std::string> backends;
  for (int i = 0; i < sessions; ++i) {
    held.push_back(desk.db.pin());
    backends.push_back(std::to_string(held.back().query(database.backend).value<int64_t>()));
  }
  return backends;
}

}  // namespace

TEST_CASE("every idle session is killed at the server: the next thousand queries see no error, and check nothing") {
  for (const Database& database : databases()) {
    if (database.backend.empty()) continue;
    CAPTURE(database.name);
    const Desk desk(database, "max = 8\npre_ping = false\n");  // nothing but the watch finds out
    const Desk killer(database);
    for (const std::string& backend : fill(desk, database)) {
      const bool is_postgresql = database.name == "postgresql";
      (void)killer.db.query((is_postgresql ? "SELECT pg_terminate_backend(" : "KILL (") + backend + ")");
    }
    const auto begun = Clock::now();
    while (desk.figure("idle") != 0 && Clock::now() - begun < 10s) std::this_thread::sleep_for(1ms);
    CHECK(desk.figure("idle") == 0);
    int failed = 0;
    for (int i = 0; i < 1000; ++i) {
      try {
        (void)desk.db.query("SELECT 1");
      } catch (const trunkline::error&) {
        ++failed;
      }
    }
    CHECK(failed == 0);
  }
}

TEST_CASE("a read on a queue is lent a session once, and with the check that its pool asks for") {
  for (const Database& database : databases()) {
    if (database.backend.empty()) continue;
    CAPTURE(database.name);
    const Desk desk(database, "pre_ping = true\n");
    const Loop loop(desk);
    (void)desk.db.query("SELECT 1");
    const int64_t before = desk.figure("acquired");
    loop.query(desk.raw(), {}, "SELECT 1");
    CHECK(loop.next_done().status() == TL_OK);
    CHECK(desk.figure("acquired") == before + 1);
  }
}

}  // namespace queues
