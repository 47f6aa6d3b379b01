// Eight callers with a session each, behind a proxy that has two server sessions for all of them.
#include <mutex>
#include <set>

#include "proxies.hpp"

namespace faults {
namespace {

constexpr int callers = 8;

// What went wrong in some thread; the first of each kind.
class Complaints {
 public:
  void expect(bool holds, const std::string& what) {
    if (holds) return;
    const std::lock_guard lock(mutex_);
    all_.insert(what);
  }
  void check() const {
    for (const std::string& what : all_) FAIL_CHECK(what);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> all_;
};

// Every kind of work, with values that are only its own.
class Caller {
 public:
  Caller(const trunkline::registry& registry, int number, Complaints& complaints)
      : db_(registry.on("db")), number_(number), complaints_(complaints) {}

  void work(int round) {
    try {
      statement(round);
      transaction(round);
      rolled_back();
      streamed(round);
      if (round % 8 == number_) stopped();
    } catch (const trunkline::error& error) {
      complaints_.expect(false, error.what());
    }
  }

 private:
  void statement(int round) {
    // Texts of its own, and of all; the same text with values of different types.
    const int n = number_ * 1000 + round;
    const std::string own = "SELECT ?::int AS c" + std::to_string(number_) + "_" + std::to_string(round % 5);
    expect(db_.query(own, n).value<int>() == n, "a statement of its own");
    expect(db_.query("SELECT ?::text", std::to_string(n)).value<std::string>() == std::to_string(n), "a text");
    expect(db_.query("SELECT ?::text", n).value<std::string>() == std::to_string(n), "a number as text");
    expect(db_.query("INSERT INTO done VALUES (?, ?)", number_, round).affected() == 1, "an insert");
  }

  void transaction(int round) {
    db_.transaction([&](trunkline::connection& tx) {
      const int process = tx.query("SELECT pg_backend_pid()").value<int>();
      tx.query("UPDATE counts SET n = n + 1 WHERE caller = ?", number_);
      tx.transaction(
          [&](trunkline::connection& inner) { inner.query("INSERT INTO done VALUES (?, ?)", number_, -round); });
      expect(tx.query("SELECT pg_backend_pid()").value<int>() == process, "one server for a transaction");
      expect(tx.query("SELECT n FROM counts WHERE caller = ?", number_).value<int>() == ++sum_, "its own row");
    });
  }

  void rolled_back() {
    auto tx = db_.begin();
    tx.query("DELETE FROM counts WHERE caller = ?", number_);
    tx.rollback();
    expect(db_.query("SELECT n FROM counts WHERE caller = ?", number_).value<int>() == sum_, "what was rolled back");
  }

  void streamed(int round) {
    int64_t expected = 0;
    auto rows =
        db_.query({.stream = true, .batch_rows = 50}, "SELECT ?::int8 + i FROM generate_series(1, 1000) i", round * 10);
    for (auto [value] : rows.as<int64_t>()) {
      expect(value == round * 10 + ++expected, "a streamed row");
      if (round % 2 == 0 && expected == 120) return;  // left unread
    }
    expect(round % 2 == 0 || expected == 1000, "all streamed rows");
  }

  // Others wait for the server that it holds, also those that need a new session.
  void stopped() {
    const Failed failed = failed_by([&] { db_.query({.timeout = 300ms}, "SELECT pg_sleep(?::int)", 600); });
    const std::string name = failed.error.status_name();
    expect(name == "statement_timeout" || name == "acquire_timeout", "a deadline: " + name);
    expect(failed.took >= 290ms && failed.took < 20s, "a deadline in time");
  }

  void expect(bool holds, const std::string& what) { complaints_.expect(holds, what); }

  const trunkline::connection db_;
  const int number_;
  Complaints& complaints_;
  int sum_ = 0;
};

}  // namespace

TEST_CASE("two servers for eight callers: everybody gets his own rows, and nobody else's cancel") {
  for (const std::string& proxy : proxies) {
    CAPTURE(proxy);
    const trunkline::registry registry = through(proxy, "two", "", "max = 8\n");
    const trunkline::connection db = registry.on("db");
    db.query("DROP TABLE IF EXISTS done, counts");
    db.query("CREATE TABLE done (caller int, round int)");
    db.query("CREATE TABLE counts (caller int PRIMARY KEY, n int)");
    db.query("INSERT INTO counts SELECT i, 0 FROM generate_series(0, ?::int) i", callers - 1);
    constexpr int rounds = 16;
    Complaints complaints;
    std::vector<std::thread> threads;
    for (int number = 0; number < callers; ++number) {
      threads.emplace_back([&, number] {
        Caller caller(registry, number, complaints);
        for (int round = 1; round <= rounds; ++round) caller.work(round);
      });
    }
    for (std::thread& thread : threads) thread.join();
    complaints.check();
    CHECK(db.query("SELECT count(*) FROM done WHERE round > 0").value<int>() == callers * rounds);
    CHECK(db.query("SELECT count(*) FROM done WHERE round < 0").value<int>() == callers * rounds);
    CHECK(db.query("SELECT sum(n)::int FROM counts").value<int>() == callers * rounds);
    CHECK(db.query("SELECT count(*) FROM pg_prepared_statements").value<int>() == 0);
    db.query("DROP TABLE done, counts");
  }
}

TEST_CASE("while the servers are in use deadlines are kept, and afterwards all is as before") {
  const trunkline::registry registry = through(proxies[0], "two", "", "max = 8\n");
  const trunkline::connection db = registry.on("db");
  {
    const auto third = db.pin();
    CHECK(third.query("SELECT 0").value<int>() == 0);
    auto first = db.begin();
    auto second = db.begin();
    CHECK(first.query("SELECT 1").value<int>() == 1);
    CHECK(second.query("SELECT 2").value<int>() == 2);
    // It waits in the proxy, where no server can be told to stop it.
    const Failed failed = failed_by([&] { third.query({.timeout = 300ms}, "SELECT ?::int", 3); });
    CAPTURE(std::string(failed.error.what()));
    CHECK(failed.error.status_name() == std::string("statement_timeout"));
    CHECK(failed.took < 20s);
    first.commit();
    second.commit();
  }
  for (int i = 0; i < 20; ++i) CHECK(db.query("SELECT ?::int", i).value<int>() == i);
}

}  // namespace faults
