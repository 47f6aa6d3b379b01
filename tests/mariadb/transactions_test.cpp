// Transactions of two sessions that meet, and those whose session is killed.
#include "book.hpp"

namespace tl::validation {
namespace {

// Two sessions on one table with the rows 1 and 2.
struct Pair : Line {
  Pair() : Line("[connections.db.pool]\nmax = 3\n") {
    run("DROP TABLE IF EXISTS crossed");
    run("CREATE TABLE crossed (id INT PRIMARY KEY, a INT)");
    run("INSERT INTO crossed VALUES (1, 0), (2, 0)");
  }
  [[nodiscard]] Result<Table> set(Handle& on, int id, int a) const {
    return rows(on, "UPDATE crossed SET a = " + std::to_string(a) + " WHERE id = " + std::to_string(id));
  }
  [[nodiscard]] std::string id_of(Handle& on) const {
    return rows(on, "SELECT CONNECTION_ID()").take().front().front();
  }
  // Until the session is seen to run such a statement.
  void await(const std::string& id, const std::string& info) const {
    const Instant began = steady_clock().now();
    while (one("SELECT COUNT(*) FROM information_schema.processlist WHERE id = " + id + " AND info LIKE '%" + info +
               "%' AND time_ms > 1") != "1") {
      REQUIRE(steady_clock().now() - began < 20s);
      std::this_thread::sleep_for(2ms);
    }
  }
  void kill(const std::string& id) const {
    run("KILL CONNECTION " + id);
    const Instant began = steady_clock().now();
    while (one("SELECT COUNT(*) FROM information_schema.processlist WHERE id = " + id) != "0") {
      REQUIRE(steady_clock().now() - began < 20s);
      std::this_thread::sleep_for(2ms);
    }
  }
};

}  // namespace

TEST_CASE("two transactions that wait for each other: one is over, the other goes on") {
  const Pair pair;
  const auto first = Book::begin(*pair.handle);
  const auto second = Book::begin(*pair.handle);
  const std::string first_id = pair.id_of(*first);
  REQUIRE(pair.set(*first, 1, 1).ok());
  REQUIRE(pair.set(*second, 2, 2).ok());
  std::string waited;
  std::thread waits([&] { waited = told(pair.set(*first, 2, 1)); });
  pair.await(first_id, "UPDATE crossed");
  const std::string met = told(pair.set(*second, 1, 2));
  waits.join();
  const bool first_lost = waited != "ok";
  CHECK((first_lost ? waited : met) == "deadlock/rolled_back");
  CHECK((first_lost ? met : waited) == "ok");
  Handle& loser = first_lost ? *first : *second;
  Handle& winner = first_lost ? *second : *first;
  CHECK(told(pair.set(loser, 1, 7)) == "statement/not_sent");
  CHECK(told(loser.commit({})) == "statement/rolled_back");
  CHECK(told(winner.commit({})) == "ok");
  pair.await_home();
  const std::string a = first_lost ? "2" : "1";
  CHECK(*pair.rows("SELECT a FROM crossed ORDER BY id") == Table{{a}, {a}});
}

TEST_CASE("a lock that does not come in time fails its statement alone") {
  const Pair pair;
  const auto holder = Book::begin(*pair.handle);
  REQUIRE(pair.set(*holder, 1, 1).ok());
  const auto waiter = pair.handle->pin({}).take();
  REQUIRE(pair.rows(*waiter, "SET innodb_lock_wait_timeout = 1").ok());
  const auto tx = Book::begin(*waiter);
  REQUIRE(pair.set(*tx, 2, 2).ok());
  CHECK(told(pair.set(*tx, 1, 2)) == "lock_timeout/refused");
  CHECK(told(pair.rows(*tx, "SELECT * FROM crossed WHERE id = 1 FOR UPDATE NOWAIT")) == "lock_timeout/refused");
  REQUIRE(holder->rollback({}).ok());
  CHECK(told(pair.set(*tx, 1, 3)) == "ok");
  CHECK(told(tx->commit({})) == "ok");
  CHECK(*pair.rows("SELECT a FROM crossed ORDER BY id") == Table{{"3"}, {"2"}});
}

TEST_CASE("a statement that commits ends its transaction, and nobody says that it was rolled back") {
  const Book book;
  book.run("CREATE OR REPLACE PROCEDURE commits() BEGIN COMMIT; END");
  book.run("CREATE OR REPLACE PROCEDURE commits_and_fails() BEGIN COMMIT; SIGNAL SQLSTATE '45000'; END");
  const std::vector<std::pair<std::string, std::string>> commits = {
      {"CREATE OR REPLACE TABLE another (a INT)", "ok"},
      {"CREATE TABLE book (a INT)", "statement/refused"},
      {"CALL commits()", "ok"},
      {"CALL commits_and_fails()", "statement/unknown"},
  };
  for (const auto& [sql, answer] : commits) {
    for (const bool commit : {true, false}) {
      CAPTURE(sql);
      CAPTURE(commit);
      book.run("DELETE FROM book");
      const auto pinned = book.pin();
      const auto tx = Book::begin(*pinned);
      const auto inner = Book::begin(*tx);
      REQUIRE(book.insert(*inner, 1).ok());
      CHECK(told(book.rows(*inner, sql)) == answer);
      CHECK(told(book.insert(*inner, 2)) == "statement/not_sent");
      CHECK(told(inner->commit({})) == "statement/unknown");
      CHECK(told(book.insert(*tx, 3)) == "statement/not_sent");
      CHECK(told(commit ? tx->commit({}) : tx->rollback({})) == "statement/unknown");
      CHECK(book.rows(*pinned, "SELECT a FROM book").take() == Table{{"1"}});
      const auto next = Book::begin(*pinned);
      REQUIRE(book.insert(*next, 4).ok());
      CHECK(told(next->rollback({})) == "ok");
    }
  }
  CHECK(book.left() == Table{{"1"}});
}

TEST_CASE("a statement that commits is not told to be undone where it runs for many rows") {
  const Book book;
  book.run("CREATE OR REPLACE PROCEDURE adds(n INT) BEGIN INSERT INTO book VALUES (n); COMMIT; END");
  QueryResult none;
  const Values rows = Values().integer(1).text("no number");
  CHECK(told(book.handle->execute_many(none, "CALL adds(?)", rows.params(), 2, false, {})).ends_with("/unknown"));
  CHECK(book.left() == Table{{"1"}});
}

TEST_CASE("a transaction whose session is killed: its statement says so, nothing of it stays") {
  const Pair pair;
  for (const bool running : {false, true}) {
    CAPTURE(running);
    const auto tx = Book::begin(*pair.handle);
    const std::string id = pair.id_of(*tx);
    REQUIRE(pair.set(*tx, 1, 9).ok());
    if (running) {
      std::string said;
      std::thread sleeper([&] { said = told(pair.rows(*tx, "SELECT SLEEP(60)")); });
      pair.await(id, "SLEEP(60)");
      pair.kill(id);
      sleeper.join();
      CHECK(said.starts_with("unavailable/"));
    } else {
      pair.kill(id);
      CHECK(told(pair.set(*tx, 1, 10)).starts_with("unavailable/"));
    }
    const Result<void> committed = tx->commit({});
    REQUIRE_FALSE(committed.ok());
    CHECK(told(committed) == "unavailable/rolled_back");
    CHECK(*pair.rows("SELECT a FROM crossed ORDER BY id") == Table{{"0"}, {"0"}});
  }
}

TEST_CASE("an idle session that was killed is not lent") {
  const Book book;
  const std::string id = book.one("SELECT CONNECTION_ID()");
  Asking other;
  other.run("KILL CONNECTION " + id);
  const Instant began = steady_clock().now();
  while (other.one("SELECT COUNT(*) FROM information_schema.processlist WHERE id = " + id) != "0") {
    REQUIRE(steady_clock().now() - began < 20s);
    std::this_thread::sleep_for(2ms);
  }
  std::this_thread::sleep_for(15ms);  // a session that was idle for less is trusted
  CHECK(book.one("SELECT 7") == "7");
  CHECK(book.one("SELECT CONNECTION_ID()") != id);
}

TEST_CASE("each isolation holds for its transaction alone") {
  const Pair pair;
  const auto a_of = [&](Handle& on) {
    return pair.rows(on, "SELECT a FROM crossed WHERE id = 1").take().front().front();
  };
  const auto begin = [&](driver::Isolation isolation) {
    return pair.handle->begin({.isolation = isolation}, {}).take();
  };
  int a = 0;
  // Whether a transaction sees what another has committed since it read.
  const auto sees_others = [&](Handle& tx) {
    const std::string before = a_of(tx);
    REQUIRE(pair.set(*pair.handle, 1, ++a).ok());
    return a_of(tx) != before;
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(sees_others(*begin(driver::Isolation::read_committed)));
    CHECK_FALSE(sees_others(*begin(driver::Isolation::repeatable_read)));
    CHECK_FALSE(sees_others(*begin(driver::Isolation::server_default)));
  }
  const auto serial = begin(driver::Isolation::serializable);
  CHECK(a_of(*serial) == std::to_string(a));
  CHECK(told(pair.rows("SELECT a FROM crossed WHERE id = 1 FOR UPDATE NOWAIT")) == "lock_timeout/refused");
  CHECK(told(serial->commit({})) == "ok");
  CHECK(told(pair.rows("SELECT a FROM crossed WHERE id = 1 FOR UPDATE NOWAIT")) == "ok");
}

TEST_CASE("an isolation of one transaction is no change of its session, one of all transactions is") {
  Asking ask;
  ask.run("CREATE OR REPLACE TABLE isolated (a INT)");
  REQUIRE(ask.reset().ok());
  for (const driver::Isolation isolation :
       {driver::Isolation::read_committed, driver::Isolation::repeatable_read, driver::Isolation::serializable}) {
    for (const bool read_only : {false, true}) {
      for (const char* end : {"COMMIT", "ROLLBACK"}) {
        CAPTURE(end);
        ask.run(ask.driver().begin_text({isolation, read_only}));
        CHECK(ask->state() == driver::State::in_transaction);
        CHECK(ask.one("SELECT COUNT(*) FROM isolated") == "0");
        ask.run(end);
        CHECK_FALSE(ask->changed());
        CHECK(ask.one("SELECT @@tx_isolation") == "REPEATABLE-READ");
      }
    }
  }
  const std::string begins = ask.driver().begin_text({.isolation = driver::Isolation::read_committed});
  ask.run(begins);
  ask.run("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE");
  CHECK(ask->changed());
  ask.run("COMMIT");
  CHECK(ask->changed());
  ask.run(begins);  // leaves a session changed that was
  ask.run("COMMIT");
  CHECK(ask->changed());
  REQUIRE(ask.reset().ok());
  CHECK(ask.one("SELECT @@tx_isolation") == "REPEATABLE-READ");
  ask.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");  // of a transaction that another borrower would begin
  CHECK(ask->changed());
}

TEST_CASE("a read-only transaction refuses to write and goes on; the next one writes") {
  const Book book;
  auto tx = book.handle->begin({.isolation = driver::Isolation::read_committed, .read_only = true}, {});
  REQUIRE(tx.ok());
  CHECK(told(book.insert(**tx, 1)) == "read_only/not_sent");
  CHECK(book.rows(**tx, "SELECT a FROM book").ok());
  CHECK(told((*tx)->commit({})) == "ok");
  CHECK(told(book.insert(*book.handle, 2)) == "ok");
  CHECK(book.left() == Table{{"2"}});
}

}  // namespace tl::validation
