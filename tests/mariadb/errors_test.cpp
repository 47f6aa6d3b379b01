// The server's error numbers and the classes that they have in every language.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "mariadb_error.hpp"

namespace tl::validation {

namespace {

struct Case {
  int32_t number;
  std::string sqlstate;
  std::string status;
  Outcome outcome = Outcome::refused;
};

void check(const Failure& failure, const Case& expected) {
  CHECK(failure->native == expected.number);
  CHECK(failure->sqlstate == expected.sqlstate);
  CHECK(status_name(failure->status) == expected.status);
  CHECK(outcome_name(failure->outcome) == outcome_name(expected.outcome));
  CHECK_FALSE(failure->message.empty());
  CHECK(failure->message.find('\n') == std::string::npos);
}

std::string detail(const Failure& failure, std::string_view key) {
  for (const auto& [name, value] : failure->details) {
    if (name == key) return value;
  }
  return "";
}

}  // namespace

TEST_CASE("the class of every SQLSTATE without a number of its own") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"45000", "statement"},     {"22012", "data"},      {"22003", "data"},      {"23000", "constraint_violation"},
      {"0A000", "unsupported"},   {"21S01", "data"},      {"25006", "read_only"}, {"28000", "authentication"},
      {"40001", "serialization"}, {"42000", "statement"}, {"42S02", "statement"}, {"08S01", "unavailable"},
  };
  Asking ask;
  for (const auto& [sqlstate, status] : cases) {
    CAPTURE(sqlstate);
    const Failure failure =
        ask.failure("BEGIN NOT ATOMIC SIGNAL SQLSTATE '" + sqlstate + "' SET MESSAGE_TEXT = 'provoked'; END");
    CHECK(failure->sqlstate == sqlstate);
    CHECK(status_name(failure->status) == status);
    CHECK(ask.one("SELECT 1") == "1");
  }
}

TEST_CASE("what goes wrong by itself has its class") {
  Asking ask;
  for (const char* name : {"child", "parent", "kinds"}) ask.run(std::string("DROP TABLE IF EXISTS ") + name);
  ask.run("CREATE TABLE parent (id INT PRIMARY KEY)");
  ask.run("CREATE TABLE child (id INT, parent INT, CONSTRAINT child_of FOREIGN KEY (parent) REFERENCES parent (id))");
  ask.run(
      "CREATE TABLE kinds (id INT PRIMARY KEY, small TINYINT NOT NULL, code VARCHAR(3), at DATE, j JSON, "
      "CONSTRAINT few CHECK (small < 100), CONSTRAINT one_code UNIQUE (code))");
  ask.run("INSERT INTO parent VALUES (1)");
  ask.run("INSERT INTO child VALUES (1, 1)");
  ask.run("INSERT INTO kinds VALUES (1, 1, 'a', NULL, NULL)");
  const std::vector<std::pair<std::string, Case>> cases = {
      {"INSERT INTO kinds VALUES (1, 1, 'b', NULL, NULL)", {1062, "23000", "unique_violation"}},
      {"UPDATE kinds SET small = NULL", {1048, "23000", "not_null_violation"}},
      {"INSERT INTO kinds (id) VALUES (2)", {1364, "", "not_null_violation"}},
      {"INSERT INTO child VALUES (2, 9)", {1452, "23000", "foreign_key_violation"}},
      {"DELETE FROM parent", {1451, "23000", "foreign_key_violation"}},
      {"INSERT INTO kinds VALUES (2, 100, 'b', NULL, NULL)", {4025, "23000", "check_violation"}},
      {"INSERT INTO kinds VALUES (2, 1000, 'b', NULL, NULL)", {1264, "22003", "data"}},
      {"INSERT INTO kinds VALUES (2, 1, 'abcd', NULL, NULL)", {1406, "22001", "data"}},
      {"INSERT INTO kinds VALUES (2, 1, 'b', 'yesterday', NULL)", {1292, "22007", "data"}},
      {"INSERT INTO kinds VALUES ('x', 1, 'b', NULL, NULL)", {1366, "22007", "data"}},
      {"INSERT INTO kinds VALUES (2, 1, 'b', NULL, '{')", {4025, "23000", "check_violation"}},
      {"INSERT INTO kinds VALUES (1 / 0, 1, 'b', NULL, NULL)", {1365, "22012", "data"}},
      {"INSERT INTO kinds VALUES (2)", {1136, "21S01", "data"}},
      {"SELECT 9223372036854775807 + 1", {1690, "22003", "data"}},
      {"SELECT (SELECT 1 UNION SELECT 2)", {1242, "21000", "data"}},
      {"SELECT (SELECT 1, 2)", {1241, "21000", "data"}},
      {"SELEC 1", {1064, "42000", "statement"}},
      {"SELECT nothing", {1054, "42S22", "statement"}},
      {"SELECT * FROM no_such_table", {1146, "42S02", "statement"}},
      {"SELECT no_such_function()", {1305, "42000", "statement"}},
      {"CREATE TABLE kinds (a INT)", {1050, "42S01", "statement"}},
      {"USE no_such_database", {1049, "42000", "configuration"}},
      {"ROLLBACK TO SAVEPOINT none", {1305, "42000", "statement"}},
      {"KILL 999999999", {1094, "", "statement"}},
      {"SELECT * FROM kinds LIMIT (SELECT 1)", {1064, "42000", "statement"}},
      {"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE parent", {4166, "", "permission"}},
  };
  for (const auto& [sql, expected] : cases) {
    CAPTURE(sql);
    const Failure failure = ask.failure(sql);
    CAPTURE(failure->message);
    check(failure, expected);
    CHECK(ask->state() == driver::State::idle);
    CHECK(ask.one("SELECT 1") == "1");
  }
  CHECK(detail(ask.failure("INSERT INTO kinds VALUES (2, 1, 'a', NULL, NULL)"), "constraint") == "one_code");
  CHECK(detail(ask.failure("INSERT INTO child VALUES (2, 9)"), "constraint") == "child_of");
  CHECK(detail(ask.failure("INSERT INTO kinds VALUES (2, 100, 'b', NULL, NULL)"), "constraint") == "few");
  CHECK(ask.run("INSERT INTO kinds VALUES (2, 1, 'b', NULL, NULL)") == 1);
}

TEST_CASE(
    "of several things that are dropped one is not there: the others are gone, and nobody says that nothing was") {
  Asking ask;
  const std::vector<std::tuple<std::string, std::string, Case>> cases = {
      {"TABLE", "half_gone", {1051, "42S02", "statement", Outcome::unknown}},
      {"VIEW", "half_gone", {4092, "42S02", "statement", Outcome::unknown}},
      {"SEQUENCE", "half_gone", {4091, "42S02", "statement", Outcome::unknown}},
      {"USER", "half_gone@localhost", {1396, "", "statement", Outcome::unknown}},
  };
  for (const auto& [kind, name, expected] : cases) {
    CAPTURE(kind);
    ask.run("CREATE " + kind + " " + name + (kind == "TABLE" ? " (a INT)" : kind == "VIEW" ? " AS SELECT 1" : ""));
    check(ask.failure("DROP " + kind + " " + name + ", no_such"), expected);
    CHECK(ask.failure("DROP " + kind + " " + name)->native == expected.number);
  }
}

TEST_CASE("a user without the right is refused") {
  Asking ask;
  ask.run("CREATE DATABASE IF NOT EXISTS hidden");
  ask.run("CREATE OR REPLACE TABLE hidden.secret (a INT, b INT)");
  ask.run("CREATE OR REPLACE ROLE onlooker");
  ask.run("GRANT SELECT (a) ON hidden.secret TO onlooker");
  ask.run(
      "CREATE OR REPLACE DEFINER = onlooker PROCEDURE hidden.looks(which INT) SQL SECURITY DEFINER BEGIN "
      "IF which = 1 THEN SELECT b FROM hidden.secret; ELSEIF which = 2 THEN DELETE FROM hidden.secret; "
      "ELSEIF which = 3 THEN DROP DATABASE hidden; ELSE SET GLOBAL max_connections = 1; END IF; END");
  ask.run("GRANT EXECUTE ON PROCEDURE hidden.looks TO onlooker");
  check(ask.failure("CALL hidden.looks(1)"), {1143, "42000", "permission", Outcome::unknown});
  check(ask.failure("CALL hidden.looks(2)"), {1142, "42000", "permission", Outcome::unknown});
  check(ask.failure("CALL hidden.looks(4)"), {1227, "42000", "permission", Outcome::unknown});
  ask.run("DROP DATABASE hidden");
  ask.run("DROP ROLE onlooker");
}

TEST_CASE("a session that is read-only refuses to write, by configuration and by transaction") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS only_read");
  ask.run("CREATE TABLE only_read (a INT)");
  Asking reader("read_only = true\n");
  const Case refused = {1792, "25006", "read_only"};
  check(reader.failure("INSERT INTO only_read VALUES (1)"), refused);
  REQUIRE(reader.reset().ok());
  check(reader.failure("INSERT INTO only_read VALUES (1)"), refused);
  ask.run(ask.driver().begin_text({.read_only = true}));
  check(ask.failure("INSERT INTO only_read VALUES (1)"), refused);
  ask.run("ROLLBACK");
  CHECK(ask.run("INSERT INTO only_read VALUES (1)") == 1);
}

TEST_CASE("a statement that the server's own time limit stops") {
  Asking ask("statement_timeout = \"50ms\"\n");
  check(ask.failure(target().endless), {1969, "70100", "statement_timeout", Outcome::rolled_back});
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("the server's full and the user's own limit are told apart from a server that is not there") {
  const auto status = [](unsigned number, const char* sqlstate) {
    return std::string(status_name(mariadb::failure_of(number, sqlstate, "", Phase::connect)->status));
  };
  CHECK(status(1040, "08004") == "unavailable");
  CHECK(status(1203, "42000") == "unavailable");
  CHECK(status(1226, "42000") == "resource");
  CHECK(status(1045, "28000") == "authentication");
  CHECK(status(3819, "HY000") == "check_violation");
  CHECK(status(0, "") == "unavailable");
}

}  // namespace tl::validation
