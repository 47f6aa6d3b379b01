// Texts of several statements, which SQLite runs one by one: what a failure says of those that have run.
#include <doctest/doctest.h>

#include "asking.hpp"

namespace tl::validation {

using driver::State;
using driver::Then;

namespace {

struct WithTable : Asking {
  WithTable() {
    run("DROP TABLE IF EXISTS several");
    run("CREATE TABLE several (a INTEGER UNIQUE)");
  }
};

// Of the set after the first.
Failure second_failure(Asking& ask, std::string_view sql) {
  const Result<driver::Reply> first = ask.begin(sql);
  REQUIRE(first.ok());
  REQUIRE(first->then == Then::set);
  Result<driver::Reply> second = ask.next_set();
  if (!second) return second.take_error();
  Result<Table> rows = ask.rest(*second);
  REQUIRE_FALSE(rows.ok());
  return rows.take_error();
}

}  // namespace

TEST_CASE("a failure of a later statement does not say that nothing has happened") {
  WithTable ask;
  for (const std::string wrong : {"INSERT INTO nosuch VALUES (1)", "INSERT INTO several VALUES (1)", "SELEC",
                                  "SELECT abs(-9223372036854775808)"}) {
    CAPTURE(wrong);
    ask.run("DELETE FROM several");
    CHECK(second_failure(ask, "INSERT INTO several VALUES (1); " + wrong)->outcome == Outcome::unknown);
    CHECK(ask->state() == State::idle);
    CHECK(ask.one("SELECT count(*) FROM several") == "1");
    CHECK(ask.failure(wrong)->outcome == Outcome::refused);
  }
}

TEST_CASE("nor does one that comes after rows") {
  WithTable ask;
  const Failure failure = second_failure(ask, "INSERT INTO several VALUES (1); " + target().failing_read);
  CHECK(failure->outcome == Outcome::unknown);
  CHECK(ask->state() == State::idle);
}

TEST_CASE("a statement within a transaction stays in it when a later one of its text fails") {
  WithTable ask;
  ask.run("BEGIN IMMEDIATE");
  CHECK(second_failure(ask, "INSERT INTO several VALUES (1); INSERT INTO nosuch VALUES (1)")->outcome ==
        Outcome::unknown);
  CHECK(ask->state() == State::in_transaction);
  CHECK(ask.one("SELECT count(*) FROM several") == "1");
  ask.run("ROLLBACK");
}

TEST_CASE("stopped between two statements, the session is ready for another") {
  WithTable ask;
  for (const bool cancelled : {true, false}) {
    CAPTURE(cancelled);
    ask.run("DELETE FROM several");
    const Result<driver::Reply> first = ask.begin("INSERT INTO several VALUES (1); INSERT INTO several VALUES (2)");
    REQUIRE(first.ok());
    REQUIRE(ask->state() == State::answering);
    const auto next = ask->next_set();
    if (cancelled) {
      next->request_cancel();
    } else {
      next->deadline = Deadline::after(steady_clock().now(), Nanos(-1));
    }
    ask->submit(*next);
    (void)ask->pump(driver::Ready::worker);
    REQUIRE(next->failure() != nullptr);
    CHECK(status_name(next->failure()->status) == (cancelled ? "cancelled" : "statement_timeout"));
    CHECK(next->failure()->outcome == Outcome::unknown);
    CHECK(ask->state() == State::idle);
    CHECK(ask.one("SELECT count(*) FROM several") == "1");
  }
}

}  // namespace tl::validation
