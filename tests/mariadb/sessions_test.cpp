// What a session is when it is opened, it is again after a reset, whatever the server's globals and callers have set.
#include <doctest/doctest.h>

#include <thread>

#include "both_protocols.hpp"

namespace tl::validation {

using driver::State;

namespace {

// A global variable of the server, put back at the end.
class Global {
 public:
  Global(const std::string& name, const std::string& value) : name_(name) {
    before_ = admin_.one("SELECT @@global." + name);
    set(value);
  }
  ~Global() { set(before_); }
  Global(const Global&) = delete;
  Global& operator=(const Global&) = delete;

 private:
  void set(const std::string& value) {
    const bool number = value.find_first_not_of("0123456789") == std::string::npos && !value.empty();
    admin_.run("SET GLOBAL " + name_ + " = " + (number ? value : "'" + value + "'"));
  }

  const std::string name_;
  std::string before_;
  Asking admin_;
};

void check_charset(Asking& ask) {
  CHECK(ask.one("SELECT '🎉 ünï'") == "🎉 ünï");
  CHECK(ask.one("SELECT ?", Values().text("🎉 ünï")) == "🎉 ünï");
  CHECK(ask.one("SELECT HEX(?)", Values().text("🎉")) == "F09F8E89");
  CHECK(ask.one("SELECT CHAR_LENGTH('🎉')") == "1");
  CHECK(ask.one("SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_connection, @@character_set_results)") ==
        "utf8mb4 utf8mb4 utf8mb4");
}

void check_literals(Asking& ask) {
  CHECK(ask.one("SELECT \"double\"") == "double");
  CHECK(ask.one("SELECT 'a\\'?b'") == "a'?b");
  CHECK(ask.one("SELECT CONCAT('\\\\', ?)", Values().text("x")) == "\\x");
}

}  // namespace

TEST_CASE("texts are UTF-8 from the beginning, and after a reset") {
  Asking ask;
  check_charset(ask);
  ask.run("SET @x = 1");
  REQUIRE(ask->changed());
  REQUIRE(ask.reset().ok());
  check_charset(ask);
  const Global latin1("character_set_server", "latin1");
  Asking later;
  check_charset(later);
  REQUIRE(later.reset().ok());
  check_charset(later);
}

TEST_CASE("a character set other than UTF-8 ends the session instead of corrupting texts") {
  for (const char* set : {"SET NAMES latin1", "SET character_set_results = latin1", "SET character_set_client = latin1",
                          "SET CHARACTER SET latin2", "SET character_set_results = NULL"}) {
    CAPTURE(set);
    Asking ask;
    const Result<Table> answer = ask.rows(set);
    REQUIRE_FALSE(answer.ok());
    CHECK(status_name(answer.error().status) == "unsupported");
    CHECK(answer.error().message.find("character set") != std::string::npos);
    CHECK(ask->state() == State::broken);
  }
  Asking same;
  same.run("SET NAMES utf8mb4 COLLATE utf8mb4_bin");
  CHECK(same.one("SELECT 'é'") == "é");
  same.run("SET NAMES utf8mb3");
  CHECK(same.one("SELECT 'é'") == "é");
}

TEST_CASE("the database is the configured one again after a USE and a reset") {
  Asking ask;
  const std::string database = ask.one("SELECT DATABASE()");
  ask.run("CREATE DATABASE IF NOT EXISTS elsewhere");
  ask.run("USE elsewhere");
  CHECK(ask.one("SELECT DATABASE()") == "elsewhere");
  REQUIRE(ask.reset().ok());
  CHECK(ask.one("SELECT DATABASE()") == database);
  ask.run("USE elsewhere");
  ask.run("DROP DATABASE elsewhere");
  CHECK(ask.one("SELECT DATABASE()") == "NULL");
  REQUIRE(ask.reset().ok());
  CHECK(ask.one("SELECT DATABASE()") == database);
}

TEST_CASE("a statement that was prepared before a USE reads the tables of the database that is used now") {
  Asking ask;
  const std::string database = ask.one("SELECT DATABASE()");
  ask.run("CREATE DATABASE IF NOT EXISTS elsewhere");
  ask.run("CREATE OR REPLACE TABLE same_name (a TEXT)");
  ask.run("CREATE OR REPLACE TABLE elsewhere.same_name (a TEXT)");
  ask.run("INSERT INTO same_name VALUES ('here')");
  ask.run("INSERT INTO elsewhere.same_name VALUES ('there')");
  const std::string sql = "SELECT a FROM same_name";
  for (int i = 0; i < 2; ++i) {
    CHECK(ask.one(sql) == "here");
    ask.run("USE elsewhere");
    CHECK(ask.one(sql) == "there");
    ask.run("USE " + database);
  }
  CHECK(ask.one(sql) == "here");
  ask.run("DROP DATABASE elsewhere");
}

TEST_CASE("literals are read as the lexer reads them, whatever the server's sql_mode") {
  for (const char* mode : {"ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "ANSI", "ORACLE",
                           "DB2", "MSSQL", "POSTGRESQL", "MAXDB", "STRICT_TRANS_TABLES,ANSI_QUOTES"}) {
    CAPTURE(mode);
    const Global sql_mode("sql_mode", mode);
    Asking ask;
    check_literals(ask);
    REQUIRE(ask.reset().ok());
    check_literals(ask);
    ask.run("SET @x = 1");
    REQUIRE(ask.reset().ok());
    check_literals(ask);
    if (std::string(mode).starts_with("STRICT")) CHECK(ask.one("SELECT @@sql_mode") == "STRICT_TRANS_TABLES");
  }
}

TEST_CASE("statements are committed one by one, also where the server's autocommit is off") {
  const Global autocommit("autocommit", "0");
  Asking ask;
  ask.run("DROP TABLE IF EXISTS alone");
  ask.run("CREATE TABLE alone (a INT)");
  const auto check = [&] {
    ask.run("INSERT INTO alone VALUES (1)");
    CHECK(ask->state() == State::idle);
    Asking other;
    CHECK(other.run("DELETE FROM alone") == 1);
  };
  check();
  ask.run("SET @x = 1");
  REQUIRE(ask.reset().ok());
  check();
}

TEST_CASE("a session killed while it is idle does not look alive, and says so") {
  Asking victim;
  Asking other;
  CHECK(victim->looks_alive());
  other.run("KILL CONNECTION " + victim->backend_id());
  for (int i = 0; victim->looks_alive() && i < 10'000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK_FALSE(victim->looks_alive());
  const Failure failure = victim.failure("SELECT 1");
  CHECK(status_name(failure->status) == "unavailable");
  CHECK(victim->state() == State::broken);
}

TEST_CASE("a session killed in the middle of its statement: unavailable") {
  Asking victim;
  Asking other;
  const std::string id = victim->backend_id();
  std::thread killer([&] {
    while (other.one("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)%' AND id = " +
                     id) != "1") {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    other.run("KILL CONNECTION " + id);
  });
  const Failure failure = victim.failure("SELECT SLEEP(60)");
  killer.join();
  CHECK(status_name(failure->status) == "unavailable");
  CHECK(victim->state() == State::broken);
}

}  // namespace tl::validation
