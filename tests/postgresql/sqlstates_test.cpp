// SQLSTATEs and the classes that they have in every language.
#include <doctest/doctest.h>

#include <thread>

#include "asking.hpp"
#include "left_out.hpp"

namespace tl::validation {

namespace {

struct Case {
  std::string sqlstate;
  std::string status;
  Outcome outcome = Outcome::refused;
};

void check(const Failure& failure, const Case& expected) {
  CHECK(failure->sqlstate == expected.sqlstate);
  CHECK(status_name(failure->status) == expected.status);
  CHECK(failure->outcome == expected.outcome);
  CHECK_FALSE(failure->message.empty());
  CHECK(failure->message.find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("the class of every SQLSTATE that decides what a caller does next") {
  const std::vector<Case> cases = {
      {"23505", "unique_violation"},
      {"23503", "foreign_key_violation"},
      {"23502", "not_null_violation"},
      {"23514", "check_violation"},
      {"23P01", "constraint_violation"},
      {"23001", "constraint_violation"},
      {"44000", "check_violation"},
      {"40P01", "deadlock", Outcome::rolled_back},
      {"40001", "serialization", Outcome::rolled_back},
      {"40003", "unavailable", Outcome::unknown},
      {"57014", "statement_timeout", Outcome::rolled_back},
      {"55P03", "lock_timeout"},
      {"55006", "statement"},
      {"57P01", "unavailable", Outcome::rolled_back},
      {"57P02", "unavailable", Outcome::unknown},
      {"57P03", "unavailable"},
      {"25006", "read_only"},
      {"25P02", "statement"},
      {"28000", "authentication"},
      {"28P01", "authentication"},
      {"42501", "permission"},
      {"42601", "statement"},
      {"42P01", "statement"},
      {"3D000", "configuration"},
      {"3F000", "statement"},
      {"22001", "data"},
      {"22003", "data"},
      {"22012", "data"},
      {"22P02", "data"},
      {"21000", "data"},
      {"0A000", "unsupported"},
      {"53100", "resource"},
      {"53200", "resource"},
      {"53300", "unavailable"},
      {"54000", "too_large"},
      {"54001", "too_large"},
      {"08006", "unavailable", Outcome::unknown},
      {"58030", "resource"},
      {"F0000", "configuration"},
      {"P0001", "statement"},
      {"P0002", "statement"},
      {"2BP01", "statement"},
      {"34000", "statement"},
      {"XX000", "internal"},
      {"XX001", "internal"},
      {"ZZ999", "statement"},
  };
  Asking ask;
  ask.run(
      "CREATE OR REPLACE FUNCTION provoke(code text) RETURNS void LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE 'provoked' USING ERRCODE = code; END $$");
  for (const Case& c : cases) {
    CAPTURE(c.sqlstate);
    check(ask.failure("SELECT provoke('" + c.sqlstate + "')"), c);
    CHECK(ask.one("SELECT 1") == "1");
  }
}

TEST_CASE("what goes wrong by itself has the class of its SQLSTATE") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS kinds");
  ask.run(
      "CREATE TABLE kinds (id int PRIMARY KEY, small int2, code varchar(3), during int4range, "
      "EXCLUDE USING gist (during WITH &&))");
  ask.run("INSERT INTO kinds VALUES (1, 1, 'a', '[1,5)')");
  const std::vector<std::pair<std::string, Case>> cases = {
      {"SELECT 1 / 0", {"22012", "data"}},
      {"SELECT 'x'::int", {"22P02", "data"}},
      {"SELECT 100000::int2", {"22003", "data"}},
      {"INSERT INTO kinds VALUES (2, 1, 'abcd', NULL)", {"22001", "data"}},
      {"INSERT INTO kinds VALUES (2, 1, 'a', '[3,4)')", {"23P01", "constraint_violation"}},
      {"SELECT (SELECT generate_series(1, 2))", {"21000", "data"}},
      {"SELECT * FROM kinds FOR UPDATE OF nobody", {"42P01", "statement"}},
      {"SELECT nothing.like_this()", {"3F000", "statement"}},
      {"SELECT pg_catalog.set_config('work_mem', 'many', false)", {"22023", "data"}},
      {"SELECT 'yesterday noon'::date", {"22007", "data"}},
      {"CREATE TABLE kinds (a int)", {"42P07", "statement"}},
      {"DROP TABLE pg_catalog.pg_class", {"42501", "permission"}},
      {"DROP SCHEMA pg_catalog", {"2BP01", "statement"}},
  };
  for (const auto& [sql, expected] : cases) {
    CAPTURE(sql);
    check(ask.failure(sql), expected);
    CHECK(ask.one("SELECT 1") == "1");
  }
}

TEST_CASE("what the server tells beside the message comes as details") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS detailed");
  ask.run("CREATE TABLE detailed (id int CONSTRAINT the_key PRIMARY KEY)");
  ask.run("INSERT INTO detailed VALUES (1)");
  const Failure failure = ask.failure("INSERT INTO detailed VALUES (1)");
  const auto detail = [&](std::string_view key) {
    for (const auto& [name, value] : failure->details) {
      if (name == key) return value;
    }
    return std::string();
  };
  CHECK(detail("constraint") == "the_key");
  CHECK(detail("table") == "detailed");
  CHECK(detail("schema") == "public");
  CHECK(detail("detail").find("(1)") != std::string::npos);
}

TEST_CASE("a role without the right is refused" *
          left_out_behind_proxy("what SET ROLE changes there is left to others")) {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS secret_table");
  ask.run("CREATE TABLE secret_table (a int)");
  ask.run("SET ROLE app");
  check(ask.failure("SELECT * FROM secret_table"), {"42501", "permission"});
  REQUIRE(ask.reset().ok());
  CHECK(ask.rows("SELECT * FROM secret_table").ok());
}

TEST_CASE("a transaction that only reads refuses to write") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS only_read");
  ask.run("CREATE TABLE only_read (a int)");
  ask.run(ask.driver().begin_text({.read_only = true}));
  check(ask.failure("INSERT INTO only_read VALUES (1)"), {"25006", "read_only"});
  ask.run("ROLLBACK");
}

TEST_CASE("a transaction that failed refuses the rest until it is rolled back") {
  Asking ask;
  ask.run("BEGIN");
  (void)ask.failure("SELECT 1 / 0");
  check(ask.failure("SELECT 1"), {"25P02", "statement"});
  ask.run("ROLLBACK");
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("statement_timeout of the configuration ends a statement, and holds after a reset" *
          left_out_behind_proxy("a session that its caller has changed is closed there instead")) {
  Asking ask("statement_timeout = \"50ms\"\n");
  check(ask.failure("SELECT pg_sleep(60)"), {"57014", "statement_timeout", Outcome::rolled_back});
  ask.run("SET statement_timeout = 0");
  REQUIRE(ask.reset().ok());
  check(ask.failure("SELECT pg_sleep(60)"), {"57014", "statement_timeout", Outcome::rolled_back});
}

TEST_CASE("a lock that is not to be had") {
  Asking holder;
  Asking other;
  holder.run("DROP TABLE IF EXISTS locked");
  holder.run("CREATE TABLE locked (a int)");
  holder.run("INSERT INTO locked VALUES (1)");
  holder.run("BEGIN");
  holder.run("UPDATE locked SET a = 2");
  other.run("SET lock_timeout = '20ms'");
  check(other.failure("UPDATE locked SET a = 3"), {"55P03", "lock_timeout"});
  check(other.failure("SELECT * FROM locked FOR UPDATE NOWAIT"), {"55P03", "lock_timeout"});
  holder.run("ROLLBACK");
  CHECK(other.run("UPDATE locked SET a = 3") == 1);
}

TEST_CASE("two transactions that cannot both be true: one fails with class serialization") {
  Asking first;
  Asking second;
  first.run("DROP TABLE IF EXISTS summed");
  first.run("CREATE TABLE summed (a int)");
  first.run("INSERT INTO summed VALUES (1)");
  const std::string begin = first.driver().begin_text({.isolation = driver::Isolation::serializable});
  first.run(begin);
  second.run(begin);
  CHECK(first.one("SELECT sum(a) FROM summed") == "1");
  CHECK(second.one("SELECT sum(a) FROM summed") == "1");
  first.run("INSERT INTO summed VALUES (2)");
  second.run("INSERT INTO summed VALUES (3)");
  first.run("COMMIT");
  check(second.failure("COMMIT"), {"40001", "serialization", Outcome::rolled_back});
  CHECK(second->state() == driver::State::idle);
  CHECK(second.one("SELECT sum(a) FROM summed") == "3");
}

TEST_CASE("two transactions that wait for each other: one fails with class deadlock, the other goes on") {
  Asking first;
  Asking second;
  first.run("DROP TABLE IF EXISTS crossed");
  first.run("CREATE TABLE crossed (id int, a int)");
  first.run("INSERT INTO crossed VALUES (1, 0), (2, 0)");
  first.run("BEGIN");
  second.run("BEGIN");
  first.run("SET LOCAL deadlock_timeout = '10s'");
  second.run("SET LOCAL deadlock_timeout = '10ms'");
  first.run("UPDATE crossed SET a = 1 WHERE id = 1");
  second.run("UPDATE crossed SET a = 2 WHERE id = 2");
  std::thread waits([&] { first.run("UPDATE crossed SET a = 1 WHERE id = 2"); });
  const Failure failure = second.failure("UPDATE crossed SET a = 2 WHERE id = 1 AND pg_sleep(0) IS NOT NULL");
  second.run("ROLLBACK");
  waits.join();
  first.run("COMMIT");
  check(failure, {"40P01", "deadlock", Outcome::rolled_back});
  CHECK(first.one("SELECT sum(a) FROM crossed") == "2");
}

TEST_CASE("what became of a text of several statements when one of them fails") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS partly");
  ask.run("CREATE TABLE partly (a int)");
  const auto outcome = [&](const std::string& sql) {
    Result<driver::Reply> reply = ask.begin(sql);
    while (reply && reply->then == driver::Then::set) reply = ask.next_set();
    REQUIRE_FALSE(reply.ok());
    if (ask->state() != driver::State::idle) ask.run("ROLLBACK");
    return std::string(outcome_name(reply.error().outcome));
  };
  CHECK(outcome("INSERT INTO partly VALUES (1); INSERT INTO partly VALUES (1 / 0)") == "rolled_back");
  CHECK(outcome("INSERT INTO partly VALUES (1); INSERT INTO no_such_table VALUES (1)") == "rolled_back");
  CHECK(ask.one("SELECT count(*) FROM partly") == "0");
  CHECK(outcome("BEGIN; INSERT INTO partly VALUES (1); COMMIT; INSERT INTO partly VALUES (1 / 0)") == "unknown");
  CHECK(ask.one("SELECT count(*) FROM partly") == "1");
  CHECK(outcome("INSERT INTO partly VALUES (1); COMMIT; SET statement_timeout = '10ms'; SELECT pg_sleep(60)") ==
        "unknown");
  CHECK(ask.one("SELECT 1 WHERE 1 / 1 = 1") == "1");
  check(ask.failure("INSERT INTO partly VALUES (1 / 0)"), {"22012", "data"});
}

TEST_CASE("the position of an error counts characters of the caller's text, or is not told") {
  for (const char* cache : {"", "statement_cache = 0\n"}) {
    Asking ask(cache);
    const auto position = [&](const std::string& sql, const Values& values) -> std::string {
      Result<driver::Reply> reply = ask.begin(sql, values);
      if (reply && reply->then == driver::Then::set) reply = ask.next_set();
      REQUIRE_FALSE(reply.ok());
      for (const auto& [name, value] : reply.error().details) {
        if (name == "position") return value;
      }
      return "none";
    };
    CHECK(position("SELECT nosuch", {}) == "8");
    CHECK(position("SELECT 'é', nosuch", {}) == "13");
    CHECK(position("SELECT nosuch, ?", Values().integer(1)) == "8");
    CHECK(position("SELECT ?, 'é', ? AS b, nosuch", Values().integer(1).integer(2)) == "24");
    CHECK(position("SELECT ?, nosuch, ?", Values().integer(1).integer(2)) == "none");
    CHECK(position("SELECT $1, nosuch, $2", Values().integer(1).integer(2)) == "12");
    CHECK(position("SELECT '{}'::jsonb ?? 'a', nosuch", {}) == "28");
    CHECK(position("CREATE TEMP TABLE first (a int); SELECT nosuch", {}) == "41");
  }
}

}  // namespace tl::validation
