// Prepared statements: kept, evicted, switched off, and healed when the tables beneath them change.
#include <doctest/doctest.h>

#include "asking.hpp"

namespace tl::validation {

TEST_CASE("the same answers whatever the size of the statement cache") {
  for (const char* size :
       {"statement_cache = 0\n", "statement_cache = 1\n", "statement_cache = 3\n", "statement_cache = 100\n"}) {
    CAPTURE(size);
    Asking ask(size);
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 10; ++i) {
        const std::string sql = "SELECT " + std::to_string(i) + " + ?";
        REQUIRE(ask.one(sql, Values().integer(round)) == std::to_string(i + round));
      }
    }
  }
}

TEST_CASE("a statement outlives a change of its table") {
  for (const char* size : {"statement_cache = 0\n", "statement_cache = 100\n"}) {
    CAPTURE(size);
    Asking ask(size);
    ask.run("DROP TABLE IF EXISTS shape");
    ask.run("CREATE TABLE shape (a INTEGER)");
    ask.run("INSERT INTO shape VALUES (1)");
    for (int i = 0; i < 3; ++i) CHECK(*ask.rows("SELECT * FROM shape") == Table{{"1"}});
    Asking other;
    other.run("ALTER TABLE shape ADD COLUMN b TEXT DEFAULT 'new'");
    CHECK(*ask.rows("SELECT * FROM shape") == Table{{"1", "new"}});
    Result<driver::Reply> reply = ask.begin("SELECT * FROM shape");
    REQUIRE(reply.ok());
    REQUIRE(reply->schema->size() == 2);
    CHECK(reply->schema->at(1).name == "b");
    CHECK(ask.rest(*reply).ok());
  }
}

TEST_CASE("a statement that cannot be prepared is not remembered as one that can") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS later");
  const std::string sql = "SELECT count(*) FROM later";
  CHECK(ask.failure(sql)->status == Status::statement);
  CHECK(ask.failure(sql)->status == Status::statement);
  ask.run("CREATE TABLE later (a INTEGER)");
  CHECK(ask.one(sql) == "0");
  ask.run("DROP TABLE later");
  CHECK(ask.failure(sql)->status == Status::statement);
}

}  // namespace tl::validation
