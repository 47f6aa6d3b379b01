// What is prepared once and used again must answer as if it had been prepared now, whatever has changed beneath it.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "left_out.hpp"

namespace tl::validation {

using columnar::Type;
using driver::State;

namespace {

// Each in a transaction of its own, as the pool's callers have them.
Result<Table> in_transaction(Asking& ask, const std::string& sql, const Values& values = {}) {
  ask.run("BEGIN");
  Result<Table> answer = ask.rows(sql, values);
  ask.run("ROLLBACK");
  return answer;
}

std::string prepared_at_server(Asking& ask) { return ask.one("SELECT count(*) FROM pg_prepared_statements"); }

}  // namespace

TEST_CASE("a statement that fails in a transaction because its table has changed fails there once" *
          left_out_behind_proxy("nothing is prepared there")) {
  Asking ask;
  Asking other;
  other.run("DROP TABLE IF EXISTS grown");
  other.run("CREATE TABLE grown (a int)");
  other.run("INSERT INTO grown VALUES (1)");
  const std::string sql = "SELECT * FROM grown";
  CHECK(*in_transaction(ask, sql) == Table{{"1"}});
  other.run("ALTER TABLE grown ADD COLUMN b int");
  const Result<Table> stale = in_transaction(ask, sql);
  REQUIRE_FALSE(stale.ok());
  CHECK(stale.error().sqlstate == "0A000");
  const Result<Table> second = in_transaction(ask, sql);
  REQUIRE_MESSAGE(second.ok(), second.error().message);
  CHECK(*second == Table{{"1", "NULL"}});
}

TEST_CASE("a statement that the server has lost fails in one transaction, not in each" *
          left_out_behind_proxy("nothing is prepared there")) {
  Asking ask;
  CHECK(ask.one("SELECT 99") == "99");
  ask.run("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
  const Result<Table> lost = in_transaction(ask, "SELECT 99");
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().sqlstate == "26000");
  CHECK(in_transaction(ask, "SELECT 99").ok());
}

TEST_CASE("after the caller's own DEALLOCATE ALL or DISCARD ALL nothing is missed, not even in a transaction") {
  for (const char* all : {"DEALLOCATE ALL", "DISCARD ALL", "deallocate prepare all"}) {
    CAPTURE(all);
    Asking ask;
    CHECK(ask.one("SELECT 99") == "99");
    ask.run(all);
    CHECK(in_transaction(ask, "SELECT 99").ok());
  }
}

TEST_CASE("what was evicted is not deallocated in the caller's transaction") {
  Asking ask("statement_cache = 2\n");
  CHECK(ask.one("SELECT 1") == "1");
  CHECK(ask.one("SELECT 2") == "2");
  ask.run("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
  ask.run("BEGIN");
  for (int i = 3; i < 10; ++i) CHECK(ask.one("SELECT " + std::to_string(i)) == std::to_string(i));
  CHECK(ask->state() == State::in_transaction);
  ask.run("COMMIT");
}

TEST_CASE("a transaction of many different statements does not heap them up at the server") {
  Asking ask("statement_cache = 4\n");
  ask.run("BEGIN");
  for (int i = 0; i < 50; ++i) CHECK(ask.one("SELECT " + std::to_string(i)) == std::to_string(i));
  CHECK(std::stoi(prepared_at_server(ask)) <= 8);
  ask.run("COMMIT");
  CHECK(ask.one("SELECT 'outside'") == "outside");
  CHECK(std::stoi(prepared_at_server(ask)) <= 5);
}

TEST_CASE("FETCH answers with the columns of the cursor as it is now") {
  Asking ask;
  ask.run("BEGIN");
  const std::vector<std::pair<std::string, std::string>> cursors = {
      {"42::int8", "42"}, {"1.5::float8", "1.5"}, {"'abcdefgh'::text", "abcdefgh"}, {"inet '10.0.0.1'", "10.0.0.1"}};
  for (const auto& [value, shown] : cursors) {
    CAPTURE(value);
    ask.run("DECLARE c CURSOR FOR SELECT " + value + " AS x");
    CHECK(*ask.rows("FETCH ALL FROM c") == Table{{shown}});
    ask.run("CLOSE c");
  }
}

TEST_CASE("FETCH and EXECUTE of what did not exist give its rows when it does") {
  Asking ask;
  CHECK(ask.failure("EXECUTE pp")->sqlstate == "26000");
  ask.run("PREPARE pp AS SELECT 7 AS x UNION ALL SELECT 8");
  CHECK(*ask.rows("EXECUTE pp") == Table{{"7"}, {"8"}});
  ask.run("DEALLOCATE pp");
  ask.run("PREPARE pp AS SELECT 'text'::text AS y, 0.5::float8");
  CHECK(*ask.rows("EXECUTE pp") == Table{{"text", "0.5"}});

  CHECK(ask.failure("FETCH ALL FROM cc")->sqlstate == "34000");
  ask.run("DECLARE cc CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 3) i");
  CHECK(*ask.rows("FETCH ALL FROM cc") == Table{{"1"}, {"2"}, {"3"}});
}

TEST_CASE("rows of a binary cursor: in known types, or an error and not garbage") {
  Asking ask;
  const auto fetched = [&](const std::string& columns) -> Result<Table> {
    Result<driver::Reply> reply =
        ask.begin("BEGIN; DECLARE c BINARY CURSOR FOR SELECT " + columns + "; FETCH ALL FROM c; COMMIT");
    REQUIRE(reply.ok());
    for (int set = 0; set < 2; ++set) {
      reply = ask.next_set();
      if (!reply) return reply.take_error();
    }
    Result<Table> rows = ask.rest(*reply);
    if (rows) CHECK(ask.next_set().ok());
    return rows;
  };
  CHECK(*fetched("7::int8") == Table{{"7"}});
  const Result<Table> unknown = fetched("inet '10.0.0.1'");
  REQUIRE_FALSE(unknown.ok());
  CHECK(status_name(unknown.error().status) == "data");
  CHECK(ask->state() == State::idle);
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("a text is what the column takes it as today, not when its statement was prepared") {
  for (const char* cache : {"", "statement_cache = 0\n"}) {
    CAPTURE(cache);
    Asking ask(cache);
    Asking other;
    const auto insert_and_alter = [&](const std::string& before, const std::string& text, const std::string& after,
                                      const std::string& second) {
      other.run("DROP TABLE IF EXISTS retyped");
      other.run("CREATE TABLE retyped (a " + before + ")");
      const std::string sql = "INSERT INTO retyped /* " + before + " " + after + " */ VALUES (?)";
      ask.run(sql, Values().text(text));
      ask.run(sql, Values().text(text));
      other.run("ALTER TABLE retyped ALTER COLUMN a TYPE " + after + " USING NULL");
      ask.run(sql, Values().text(second));
      return other.one("SELECT a::text FROM retyped WHERE a IS NOT NULL");
    };
    CHECK(insert_and_alter("int", "007", "text", "007") == "007");
    CHECK(insert_and_alter("int", "007", "text", "abc") == "abc");
    CHECK(insert_and_alter("float8", "0.1", "numeric", "12345678901234567890.12") == "12345678901234567890.12");
    CHECK(insert_and_alter("timestamp", "2024-01-01", "text", "yesterday") == "yesterday");
    CHECK(insert_and_alter("char(5)", "a", "text", "a  ") == "a  ");
    CHECK(insert_and_alter("uuid", "01234567-89ab-cdef-0123-456789abcdef", "text", "none") == "none");
    CHECK(insert_and_alter("text", "a", "int", "007") == "7");
    CHECK(insert_and_alter("varchar(9)", "a", "date", "2024-02-29") == "2024-02-29");
    CHECK(insert_and_alter("text[]", "{a}", "int[]", "{1,2}") == "{1,2}");
    CHECK(insert_and_alter("int[]", "{007}", "text[]", "{007}") == "{007}");
  }
}

TEST_CASE("a statement outlives its table's being made again with columns of other types") {
  Asking ask;
  Asking other;
  const auto make = [&](const std::string& type, const std::string& value) {
    other.run("DROP TABLE IF EXISTS remade");
    other.run("CREATE TABLE remade (a " + type + ")");
    other.run("INSERT INTO remade VALUES ('" + value + "')");
  };
  const std::string sql = "SELECT count(*) FROM remade WHERE a = ?";
  for (const auto& [type, value] : std::vector<std::pair<std::string, std::string>>{
           {"int", "1"}, {"text", "one"}, {"date", "2024-02-29"}, {"varchar(9)", "two"}, {"int8", "5"}}) {
    CAPTURE(type);
    make(type, value);
    CHECK(ask.one(sql, Values().text(value)) == "1");
    CHECK(ask.one(sql, Values().text(value)) == "1");
    CHECK(in_transaction(ask, sql, Values().text(value)).ok());
  }
  make("text", "x");
  CHECK(ask.one(sql, Values().null()) == "0");
  make("int", "1");
  CHECK(ask.one(sql, Values().null()) == "0");
}

TEST_CASE("in a transaction a text of yesterday's type fails once" *
          left_out_behind_proxy("nothing is prepared there")) {
  Asking ask;
  Asking other;
  other.run("DROP TABLE IF EXISTS retyped");
  other.run("CREATE TABLE retyped (a text)");
  const std::string sql = "SELECT count(*) FROM retyped WHERE a = ?";
  CHECK(ask.one(sql, Values().text("1")) == "0");
  other.run("ALTER TABLE retyped ALTER COLUMN a TYPE int USING 0");
  const Result<Table> stale = in_transaction(ask, sql, Values().text("1"));
  REQUIRE_FALSE(stale.ok());
  CHECK(stale.error().sqlstate == "42883");
  CHECK(in_transaction(ask, sql, Values().text("1")).ok());
}

TEST_CASE("an error that is the caller's own is told as it was, however often") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS own");
  ask.run("CREATE TABLE own (id uuid, t text)");
  ask.run("INSERT INTO own VALUES ('01234567-89ab-cdef-0123-456789abcdef', 'x')");
  for (int i = 0; i < 3; ++i) {
    CHECK(ask.failure("SELECT 1 FROM own WHERE id = ?", Values().text("no uuid"))->sqlstate == "22P02");
    CHECK(ask.failure("SELECT t::int FROM own WHERE t = ?", Values().text("x"))->sqlstate == "22P02");
    CHECK(ask.failure("SELECT no_such_function(?)", Values().text("x"))->sqlstate == "42883");
    CHECK(ask->state() == State::idle);
  }
}

TEST_CASE("an integer's type is its own, not that of the call before") {
  Asking ask;
  const std::string sum = "SELECT ? + ?";
  CHECK(ask.one(sum, Values().integer(2'147'483'648).integer(2'147'483'648)) == "4294967296");
  CHECK(ask.failure(sum, Values().integer(2'147'483'647).integer(1))->sqlstate == "22003");
  CHECK(ask.one("SELECT pg_typeof(?)::text", Values().integer(1)) == "integer");
  CHECK(ask.one("SELECT pg_typeof(?)::text", Values().integer(int64_t{1} << 40)) == "bigint");
  CHECK(ask.one("SELECT pg_typeof(?)::text", Values().integer(1)) == "integer");
}

}  // namespace tl::validation
