// A session from its opening on: states, result sets, batches.
#include <doctest/doctest.h>

#include "asking.hpp"

namespace tl::validation {

using driver::State;
using driver::Then;

namespace {

std::string rows_of(int n) { return with(target().rows, "{n}", std::to_string(n)); }

}  // namespace

TEST_CASE("a session is opened idle, unchanged and alive, under a number of its own") {
  Asking a;
  Asking b;
  CHECK(a->state() == State::idle);
  CHECK_FALSE(a->changed());
  CHECK(a->looks_alive());
  CHECK(a->number() != b->number());
  CHECK(a.ping().ok());
  CHECK(a->state() == State::idle);
}

TEST_CASE("names and the state of a session while it answers") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin(rows_of(2));
  REQUIRE(reply.ok());
  REQUIRE(reply->schema != nullptr);
  REQUIRE(reply->schema->size() == 2);
  CHECK(reply->schema->at(0).name == "i");
  CHECK(reply->schema->at(1).name == "t");
  CHECK(reply->then == Then::rows);
  CHECK(ask->state() == State::answering);
  const Result<Table> rest = ask.rest(*reply);
  REQUIRE(rest.ok());
  CHECK(*rest == Table{{"1", "row 1"}, {"2", "row 2"}});
  CHECK(reply->affected == 2);
  CHECK(ask->state() == State::idle);
  CHECK_FALSE(ask->changed());
}

TEST_CASE("a result without rows has its columns all the same") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin("SELECT 1 AS a, 'x' AS b WHERE 1 = 0");
  REQUIRE(reply.ok());
  REQUIRE(reply->schema != nullptr);
  REQUIRE(reply->schema->size() == 2);
  CHECK(reply->schema->at(1).name == "b");
  CHECK(ask.rest(*reply)->empty());
  CHECK(ask->state() == State::idle);
}

TEST_CASE("columns may share a name") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin("SELECT 1 AS a, 2 AS a");
  REQUIRE(reply.ok());
  CHECK(reply->schema->at(0).name == "a");
  CHECK(reply->schema->at(1).name == "a");
  CHECK(*ask.rest(*reply) == Table{{"1", "2"}});
}

TEST_CASE("five hundred columns") {
  Asking ask;
  std::string sql = "SELECT 0 AS c0";
  for (int i = 1; i < 500; ++i) sql += ", " + std::to_string(i) + " AS c" + std::to_string(i);
  const Result<Table> table = ask.rows(sql);
  REQUIRE(table.ok());
  REQUIRE(table->front().size() == 500);
  CHECK(table->front().back() == "499");
}

TEST_CASE("batches end at their limit of rows, lose nothing and keep the order") {
  Asking ask;
  for (const uint32_t limit : {1U, 7U, 100U, 1000U}) {
    CAPTURE(limit);
    Result<driver::Reply> reply = ask.begin(rows_of(100));
    REQUIRE(reply.ok());
    const auto fetch = ask->fetch({limit, uint64_t{1} << 20});
    REQUIRE(runtime::run(*ask, *fetch, nullptr) == runtime::Ended::finished);
    CHECK(fetch->batch->rows() == std::min(limit, 100U));
    reply->then = fetch->then;
    Table all;
    append_rows(all, *fetch->batch);
    const Result<Table> more = ask.rest(*reply, {limit, uint64_t{1} << 20});
    REQUIRE(more.ok());
    all.insert(all.end(), more->begin(), more->end());
    REQUIRE(all.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(all[static_cast<size_t>(i)][0] == std::to_string(i + 1));
  }
}

TEST_CASE("batches end at their limit of bytes") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin(rows_of(10'000));
  REQUIRE(reply.ok());
  size_t batches = 0;
  int64_t rows = 0;
  while (reply->then == Then::rows) {
    const auto fetch = ask->fetch({1'000'000, 10'000});
    REQUIRE(runtime::run(*ask, *fetch, nullptr) == runtime::Ended::finished);
    REQUIRE(fetch->succeeded());
    CHECK(fetch->batch->bytes() < 40'000);
    rows += fetch->batch->rows();
    reply->then = fetch->then;
    ++batches;
  }
  CHECK(rows == 10'000);
  CHECK(batches > 10);
}

TEST_CASE("a statement while an answer is unread is misuse, and the answer is not lost") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin(rows_of(3));
  REQUIRE(reply.ok());
  const Result<driver::Reply> second = ask.begin("SELECT 1");
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().status == Status::misuse);
  CHECK(second.error().outcome == Outcome::not_sent);
  CHECK(ask.rest(*reply)->size() == 3);
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("several statements in one text: their sets in order") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS several");
  ask.run("CREATE TABLE several (a INTEGER)");
  Result<driver::Reply> reply =
      ask.begin("INSERT INTO several VALUES (1), (2); SELECT a FROM several ORDER BY a; ; SELECT 'last' AS z");
  REQUIRE(reply.ok());
  CHECK(reply->schema == nullptr);
  CHECK(reply->affected == 2);
  REQUIRE(reply->then == Then::set);
  reply = ask.next_set();
  REQUIRE(reply.ok());
  CHECK(*ask.rest(*reply) == Table{{"1"}, {"2"}});
  REQUIRE(reply->then == Then::set);
  reply = ask.next_set();
  REQUIRE(reply.ok());
  CHECK(reply->schema->at(0).name == "z");
  CHECK(*ask.rest(*reply) == Table{{"last"}});
  CHECK(reply->then == Then::end);
  CHECK(ask->state() == State::idle);
  const Result<driver::Reply> beyond = ask.next_set();
  REQUIRE_FALSE(beyond.ok());
  CHECK(beyond.error().status == Status::misuse);
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("several statements in one text: an error in the second is told at its place") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin("SELECT 1 AS a; SELECT * FROM there_is_no_such_table");
  if (reply.ok()) {
    CHECK(ask.rest(*reply)->size() == 1);
    if (reply->then == Then::set) reply = ask.next_set();
  }
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().status == Status::statement);
  CHECK(ask->state() == State::idle);
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("an error after some rows") {
  Asking ask;
  const Failure failure = ask.failure(target().failing_read);
  CHECK((failure->status == Status::data || failure->status == Status::statement));
  CHECK(ask->state() == State::idle);
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("what a statement changed is counted") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS counted");
  ask.run("CREATE TABLE counted (a INTEGER)");
  CHECK(ask.run("INSERT INTO counted VALUES (1), (2), (3)") == 3);
  CHECK(ask.run("UPDATE counted SET a = a + 1 WHERE a > ?", Values().integer(1)) == 2);
  CHECK(ask.run("DELETE FROM counted WHERE a = ?", Values().integer(77)) == 0);
  CHECK(ask.run("DELETE FROM counted") == 3);
  CHECK(*ask.rows("INSERT INTO counted VALUES (5), (6) RETURNING a") == Table{{"5"}, {"6"}});
}

TEST_CASE("a transaction: its state, what it hides, what it takes back") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS ledger");
  ask.run("CREATE TABLE ledger (a INTEGER)");
  const std::string begin = ask.driver().begin_text({});

  ask.run(begin);
  CHECK(ask->state() == State::in_transaction);
  ask.run("INSERT INTO ledger VALUES (1)");
  CHECK(ask.ping().ok());
  CHECK(ask->state() == State::in_transaction);
  ask.run("ROLLBACK");
  CHECK(ask->state() == State::idle);
  CHECK_FALSE(ask->changed());
  CHECK(ask.one("SELECT count(*) FROM ledger") == "0");

  ask.run(begin);
  ask.run("INSERT INTO ledger VALUES (2)");
  ask.run("SAVEPOINT s");
  ask.run("INSERT INTO ledger VALUES (3)");
  ask.run("ROLLBACK TO SAVEPOINT s");
  ask.run("RELEASE SAVEPOINT s");
  Asking other;
  CHECK(other.one("SELECT count(*) FROM ledger") == "0");
  ask.run("COMMIT");
  CHECK(other.one("SELECT count(*) FROM ledger") == "1");
  CHECK(ask->state() == State::idle);
}

TEST_CASE("a read-only transaction, and every isolation that can be asked for") {
  Asking ask;
  using driver::Isolation;
  for (const Isolation isolation :
       {Isolation::server_default, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable}) {
    for (const bool read_only : {false, true}) {
      ask.run(ask.driver().begin_text({isolation, read_only}));
      CHECK(ask->state() == State::in_transaction);
      CHECK(ask.one("SELECT 1") == "1");
      ask.run("COMMIT");
    }
  }
}

}  // namespace tl::validation
