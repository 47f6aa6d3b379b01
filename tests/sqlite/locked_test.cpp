// A file that another program has locked: statements wait for it, no longer than they may, and tell who it is.
#include <chrono>
#include <future>
#include <thread>
#include <trunkline/trunkline.hpp>

#include "other_process.hpp"

namespace processes {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Generous: a machine may be busy. What would be wrong takes for ever.
constexpr auto promptly = 5s;

struct Locked {
  explicit Locked(const std::string& pool = "") : registry(opened(file, pool)), db(registry.on("file")) {
    db.query("CREATE TABLE t (a)");
    lock();
  }
  ~Locked() { registry.close(); }  // before its folder goes
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  static trunkline::registry opened(const std::string& file, const std::string& pool) {
    return trunkline::registry::parse("[connections.file]\ndriver = \"sqlite\"\ndatabase = \"" + file + "\"\n" +
                                      "[connections.file.pool]\n" + pool);
  }
  void lock() {
    tell("BEGIN IMMEDIATE");
    tell("INSERT INTO t VALUES ('other')");
  }
  void tell(const std::string& sql) {
    other.say(sql);
    REQUIRE(other.heard() == "ok");
  }
  // Goes on holding it for so long.
  void commit_after(std::chrono::milliseconds time) {
    other.say("sleep " + std::to_string(time.count()));
    other.say("COMMIT");
  }
  [[nodiscard]] int64_t rows(const std::string& a) const {
    return db.query("SELECT count(*) FROM t WHERE a = ?", a).value<int64_t>();
  }

  const Folder folder;
  const std::string file = folder.file("locked.db");
  trunkline::registry registry;
  trunkline::connection db;
  OtherProcess other{{PLAIN, file}};
};

struct Failed {
  trunkline::error error;
  Clock::duration took;
};

template <class Act>
Failed failure_of(const Act& act) {
  const Clock::time_point began = Clock::now();
  try {
    act();
  } catch (const trunkline::error& e) {
    return {e, Clock::now() - began};
  }
  FAIL("nothing failed");
  return {trunkline::error(TL_OK, ""), {}};
}

void check_locked_out(const Locked& locked, const Failed& failed, Clock::duration after) {
  INFO(failed.error.what());
  CHECK(failed.error.status() == TL_E_LOCK_TIMEOUT);
  CHECK(failed.error.outcome() == trunkline::outcome::refused);
  const std::string text = failed.error.what();
  CHECK(text.find(locked.file) != std::string::npos);
  CHECK(text.find("process " + std::to_string(locked.other.number()) + " (plain)") != std::string::npos);
  CHECK(failed.took >= after);
  CHECK(failed.took < after + promptly);
}

// Each way of writing, one row "mine".
using Write = void (*)(const trunkline::connection& db, std::chrono::milliseconds timeout);
const std::vector<std::pair<const char*, Write>> writes = {
    {"a statement",
     [](const trunkline::connection& db, std::chrono::milliseconds timeout) {
       db.query({.timeout = timeout}, "INSERT INTO t VALUES ('mine')");
     }},
    {"a statement with an answer",
     [](const trunkline::connection& db, std::chrono::milliseconds timeout) {
       auto answer = db.query({.timeout = timeout}, "INSERT INTO t VALUES (?) RETURNING a", "mine");
       if (answer.value<std::string>() != "mine") throw std::logic_error("its answer is another one");
     }},
    {"a transaction",
     [](const trunkline::connection& db, std::chrono::milliseconds timeout) {
       auto tx = db.begin({.timeout = timeout});
       tx.query("INSERT INTO t VALUES ('mine')");
       tx.commit();
     }},
    {"many rows",
     [](const trunkline::connection& db, std::chrono::milliseconds timeout) {
       db.execute_many({.timeout = timeout}, "INSERT INTO t VALUES (?)", std::vector{std::tuple{"mine"}});
     }},
    {"a load",
     [](const trunkline::connection& db, std::chrono::milliseconds timeout) {
       db.load({.timeout = timeout}, "t", {"a"}, std::vector{std::tuple{"mine"}});
     }},
    {"several statements in one text",
     [](const trunkline::connection& db, std::chrono::milliseconds timeout) {
       db.query({.timeout = timeout}, "INSERT INTO t VALUES ('mine'); SELECT 1");
     }},
};

}  // namespace

TEST_CASE("whatever writes waits for another program's lock, and then succeeds") {
  Locked locked;
  for (const auto& [name, write] : writes) {
    CAPTURE(name);
    const int64_t before = locked.rows("mine");
    const Clock::time_point began = Clock::now();
    locked.commit_after(300ms);
    write(locked.db, 60s);
    CHECK(Clock::now() - began >= 290ms);
    CHECK(locked.other.heard() == "ok");
    CHECK(locked.rows("mine") == before + 1);
    locked.lock();
  }
}

TEST_CASE("two seconds are no error, and nobody who reads waits") {
  Locked locked;
  locked.commit_after(2s);
  auto written = std::async(std::launch::async, [&] { locked.db.query("INSERT INTO t VALUES ('mine')"); });
  CHECK(locked.rows("other") == 0);
  CHECK(written.wait_for(0s) == std::future_status::timeout);
  written.get();
  CHECK(locked.rows("mine") == 1);
}

TEST_CASE("a deadline ends the wait, and the error tells who has the lock") {
  Locked locked;
  for (const auto& [name, write] : writes) {
    CAPTURE(name);
    check_locked_out(locked, failure_of([&, write = write] { write(locked.db, 200ms); }), 200ms);
  }
  locked.tell("COMMIT");
  CHECK(locked.rows("mine") == 0);
  for (const auto& [name, write] : writes) write(locked.db, 60s);
  CHECK(locked.rows("mine") == static_cast<int64_t>(writes.size()));
}

TEST_CASE("without a deadline acquire_timeout ends it, as the wait for a writer of the same process") {
  Locked locked("acquire_timeout = \"200ms\"\n");
  check_locked_out(locked, failure_of([&] { locked.db.query("INSERT INTO t VALUES ('mine')"); }), 200ms);
}

TEST_CASE("a cancel ends it at once") {
  Locked locked;
  for (const bool queued : {false, true}) {
    CAPTURE(queued);
    const auto queue = locked.registry.queue();
    const auto async = locked.registry.on(queue, "file");
    const trunkline::operation by = locked.registry.operation();
    Clock::time_point asked;
    std::jthread cancelling([&] {
      std::this_thread::sleep_for(100ms);
      asked = Clock::now();
      by.cancel();
    });
    const Failed failed = failure_of([&] {
      const trunkline::options how{.cancel_by = &by};
      queued ? void(async.query(how, "INSERT INTO t VALUES ('mine')").get())
             : void(locked.db.query(how, "INSERT INTO t VALUES ('mine')"));
    });
    const Clock::duration took = Clock::now() - asked;
    MESSAGE("cancelled after " << std::chrono::duration<double, std::milli>(took).count() << " ms");
    CHECK(failed.error.status() == TL_E_CANCELLED);
    CHECK(failed.error.outcome() == trunkline::outcome::refused);
    CHECK(took < promptly);
  }
  locked.tell("COMMIT");
  CHECK(locked.rows("mine") == 0);
  locked.db.query("INSERT INTO t VALUES ('mine')");
  CHECK(locked.rows("mine") == 1);
}

TEST_CASE("statements of a queue wait for it, too, and end in time") {
  Locked locked;
  const auto queue = locked.registry.queue();
  const auto async = locked.registry.on(queue, "file");
  check_locked_out(locked, failure_of([&] { async.query({.timeout = 200ms}, "INSERT INTO t VALUES ('mine')").get(); }),
                   200ms);
  locked.commit_after(300ms);
  async.query("INSERT INTO t VALUES ('mine')").get();
  CHECK(locked.rows("mine") == 1);
}

TEST_CASE("a transaction that began with a read may write where nobody else has written since") {
  Locked locked;
  auto mine = locked.db.pin();
  mine.query("BEGIN");
  mine.query({.intent = trunkline::intent::write}, "SELECT count(*) FROM t");
  SUBCASE("it waits for a lock under which nothing was written") {
    locked.other.say("sleep 300");
    locked.other.say("ROLLBACK");
    mine.query("INSERT INTO t VALUES ('mine')");
    mine.query("COMMIT");
    CHECK(locked.rows("mine") == 1);
  }
  SUBCASE("what was written meanwhile makes that impossible, and the error says what to do") {
    locked.commit_after(300ms);
    const Failed failed = failure_of([&] { mine.query("INSERT INTO t VALUES ('mine')"); });
    INFO(failed.error.what());
    CHECK(failed.error.status() == TL_E_SERIALIZATION);
    CHECK(failed.error.outcome() == trunkline::outcome::refused);
    CHECK(std::string(failed.error.what()).find("BEGIN IMMEDIATE") != std::string::npos);
    mine.query("ROLLBACK");
    CHECK(locked.rows("mine") == 0);
  }
}

TEST_CASE("what cleans up waits for its time, too") {
  Locked locked;
  check_locked_out(locked, failure_of([&] { locked.db.query({.timeout = 200ms}, "VACUUM"); }), 200ms);
  const auto is_busy = [](trunkline::result answer) {
    int64_t sum = 0;
    for (auto [busy, pages, moved] : answer.as<int64_t, int64_t, int64_t>()) sum += busy;
    return sum;
  };
  const std::string checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
  // SQLite tells of a checkpoint that could not be made in its answer.
  const auto pinned = locked.db.pin();
  const Clock::time_point began = Clock::now();
  CHECK(is_busy(pinned.query({.timeout = 200ms}, checkpoint)) == 1);
  CHECK(Clock::now() - began < promptly);
  locked.commit_after(300ms);
  CHECK(is_busy(pinned.query(checkpoint)) == 0);
  pinned.query("VACUUM");
}

TEST_CASE("a file that nobody else may use at all is told of when it is opened") {
  Locked locked;
  locked.tell("COMMIT");
  locked.registry.close();
  locked.tell("PRAGMA locking_mode = EXCLUSIVE");
  locked.lock();
  const auto registry = Locked::opened(locked.file, "create_timeout = \"200ms\"\n");
  const Failed failed = failure_of([&] { registry.on().query("SELECT * FROM t"); });
  INFO(failed.error.what());
  CHECK(failed.error.status() == TL_E_CONNECT_TIMEOUT);
  CHECK(std::string(failed.error.what()).find("process " + std::to_string(locked.other.number())) != std::string::npos);
  CHECK(failed.took < promptly);
  registry.close();
}

}  // namespace processes
