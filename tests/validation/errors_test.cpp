// The classes of errors, and that a session survives them.
#include <doctest/doctest.h>

#include "asking.hpp"

namespace tl::validation {

using driver::State;

namespace {

void make_tables(Asking& ask) {
  ask.run("DROP TABLE IF EXISTS child");
  ask.run("DROP TABLE IF EXISTS parent");
  ask.run("CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age >= 0))");
  ask.run("CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent (id))");
  ask.run("INSERT INTO parent VALUES (1, 'one', 1)");
}

}  // namespace

TEST_CASE("every constraint has its class, refuses, and leaves the session usable") {
  Asking ask;
  make_tables(ask);
  const std::vector<std::pair<std::string, Status>> cases = {
      {"INSERT INTO parent VALUES (1, 'two', 1)", Status::unique_violation},
      {"INSERT INTO parent VALUES (2, 'one', 1)", Status::unique_violation},
      {"INSERT INTO parent VALUES (2, NULL, 1)", Status::not_null_violation},
      {"INSERT INTO parent VALUES (2, 'two', -1)", Status::check_violation},
      {"INSERT INTO child VALUES (1, 99)", Status::foreign_key_violation},
  };
  for (const auto& [sql, status] : cases) {
    CAPTURE(sql);
    const Failure failure = ask.failure(sql);
    CHECK(status_name(failure->status) == status_name(status));
    CHECK(failure->outcome == Outcome::refused);
    CHECK_FALSE(failure->message.empty());
    CHECK(failure->message.find('\n') == std::string::npos);
    CHECK(ask->state() == State::idle);
  }
  CHECK(ask.one("SELECT count(*) FROM parent") == "1");
}

TEST_CASE("what the database does not understand is an error of the statement") {
  Asking ask;
  for (const char* sql : {"SELEC 1", "SELECT FROM WHERE", "SELECT * FROM there_is_no_such_table",
                          "SELECT no_such_column", "SELECT no_such_function(1)"}) {
    CAPTURE(sql);
    const Failure failure = ask.failure(sql);
    CHECK(failure->status == Status::statement);
    CHECK(failure->outcome == Outcome::refused);
    CHECK(ask->state() == State::idle);
  }
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("a statement that fails in a transaction: only a rollback is sure to help, and it does") {
  Asking ask;
  make_tables(ask);
  ask.run(ask.driver().begin_text({}));
  ask.run("INSERT INTO parent VALUES (2, 'two', 2)");
  (void)ask.failure("INSERT INTO parent VALUES (1, 'again', 1)");
  const State state = ask->state();
  CHECK((state == State::in_transaction || state == State::in_failed));
  ask.run("ROLLBACK");
  CHECK(ask->state() == State::idle);
  CHECK(ask.one("SELECT count(*) FROM parent") == "1");
}

TEST_CASE("a savepoint undoes the statement that failed, and the transaction goes on") {
  Asking ask;
  make_tables(ask);
  ask.run(ask.driver().begin_text({}));
  ask.run("INSERT INTO parent VALUES (2, 'two', 2)");
  ask.run("SAVEPOINT s");
  (void)ask.failure("INSERT INTO parent VALUES (1, 'again', 1)");
  ask.run("ROLLBACK TO SAVEPOINT s");
  CHECK(ask->state() == State::in_transaction);
  ask.run("INSERT INTO parent VALUES (3, 'three', 3)");
  ask.run("COMMIT");
  CHECK(ask.one("SELECT count(*) FROM parent") == "3");
}

TEST_CASE("a read-only session refuses to write") {
  Asking writer;
  make_tables(writer);
  Asking reader("read_only = true\n");
  const Failure failure = reader.failure("INSERT INTO parent VALUES (7, 'seven', 7)");
  CHECK(failure->status == Status::read_only);
  CHECK(failure->outcome == Outcome::refused);
  CHECK(reader.one("SELECT count(*) FROM parent") == "1");
  REQUIRE(reader.reset().ok());
  CHECK(reader.failure("DELETE FROM parent")->status == Status::read_only);
}

}  // namespace tl::validation
