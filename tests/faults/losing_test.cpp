// A server that dies, restarts or freezes under its clients. It is this program's own: others would suffer with it.
#include <signal.h>

#include <vector>

#include "faults.hpp"

namespace faults {

namespace {

void steer(const char* verb) { REQUIRE(std::system((variable("TL_PG_CTL") + " " + verb).c_str()) == 0); }

struct Db {
  explicit Db(const std::string& pool = "") : registry(trunkline::registry::parse(connection(by_socket(), pool))) {}

  [[nodiscard]] int64_t number(const std::string& sql, std::chrono::milliseconds timeout = 20s) const {
    return db.query({.timeout = timeout}, sql).value<int64_t>();
  }

  trunkline::registry registry;
  trunkline::connection db = registry.on("db");
};

void await_active(const Db& watcher, const std::string& part) {
  const std::string sql =
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%" +
      part + "%'";
  const Clock::time_point began = Clock::now();
  while (watcher.number(sql) == 0) {
    REQUIRE(Clock::now() - began < 20s);
    std::this_thread::sleep_for(2ms);
  }
}

// Opens as many sessions as there are callers, all at once.
void open_sessions(const Db& db, int n) {
  std::vector<trunkline::connection> pinned;
  for (int i = 0; i < n; ++i) pinned.push_back(db.db.pin(20s));
}

}  // namespace

TEST_CASE(
    "the server is killed in the middle of a query: a classed error at once, and the next query after its restart") {
  const Secrecy secrecy;
  const Db db;
  const Db watcher;
  std::thread killer([&] {
    await_active(watcher, "pg_sleep(600)");
    steer("kill");
  });
  const Failed lost = failed_by([&] { (void)db.db.query({.timeout = 30s}, "SELECT pg_sleep(600)"); });
  killer.join();
  CHECK(lost.error.status_name() == std::string("unavailable"));
  CHECK(lost.error.outcome() == trunkline::outcome::unknown);
  CHECK(lost.took < 25s);
  CHECK(lost.error.endpoint().find(variable("TL_PG_SOCKET")) != std::string::npos);
  secrecy.check(lost.error);

  const Failed down = failed_by([&] { (void)db.number("SELECT 1", 2s); });
  CHECK(down.error.status_name() == std::string("unavailable"));
  CHECK(down.error.outcome() == trunkline::outcome::not_sent);
  CHECK(down.took < 4s);

  steer("start");
  CHECK(db.number("SELECT 7") == 7);
}

TEST_CASE("sessions that idled through a restart are not lent out") {
  const Secrecy secrecy;
  const Db db("min = 0\nmax = 8\nidle_timeout = \"10m\"\n");
  for (int round = 0; round < 3; ++round) {
    open_sessions(db, 8);
    steer(round == 0 ? "restart" : "kill");
    steer("start");
    for (int i = 0; i < 16; ++i) CHECK(db.number("SELECT " + std::to_string(i)) == i);
    std::vector<std::thread> callers;
    std::atomic<int> wrong{0};
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        try {
          if (db.number("SELECT 5") != 5) ++wrong;
        } catch (const trunkline::error&) {
          ++wrong;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(wrong == 0);
  }
}

TEST_CASE("a transaction whose server dies before its commit: the commit fails, and nothing of it stays") {
  const Db db;
  db.db.query("DROP TABLE IF EXISTS survivors");
  db.db.query("CREATE TABLE survivors (a int)");
  db.db.query("CHECKPOINT");  // the server does not wait for its disk otherwise
  {
    auto transaction = db.db.begin({.timeout = 20s});
    transaction.query("INSERT INTO survivors VALUES (1)");
    steer("kill");
    const Failed commit = failed_by([&] { transaction.commit(10s); });
    CHECK(commit.error.status_name() == std::string("unavailable"));
    const bool told = commit.error.outcome() == trunkline::outcome::rolled_back ||
                      commit.error.outcome() == trunkline::outcome::unknown;
    CHECK(told);
    CHECK(commit.took < 11s);
  }
  steer("start");
  CHECK(db.number("SELECT count(*) FROM survivors") == 0);
}

TEST_CASE("a stream that its server leaves half way ends with an error, not with its last row") {
  const Db db;
  auto result =
      db.db.query({.timeout = 60s, .stream = true, .batch_rows = 10}, "SELECT i FROM generate_series(1, 100000000) i");
  REQUIRE(result.next().has_value());
  steer("kill");
  const Failed broken = failed_by([&] {
    while (result.next()) {
    }
  });
  CHECK(broken.error.status_name() == std::string("unavailable"));
  steer("start");
  CHECK(db.number("SELECT 1") == 1);
}

TEST_CASE("a setting that the server reports to idle sessions does not cost them their lives") {
  const Db db("max = 1\nidle_timeout = \"10m\"\n");
  const Db other;
  const int64_t session = db.number("SELECT pg_backend_pid()::int8");
  for (const char* value : {"on", "off"}) {
    other.db.query(std::string("ALTER SYSTEM SET default_transaction_read_only = ") + value);
    other.db.query("SELECT pg_reload_conf()");
    const Clock::time_point began = Clock::now();
    while (db.db.query("SHOW default_transaction_read_only").value<std::string>() != value) {
      REQUIRE(Clock::now() - began < 20s);
    }
    CHECK(db.number("SELECT pg_backend_pid()::int8") == session);
  }
}

TEST_CASE("a session whose server process freezes: the deadline holds, and others are served") {
  const Db db("max = 2\ndestroy_timeout = \"500ms\"\n");
  pid_t frozen = 0;
  {
    const auto pinned = db.db.pin(20s);
    frozen = static_cast<pid_t>(pinned.query("SELECT pg_backend_pid()::int8").value<int64_t>());
    REQUIRE(kill(frozen, SIGSTOP) == 0);
    const Failed late = failed_by([&] { (void)pinned.query({.timeout = 300ms}, "SELECT 1"); });
    CHECK(late.error.status_name() == std::string("statement_timeout"));
    CHECK(late.took >= 290ms);
    CHECK(late.took < 3s);
    CHECK(db.number("SELECT 2") == 2);
  }
  for (int i = 0; i < 5; ++i) CHECK(db.number("SELECT pg_backend_pid()::int8") != frozen);
  kill(frozen, SIGCONT);
}

TEST_CASE("a server that ends the session of a COMMIT once it is done leaves it done once") {
  const Db db;
  const Db watcher;
  watcher.db.query("ALTER SYSTEM SET fsync = on");  // what delays a commit does so only then
  watcher.db.query("SELECT pg_reload_conf()");
  const Clock::time_point began = Clock::now();
  while (watcher.db.query("SHOW fsync").value<std::string>() != "on") REQUIRE(Clock::now() - began < 20s);
  watcher.db.query("CREATE TABLE done_once (a int)");
  int runs = 0;
  std::thread killer;
  try {
    db.db.transaction({.retry = 3}, [&](trunkline::transaction& tx) {
      const auto pid = tx.query("SELECT pg_backend_pid()").value<int64_t>();
      tx.query("INSERT INTO done_once VALUES (1)");
      if (runs++ > 0) return;
      for (const char* setting : {"synchronous_commit = on", "commit_siblings = 0", "commit_delay = 100000"}) {
        tx.query(std::string("SET LOCAL ") + setting);
      }
      killer = std::thread([&watcher, pid] {
        await_active(watcher, "COMMIT");
        watcher.db.query("SELECT pg_terminate_backend($1)", pid);
      });
    });
  } catch (const trunkline::error& error) {
    CHECK(error.outcome() == trunkline::outcome::unknown);
  }
  killer.join();
  CHECK(runs == 1);
  CHECK(watcher.number("SELECT count(*) FROM done_once") == 1);
  watcher.db.query("DROP TABLE done_once");
}

}  // namespace faults
