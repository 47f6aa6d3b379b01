// Stored procedures: several result sets, with and without rows, and what an error among them leaves.
#include <doctest/doctest.h>

#include <stdexcept>

#include "asking.hpp"

namespace tl::validation {

using driver::State;
using driver::Then;

namespace {

// Every set of an answer: its column names and its rows; of one without columns, nothing but its count.
using Sets = std::vector<Table>;

Sets sets_of(Asking& ask, const std::string& sql, const Values& values = {}) {
  Sets sets;
  Result<driver::Reply> reply = ask.begin(sql, values);
  for (;;) {
    if (!reply) throw std::runtime_error(sql + ": " + reply.error().message);
    Table set;
    if (reply->schema != nullptr) {
      Texts names;
      for (const columnar::Field& field : *reply->schema) names.push_back(field.name);
      set.push_back(names);
    }
    Result<Table> rows = ask.rest(*reply);
    if (!rows) throw std::runtime_error(sql + ": " + rows.error().message);
    set.insert(set.end(), rows->begin(), rows->end());
    sets.push_back(set);
    if (reply->then == Then::end) return sets;
    reply = ask.next_set();
  }
}

void make(Asking& ask, const std::string& name, const std::string& rest) {
  ask.run("DROP PROCEDURE IF EXISTS " + name);
  ask.run("CREATE PROCEDURE " + name + rest);
}

}  // namespace

TEST_CASE("a procedure's result sets, one after the other") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS noted");
  ask.run("CREATE TABLE noted (a INT)");
  make(ask, "several",
       "(n INT) BEGIN SELECT n AS one; INSERT INTO noted VALUES (n); SELECT 'a' AS t, 1.5 AS d UNION ALL SELECT 'b', "
       "2.5; "
       "SELECT a FROM noted WHERE FALSE; SELECT CAST('2024-02-29' AS DATE) AS day; END");
  const Sets expected = {{{"one"}, {"7"}}, {{"t", "d"}, {"a", "1.5"}, {"b", "2.5"}}, {{"a"}}, {{"day"}, {"19782"}}};
  for (int i = 0; i < 3; ++i) {
    CHECK(sets_of(ask, "CALL several(7)") == expected);
    CHECK(sets_of(ask, "CALL several(?)", Values().integer(7)) == expected);
    CHECK(ask->state() == State::idle);
  }
  CHECK(ask.one("SELECT COUNT(*) FROM noted") == "6");
}

TEST_CASE("a procedure without a result set answers one without columns") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS noted");
  ask.run("CREATE TABLE noted (a INT)");
  make(ask, "quiet", "(n INT) BEGIN INSERT INTO noted VALUES (n), (n + 1); END");
  for (int i = 0; i < 2; ++i) CHECK(sets_of(ask, "CALL quiet(?)", Values().integer(1)) == Sets{{}});
  CHECK(ask.one("SELECT COUNT(*) FROM noted") == "4");
  make(ask, "nothing", "() BEGIN END");
  CHECK(sets_of(ask, "CALL nothing()") == Sets{{}});
}

TEST_CASE("a procedure that answers other sets from one call to the next") {
  Asking ask;
  make(ask, "other_sets",
       "(n INT) BEGIN IF n = 1 THEN SELECT 1 AS a, 2 AS b; ELSEIF n = 2 THEN SELECT 'x' AS t; SELECT 1, 2, 3; "
       "ELSEIF n = 3 THEN DO 0; ELSE SELECT 2.5 AS a, 'y' AS b; END IF; END");
  const std::string call = "CALL other_sets(?)";
  for (int i = 0; i < 2; ++i) {
    CHECK(sets_of(ask, call, Values().integer(1)) == Sets{{{"a", "b"}, {"1", "2"}}});
    CHECK(sets_of(ask, call, Values().integer(2)) == Sets{{{"t"}, {"x"}}, {{"1", "2", "3"}, {"1", "2", "3"}}});
    CHECK(sets_of(ask, call, Values().integer(3)) == Sets{{}});
    CHECK(sets_of(ask, call, Values().integer(4)) == Sets{{{"a", "b"}, {"2.5", "y"}}});
  }
}

TEST_CASE("OUT parameters come through user variables") {
  Asking ask;
  make(ask, "outs", "(IN a INT, OUT b INT, INOUT c TEXT) BEGIN SET b = a * 2; SET c = CONCAT(c, '!'); SELECT a; END");
  ask.run("SET @c = 'ü'");
  CHECK(sets_of(ask, "CALL outs(?, @b, @c)", Values().integer(21)) == Sets{{{"a"}, {"21"}}});
  CHECK(*ask.rows("SELECT @b, @c") == Table{{"42", "ü!"}});
  CHECK(ask->changed());
  // Values that are given for OUT parameters: the server answers what they have become as a set of its own.
  const Sets outs = sets_of(ask, "CALL outs(?, ?, ?)", Values().integer(4).integer(0).text("x"));
  REQUIRE(outs.size() == 2);
  CHECK(outs[0] == Table{{"a"}, {"4"}});
  CHECK(outs[1].back() == Texts{"8", "x!"});
}

TEST_CASE("an error in the middle of a procedure comes after the sets before it, and the session goes on") {
  Asking ask;
  make(ask, "breaks",
       "(n INT) BEGIN SELECT 1 AS before_it; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'broken off'; "
       "SELECT 2 AS after_it; END");
  for (int i = 0; i < 2; ++i) {
    Result<driver::Reply> reply = ask.begin("CALL breaks(?)", Values().integer(1));
    REQUIRE(reply.ok());
    const Result<Table> rows = ask.rest(*reply);
    const bool told_at_once = !rows.ok();
    if (!told_at_once) {
      CHECK(*rows == Table{{"1"}});
      REQUIRE(reply->then == Then::set);
      reply = ask.next_set();
      REQUIRE_FALSE(reply.ok());
    }
    const Error& error = told_at_once ? rows.error() : reply.error();
    CHECK(error.sqlstate == "45000");
    CHECK(status_name(error.status) == "statement");
    CHECK(error.message.find("broken off") != std::string::npos);
    CHECK(ask->state() == State::idle);
    CHECK(ask.one("SELECT 7") == "7");
  }
}

TEST_CASE("what a procedure has committed before its error is not said to have been refused") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS noted");
  ask.run("CREATE TABLE noted (a INT)");
  make(ask, "half", "() BEGIN INSERT INTO noted VALUES (1); SIGNAL SQLSTATE '45000'; END");
  const Failure failure = ask.failure("CALL half()");
  CHECK(ask.one("SELECT COUNT(*) FROM noted") == "1");
  CHECK(failure->outcome == Outcome::unknown);
}

TEST_CASE("a procedure's answer that nobody reads to its end does not disturb the next statement") {
  Asking ask;
  make(ask, "long_answer", "() BEGIN SELECT seq FROM seq_1_to_10000; SELECT seq FROM seq_1_to_10000; END");
  Result<driver::Reply> reply = ask.begin("CALL long_answer()");
  REQUIRE(reply.ok());
  REQUIRE(ask.reset().ok());
  CHECK(ask.one("SELECT 7") == "7");
  CHECK(ask->state() == State::idle);
}

}  // namespace tl::validation
