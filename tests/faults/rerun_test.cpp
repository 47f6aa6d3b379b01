// Transactions that are run again: those that certainly had no effect and may succeed now, and no others.
#include <barrier>
#include <functional>
#include <stdexcept>

#include "proxied.hpp"

namespace faults {

namespace {

// A table of two rows, and who looks at it from elsewhere.
struct Bank {
  explicit Bank(const Server& server) : to(server), watcher(server) {
    watcher.db.query("DROP TABLE IF EXISTS account");
    watcher.db.query("CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)");
    watcher.db.query("INSERT INTO account VALUES (1, 0), (2, 0)");
  }
  ~Bank() { watcher.db.query("DROP TABLE account"); }

  [[nodiscard]] int64_t amount(int id) const {
    return watcher.db.query("SELECT amount FROM account WHERE id = ?", id).value<int64_t>();
  }
  // The server ends the session that the transaction is on.
  void kill(const trunkline::transaction& on) const {
    const bool is_postgresql = to.server.driver == "postgresql";
    const auto id = on.query(is_postgresql ? "SELECT pg_backend_pid()" : "SELECT CONNECTION_ID()").value<int64_t>();
    watcher.db.query(is_postgresql ? "SELECT pg_terminate_backend(" + std::to_string(id) + ")"
                                   : "KILL " + std::to_string(id));
  }

  const Proxied to, watcher;
};

void add(const trunkline::transaction& tx, int id) {
  tx.query("UPDATE account SET amount = amount + 1 WHERE id = ?", id);
}

// Of a transaction whose last statement, or COMMIT behind it, loses its answer: it is not run again.
void check_unknown(const Bank& bank, const std::function<void(trunkline::transaction&)>& last) {
  int runs = 0;
  const Failed lost = failed_by([&] {
    bank.to.db.transaction({.retry = 5}, [&](trunkline::transaction& tx) {
      ++runs;
      add(tx, 1);
      bank.to.proxy->plan_all({.from_server = {.after = 1, .then = Does::close}});
      last(tx);
    });
  });
  CHECK(lost.error.outcome() == trunkline::outcome::unknown);
  CHECK(runs == 1);
}

}  // namespace

TEST_CASE("of two that wait for each other both are done in the end, each once") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Bank bank(server);
    std::barrier met(2);
    std::atomic<int> runs = 0;
    const auto move = [&](int from, int to) {
      int own_runs = 0;
      bank.to.db.transaction({.retry = 20}, [&](trunkline::transaction& tx) {
        ++runs;
        add(tx, from);
        if (own_runs++ == 0) met.arrive_and_wait();
        add(tx, to);
      });
    };
    std::thread other([&] { move(2, 1); });
    move(1, 2);
    other.join();
    CHECK(runs >= 3);
    CHECK(bank.amount(1) == 2);
    CHECK(bank.amount(2) == 2);
  }
}

TEST_CASE("what has read something that is not so any more is run again, and no more often than is said") {
  if (tl_has_feature("driver.postgresql") != 1) return;
  const Bank bank(servers().front());
  REQUIRE(bank.to.server.driver == "postgresql");
  int runs = 0;
  const auto overtaken = [&](int times) {
    runs = 0;
    return [&, times](trunkline::transaction& tx) {
      const auto seen = tx.query("SELECT amount FROM account WHERE id = 1").value<int64_t>();
      if (runs++ < times) bank.watcher.db.query("UPDATE account SET amount = amount + 10 WHERE id = 1");
      tx.query("UPDATE account SET amount = ? WHERE id = 1", seen + 1);
      return seen;
    };
  };
  const auto isolated = trunkline::isolation::repeatable_read;
  CHECK(bank.to.db.transaction({.isolation = isolated, .retry = 2}, overtaken(2)) == 20);
  CHECK(runs == 3);
  CHECK(bank.amount(1) == 21);
  const Failed failed = failed_by([&] { bank.to.db.transaction({.isolation = isolated, .retry = 1}, overtaken(5)); });
  CHECK(failed.error.status() == TL_E_SERIALIZATION);
  CHECK(runs == 2);
  CHECK(failed_by([&] { bank.to.db.transaction({.isolation = isolated}, overtaken(5)); }).error.status() ==
        TL_E_SERIALIZATION);
  CHECK(runs == 1);
}

TEST_CASE("one that loses its session before COMMIT is run again") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Bank bank(server);
    int runs = 0;
    bank.to.db.transaction({.retry = 1}, [&](trunkline::transaction& tx) {
      add(tx, 1);
      if (runs++ > 0) return;
      bank.kill(tx);
      tx.query("SELECT 1");
    });
    CHECK(runs == 2);
    CHECK(bank.amount(1) == 1);
  }
}

TEST_CASE("a COMMIT whose answer is lost is unknown, and not run again") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Bank bank(server);
    check_unknown(bank, [](trunkline::transaction&) {});
    const Clock::time_point began = Clock::now();
    while (bank.amount(1) == 0) REQUIRE(Clock::now() - began < 30s);
    CHECK(bank.amount(1) == 1);
  }
}

TEST_CASE("nor is one whose definition may have committed it before its answer was lost") {
  if (tl_has_feature("driver.mariadb") != 1) return;
  const Bank bank(servers().back());
  REQUIRE(bank.to.server.driver == "mariadb");
  bank.watcher.db.query("DROP TABLE IF EXISTS committed_by");
  check_unknown(bank, [](trunkline::transaction& tx) { tx.query("CREATE TABLE committed_by (a INT)"); });
  bank.watcher.db.query("DROP TABLE IF EXISTS committed_by");
}

TEST_CASE("what it has ended itself is not run again, nor what another connection has lost") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Bank bank(server);
    int runs = 0;
    const Failed late = failed_by([&] {
      bank.to.db.transaction({.retry = 5}, [&](trunkline::transaction& tx) {
        ++runs;
        add(tx, 1);
        tx.commit();
        throw trunkline::error(TL_E_DEADLOCK, "of something else", trunkline::outcome::rolled_back);
      });
    });
    CHECK(late.error.status() == TL_E_DEADLOCK);
    CHECK(runs == 1);
    CHECK(bank.amount(1) == 1);

    const Proxied other(server);
    other.db.query("UPDATE account SET amount = amount + 1 WHERE id = 2");
    const Failed foreign = failed_by([&] {
      bank.to.db.transaction({.retry = 5}, [&](trunkline::transaction&) {
        ++runs;
        other.proxy->plan_all({.from_server = {.after = 1, .then = Does::close}});
        other.db.query("UPDATE account SET amount = amount + 1 WHERE id = 2");
      });
    });
    CHECK(foreign.error.outcome() == trunkline::outcome::unknown);
    CHECK(runs == 2);
  }
}

TEST_CASE("a savepoint is not run again: a deadlock or a lost session has undone its transaction") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Bank bank(server);
    const Failed refused = failed_by([&] {
      bank.to.db.transaction(
          [&](trunkline::transaction& tx) { tx.transaction({.retry = 1}, [](trunkline::transaction&) {}); });
    });
    CHECK(refused.error.status() == TL_E_MISUSE);
  }
}

TEST_CASE("a procedure that commits is not run again, also where it is called for many rows") {
  if (tl_has_feature("driver.mariadb") != 1) return;
  const Bank bank(servers().back());
  bank.watcher.db.query("DROP PROCEDURE IF EXISTS commits");
  bank.watcher.db.query(
      "CREATE PROCEDURE commits(n INT) BEGIN UPDATE account SET amount = amount + n; COMMIT; DO SLEEP(n); END");
  check_unknown(bank, [](trunkline::transaction& tx) {
    tx.execute_many("CALL commits(?)", std::vector<std::tuple<int64_t>>{{1}});
  });
  bank.watcher.db.query("DROP PROCEDURE commits");
}

TEST_CASE("other failures are the caller's at once") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Bank bank(server);
    int runs = 0;
    CHECK_THROWS_AS(bank.to.db.transaction({.retry = 5},
                                           [&](trunkline::transaction& tx) {
                                             ++runs;
                                             add(tx, 1);
                                             throw std::runtime_error("mine");
                                           }),
                    std::runtime_error);
    CHECK(failed_by([&] {
            bank.to.db.transaction({.retry = 5}, [&](trunkline::transaction& tx) {
              ++runs;
              add(tx, 1);
              tx.query("INSERT INTO account VALUES (1, 0)");
            });
          }).error.status() == TL_E_UNIQUE);
    CHECK(runs == 2);
    CHECK(bank.amount(1) == 0);
  }
}

}  // namespace faults
