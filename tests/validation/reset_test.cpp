// A session goes home clean, from every state it can be left in.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "left_out.hpp"

namespace tl::validation {

using driver::State;

namespace {

void check_clean(Asking& ask) {
  CHECK(ask->state() == State::idle);
  CHECK_FALSE(ask->changed());
  CHECK(ask.one("SELECT 1") == "1");
}

}  // namespace

TEST_CASE("reset of an idle session") {
  Asking ask;
  REQUIRE(ask.reset().ok());
  check_clean(ask);
}

TEST_CASE("reset rolls a transaction back") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS undone");
  ask.run("CREATE TABLE undone (a INTEGER)");
  ask.run(ask.driver().begin_text({}));
  ask.run("INSERT INTO undone VALUES (1)");
  SUBCASE("that works") {}
  SUBCASE("that has failed") { (void)ask.failure("SELECT * FROM there_is_no_such_table"); }
  SUBCASE("with a savepoint in it") { ask.run("SAVEPOINT s"); }
  REQUIRE(ask.reset().ok());
  check_clean(ask);
  CHECK(ask.one("SELECT count(*) FROM undone") == "0");
}

TEST_CASE("reset drops an answer that was not read") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin(with(target().rows, "{n}", "5000"));
  REQUIRE(reply.ok());
  SUBCASE("at all") {}
  SUBCASE("to its end") {
    const auto fetch = ask->fetch({10, 1 << 20});
    REQUIRE(runtime::run(*ask, *fetch, nullptr) == runtime::Ended::finished);
  }
  CHECK(ask->state() == State::answering);
  REQUIRE(ask.reset().ok());
  check_clean(ask);
}

TEST_CASE("reset drops the sets of several statements") {
  Asking ask;
  REQUIRE(ask.begin("SELECT 1 AS a; SELECT 2 AS b; SELECT 3 AS c").ok());
  REQUIRE(ask.reset().ok());
  check_clean(ask);
}

TEST_CASE("what a caller changed of the session is gone after a reset" *
          left_out_behind_proxy("a session that its caller has changed is closed there instead")) {
  Asking ask;
  CHECK(ask.one(target().tell) == "0");
  ask.run(target().change);
  CHECK(ask->changed());
  CHECK(ask.one(target().tell) == "1");
  REQUIRE(ask.reset().ok());
  CHECK(ask.one(target().tell) == "0");
  check_clean(ask);
}

TEST_CASE("a statement that was prepared before a reset still works after it" *
          left_out_behind_proxy("a session that its caller has changed is closed there instead")) {
  Asking ask;
  CHECK(ask.one("SELECT ? + 1", Values().integer(1)) == "2");
  ask.run(target().change);
  REQUIRE(ask.reset().ok());
  CHECK(ask.one("SELECT ? + 1", Values().integer(2)) == "3");
}

TEST_CASE("plain statements leave a session unchanged") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS plain");
  ask.run("CREATE TABLE plain (a INTEGER)");
  ask.run("INSERT INTO plain VALUES (1)");
  ask.run("UPDATE plain SET a = 2");
  CHECK(ask.one("SELECT max(a) FROM plain") == "2");
  ask.run("DELETE FROM plain");
  CHECK_FALSE(ask->changed());
}

}  // namespace tl::validation
