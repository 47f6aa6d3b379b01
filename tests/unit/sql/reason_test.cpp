#include <doctest/doctest.h>

#include <string>

#include "labelled.hpp"
#include "statement.hpp"

namespace tl::sql {
namespace {

std::string reason(std::string_view text, Dialect dialect) {
  auto given = reason_of_kind(text, dialect, false);
  return given ? given.take() : given.error().message;
}

std::string postgresql(std::string_view text) { return reason(text, Dialect::postgresql); }
std::string mysql(std::string_view text) { return reason(text, Dialect::mysql); }
std::string sqlite(std::string_view text) { return reason(text, Dialect::sqlite); }

}  // namespace

TEST_CASE("the reason for a kind is what made it so") {
  CHECK(postgresql("SELECT 1") == "only reads");
  CHECK(postgresql("insert into t values (1)") == "INSERT writes");
  CHECK(postgresql("SET a = 1") == "SET is not known to only read");
  CHECK(postgresql("start\n transaction") == "START TRANSACTION begins or ends a transaction");
  CHECK(postgresql("COMMIT") == "COMMIT begins or ends a transaction");
  CHECK(postgresql("WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x") == "WITH contains DELETE");
  CHECK(postgresql("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x") == "WITH contains INSERT");
  CHECK(postgresql("SELECT a INTO b FROM t") == "SELECT … INTO keeps its answer");
  CHECK(postgresql("EXPLAIN ANALYZE UPDATE t SET a = 1") == "EXPLAIN ANALYZE runs UPDATE");
  CHECK(postgresql("EXPLAIN UPDATE t SET a = 1") == "only reads");
  CHECK(postgresql("SELECT * FROM pg_temp.t") == "pg_temp is known to its own session only");
}

TEST_CASE("locks are told by the clause that takes them") {
  CHECK(postgresql("SELECT * FROM t FOR UPDATE") == "SELECT … FOR UPDATE locks rows");
  CHECK(postgresql("SELECT * FROM t for no key update") == "SELECT … FOR NO KEY UPDATE locks rows");
  CHECK(postgresql("TABLE t FOR KEY SHARE") == "TABLE … FOR KEY SHARE locks rows");
  CHECK(postgresql("SELECT * FROM t FOR SHARE") == "SELECT … FOR SHARE locks rows");
  CHECK(mysql("SELECT * FROM t LOCK IN SHARE MODE") == "SELECT … LOCK IN SHARE MODE locks rows");
}

TEST_CASE("functions and operators are told by name, with their schema") {
  CHECK(postgresql("SELECT nextval('s')") == "calls nextval, which writes");
  CHECK(postgresql("SELECT NEXTVAL('s')") == "calls NEXTVAL, which writes");
  CHECK(postgresql("SELECT pg_advisory_lock(1)") == "calls pg_advisory_lock, which takes or gives back a lock");
  CHECK(postgresql("SELECT my_fn(1), nextval('s')") == "calls my_fn, which is not known to only read");
  CHECK(postgresql("SELECT * FROM app.\"My Fn\"(1)") == "calls app.\"My Fn\", which is not known to only read");
  CHECK(postgresql("SELECT 1 <*> 2") == "uses the operator <*>, which is not known to only read");
  CHECK(mysql("SELECT GET_LOCK('a', 1)") == "calls GET_LOCK, which takes or gives back a lock");
  CHECK(sqlite("SELECT changes()") == "calls changes, which tells what its session did before");
  CHECK(postgresql("SELECT " + std::string(59, 'a') + "ä(1)") ==
        "calls " + std::string(59, 'a') + "…, which is not known to only read");
}

TEST_CASE("what only one database has") {
  CHECK(mysql("SELECT @a := 1") == "@a is known to its own session only");
  CHECK(mysql("SELECT NEXT VALUE FOR s") == "NEXT VALUE FOR takes a number from a sequence");
  CHECK(mysql("SHOW WARNINGS") == "SHOW WARNINGS is known to its own session only");
  CHECK(mysql("SELECT @@identity") == "identity is known to its own session only");
  CHECK(mysql("EXPLAIN DELETE FROM t") == "EXPLAIN of DELETE is allowed only where DELETE is");
  CHECK(mysql("ANALYZE FORMAT=JSON DELETE FROM t") == "ANALYZE runs DELETE");
  CHECK(mysql("SELECT /*! 1 */") == "has a comment that only some servers run");
  CHECK(sqlite("PRAGMA foreign_keys = 1") == "PRAGMA foreign_keys is not known to only ask");
  CHECK(sqlite("PRAGMA foreign_keys") == "only reads");
  CHECK(sqlite("SELECT * FROM pragma_optimize") ==
        "calls pragma_optimize, which writes where it finds something to do");
}

TEST_CASE("of several statements the one is told that decides") {
  CHECK(postgresql("SELECT 1; SELECT 2") == "only reads");
  CHECK(postgresql("SELECT 1; DELETE FROM t; SELECT f(1)") == "statement 2 of 3: DELETE writes");
  CHECK(postgresql("SELECT f(1); DELETE FROM t; COMMIT") == "statement 3 of 3: COMMIT begins or ends a transaction");
}

TEST_CASE("a text that is refused has no reason, but the refusal's") {
  CHECK(postgresql("SELECT 'a").find("string") != std::string::npos);
  CHECK(postgresql(" ") == "empty statement");
}

TEST_CASE("whatever is a read only reads, and nothing else does") {
  for (const Dialect dialect : {Dialect::sqlite, Dialect::postgresql, Dialect::mysql}) {
    for (const statements::Labelled& labelled : statements::read_corpus(dialect).statements) {
      CAPTURE(labelled.text);
      const bool reads = analyse(labelled.text, dialect, false)->kind == Kind::read;
      CHECK((reason(labelled.text, dialect) == "only reads") == reads);
      CHECK(reason(labelled.text, dialect).find('\n') == std::string::npos);
    }
  }
}

}  // namespace tl::sql
