// Verbs of queues on handles that have a session of their own: one after the other, whatever else happens.
#include "queues.hpp"

namespace queues {
namespace {

constexpr const char* many_rows =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT a.i FROM n AS a, n AS b";
const std::string slow = "SELECT 1 /* victim */ FROM pg_sleep(0.05)";

tl_status status_of(const auto& act) {
  try {
    act();
    return TL_OK;
  } catch (const trunkline::error& error) {
    return error.status();
  }
}

// The value of a blocking verb on it.
tl_status blocking(tl_conn* conn) {
  tl_result* out = nullptr;
  const tl_status status = tl_query(conn, "SELECT 1", 8, nullptr, 0, nullptr, 0, nullptr, &out, nullptr);
  tl_result_release(out);
  return status;
}

void make_table(const Desk& desk) {
  desk.db.query("DROP TABLE IF EXISTS steps");
  desk.db.query("CREATE TABLE steps (a int PRIMARY KEY)");
}

void expect_next(const Loop& loop, uint64_t user, tl_status status) {
  const Done done = loop.next_done();
  CHECK(done.user() == user);
  CHECK_MESSAGE(done.status() == status, done.told());
}

}  // namespace

TEST_CASE("while a queued verb runs or waits, a blocking one on its handle answers busy") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database);
    const Loop loop(desk);
    loop.begin(desk.raw(), {});
    const Conn transaction = loop.next_done().conn();
    const tl_op first = desk.new_op(), second = desk.new_op();
    loop.query(transaction.get(), {.user = 1, .op = first}, database.endless);
    loop.query(transaction.get(), {.user = 2, .op = second}, "SELECT 2");
    CHECK(blocking(transaction.get()) == TL_E_BUSY);
    desk.cancel(second);
    expect_next(loop, 2, TL_E_CANCELLED);  // while it waited for its turn
    CHECK(blocking(transaction.get()) == TL_E_BUSY);
    desk.cancel(first);
    expect_next(loop, 1, TL_E_CANCELLED);
    loop.rollback(transaction.get(), {.user = 3});
    expect_next(loop, 3, TL_OK);
  }
}

TEST_CASE("a queued verb waits for a stream on its handle, but not for its own reader") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, "max = 1\nacquire_timeout = \"1s\"\n");
    const Loop loop(desk);
    loop.begin(desk.raw(), {});
    const Conn transaction = loop.next_done().conn();
    loop.query(transaction.get(), {.flags = TL_CALL_STREAM | TL_CALL_READ, .batch_rows = 10}, many_rows);
    {
      const std::unique_ptr<tl_result, Release> open(loop.next_done().result());
      loop.query(transaction.get(), {.user = 1}, "SELECT 1");
      expect_next(loop, 1, TL_E_BUSY);
      loop.commit(transaction.get(), {.user = 2});
      expect_next(loop, 2, TL_E_BUSY);
      CHECK(blocking(transaction.get()) == TL_E_BUSY);
      loop.query(transaction.get(), {.user = 3}, "SELECT 1");
    }
    expect_next(loop, 3, TL_OK);  // the stream was released before its patience was over
    loop.rollback(transaction.get(), {.user = 4});
    expect_next(loop, 4, TL_OK);
  }
}

TEST_CASE("queued verbs on a transaction keep their order, and what one of them does inside a savepoint is its own") {
  const Desk desk(postgresql());
  make_table(desk);
  const Loop loop(desk);
  for (int round = 0; round < (in_soak() ? 500 : 50); ++round) {
    CAPTURE(round);
    loop.begin(desk.raw(), {});
    const Conn transaction = loop.next_done().conn();
    loop.query(transaction.get(), {.user = 1}, "INSERT INTO steps VALUES (1)");
    trunkline::parameters rows;
    for (int64_t i = 2; i <= 5; ++i) rows.add(i);
    const tl_call many = loop.call({.user = 2});
    const std::string insert = "INSERT INTO steps VALUES (?)";
    REQUIRE(tl_execute_many(transaction.get(), insert.data(), insert.size(), rows.values(), 1, rows.size(),
                            rows.arena().data(), rows.arena().size(), &many, nullptr, nullptr) == TL_OK);
    loop.query(transaction.get(), {.user = 3}, "SELECT count(*) FROM steps");
    loop.query(transaction.get(), {.user = 4}, "DELETE FROM steps WHERE a > 3");
    loop.query(transaction.get(), {.user = 5}, "SELECT max(a)::int8 FROM steps");
    loop.rollback(transaction.get(), {.user = 6});
    expect_next(loop, 1, TL_OK);
    expect_next(loop, 2, TL_OK);
    CHECK(loop.next_done().value<int64_t>() == 5);
    expect_next(loop, 4, TL_OK);
    CHECK(loop.next_done().value<int64_t>() == 3);
    expect_next(loop, 6, TL_OK);
  }
  CHECK(desk.db.query("SELECT count(*) FROM steps").value<int64_t>() == 0);
}

TEST_CASE("what comes while rows of a transaction are run waits for the last of them, whoever drives the queue") {
  const Desk desk(databases().back());  // a database that needs a savepoint for them
  const Loop loop(desk, TL_QUEUE_THREAD);
  desk.db.query("DROP TABLE IF EXISTS steps");
  desk.db.query("CREATE TABLE steps (a int)");
  loop.begin(desk.raw(), {});
  const Conn transaction = loop.next_done().conn();
  trunkline::parameters rows;
  for (int64_t i = 1; i <= 3; ++i) rows.add(i);
  const tl_call many = loop.call({.user = 1});
  const std::string insert = "INSERT INTO steps VALUES (?)";
  for (int round = 1; round <= 200; ++round) {
    REQUIRE(tl_execute_many(transaction.get(), insert.data(), insert.size(), rows.values(), 1, rows.size(),
                            rows.arena().data(), rows.arena().size(), &many, nullptr, nullptr) == TL_OK);
    for (int spin = 0; spin < round * 50; ++spin) asm volatile("");  // somewhere in the middle of it
    loop.query(transaction.get(), {.user = 2}, "SELECT count(*) FROM steps");
    expect_next(loop, 1, TL_OK);
    CHECK(loop.next_done().value<int64_t>() == 3 * round);
  }
}

TEST_CASE("verbs on a transaction whose savepoint lives answer busy, and go on when it has ended") {
  const Desk desk(postgresql());
  const Loop loop(desk);
  loop.begin(desk.raw(), {});
  const Conn outer = loop.next_done().conn();
  loop.begin(outer.get(), {});
  const Conn inner = loop.next_done().conn();
  loop.query(inner.get(), {.user = 1}, slow);
  loop.query(outer.get(), {.user = 2}, "SELECT 2");
  loop.commit(inner.get(), {.user = 3});
  expect_next(loop, 1, TL_OK);
  expect_next(loop, 2, TL_E_BUSY);
  expect_next(loop, 3, TL_OK);
  loop.query(outer.get(), {.user = 4}, "SELECT 4");
  CHECK(loop.next_done().value<int64_t>() == 4);
  CHECK(status_of([&] { (void)desk.db.query("SELECT 1"); }) == TL_OK);
}

TEST_CASE("a handle that is released with queued verbs is gone when they have ended") {
  const Desk desk(postgresql(), "max = 1\n");
  make_table(desk);
  const Loop loop(desk);
  loop.begin(desk.raw(), {});
  Conn transaction = loop.next_done().conn();
  loop.query(transaction.get(), {.user = 1}, "INSERT INTO steps VALUES (1)");
  loop.query(transaction.get(), {.user = 2}, slow);
  loop.query(transaction.get(), {.user = 3}, "SELECT count(*) FROM steps");
  transaction.reset();
  for (int i = 0; i < 3; ++i) (void)loop.next_done();
  CHECK(desk.db.query("SELECT count(*) FROM steps").value<int64_t>() == 0);  // rolled back
}

}  // namespace queues
