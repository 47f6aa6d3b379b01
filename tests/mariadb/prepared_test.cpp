// What is prepared once and used again answers as if it had been prepared now, whatever has changed beneath it.
#include <doctest/doctest.h>

#include "asking.hpp"

namespace tl::validation {

using driver::State;

namespace {

// The server's counter of this session: how often it has prepared.
int64_t prepared(Asking& ask) {
  const Result<Table> status = ask.rows("SHOW SESSION STATUS LIKE 'Com_stmt_prepare'");
  return std::stoll(status->front().back());
}

// How many the server holds, of all sessions.
int64_t held(Asking& ask) {
  const Result<Table> status = ask.rows("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'");
  return std::stoll(status->front().back());
}

}  // namespace

TEST_CASE("INSERT … RETURNING answers rows, each time") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS returned");
  ask.run("CREATE TABLE returned (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT)");
  const std::string sql = "INSERT INTO returned (t) VALUES (?), (?) RETURNING id, t";
  CHECK(*ask.rows(sql, Values().text("a").text("b")) == Table{{"1", "a"}, {"2", "b"}});
  CHECK(*ask.rows(sql, Values().text("c").text("d")) == Table{{"3", "c"}, {"4", "d"}});
  CHECK(*ask.rows("DELETE FROM returned WHERE id > 2 RETURNING t") == Table{{"c"}, {"d"}});
  CHECK(*ask.rows("REPLACE INTO returned VALUES (1, 'z') RETURNING id, t") == Table{{"1", "z"}});
}

TEST_CASE("a text in which the server finds other parameters than the values given is not run") {
  Asking ask;
  ask.run("SET sql_mode = 'NO_BACKSLASH_ESCAPES'");
  const std::vector<std::string> texts = {
      R"(SELECT ?, '\', ?, '\' -- ')",  // with backslashes as they are: one, and a text
      R"(SELECT '\' -- ', ?)",          // and here a comment
  };
  for (const std::string& text : texts) {
    CAPTURE(text);
    const Failure failure = ask.failure(text, Values().integer(1));
    CHECK(failure->status == Status::misuse);
    CHECK(failure->outcome == Outcome::not_sent);
    CHECK(failure->message.find("sql_mode") != std::string::npos);
    CHECK(ask->state() == State::idle);
    CHECK(ask.one("SELECT ?", Values().integer(7)) == "7");
  }
}

TEST_CASE("a query whose number of columns has changed answers those of today") {
  Asking ask;
  Asking other;
  for (const bool in_transaction : {false, true}) {
    CAPTURE(in_transaction);
    other.run("DROP TABLE IF EXISTS grown");
    other.run("CREATE TABLE grown (a INT)");
    other.run("INSERT INTO grown VALUES (1)");
    const std::string sql = "SELECT * FROM grown WHERE a < ?";
    CHECK(*ask.rows(sql, Values().integer(9)) == Table{{"1"}});
    other.run("ALTER TABLE grown ADD COLUMN b TEXT");
    if (in_transaction) ask.run("START TRANSACTION");
    CHECK(*ask.rows(sql, Values().integer(9)) == Table{{"1", "NULL"}});
    if (in_transaction) ask.run("COMMIT");
    other.run("ALTER TABLE grown DROP COLUMN b, MODIFY a VARCHAR(9)");
    const Result<driver::Reply> reply = ask.begin(sql, Values().integer(9));
    REQUIRE(reply.ok());
    CHECK((*reply->schema)[0].type == columnar::Type::text);
    REQUIRE(ask.reset().ok());
  }
}

TEST_CASE("a query whose columns have other types today answers those") {
  Asking ask;
  const std::string sql = "SELECT v FROM retyped";
  const auto type_after = [&](const std::string& type, const std::string& value) {
    ask.run("CREATE OR REPLACE TABLE retyped (v " + type + ")");
    ask.run("INSERT INTO retyped VALUES (" + value + ")");
    Result<driver::Reply> reply = ask.begin(sql);
    REQUIRE(reply.ok());
    const std::string name = (*reply->schema)[0].database_type;
    REQUIRE(ask.rest(*reply).ok());
    return name;
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(type_after("JSON", "'{}'") == "json");
    CHECK(type_after("UUID", "UUID()") == "uuid");
    CHECK(type_after("VARCHAR(40)", "'x'") == "varchar");
    CHECK(type_after("INET6", "'::1'") == "inet6");
    CHECK(type_after("BIGINT", "1") == "bigint");
  }
}

TEST_CASE("a change whose number of columns has changed has run once, and says that it is not known what it answered") {
  Asking ask;
  Asking other;
  other.run("DROP TABLE IF EXISTS grown");
  other.run("CREATE TABLE grown (a INT)");
  const std::string sql = "INSERT INTO grown (a) VALUES (?) RETURNING *";
  CHECK(*ask.rows(sql, Values().integer(1)) == Table{{"1"}});
  other.run("ALTER TABLE grown ADD COLUMN b INT");
  const Failure failure = ask.failure(sql, Values().integer(2));
  CHECK(failure->outcome == Outcome::unknown);
  CHECK(failure->message.find("columns have changed") != std::string::npos);
  CHECK(ask->state() == State::idle);
  CHECK(other.one("SELECT COUNT(*) FROM grown WHERE a = 2") == "1");
  CHECK(*ask.rows(sql, Values().integer(3)) == Table{{"3", "NULL"}});
}

TEST_CASE("statements are kept, the least recently used go, and with 0 none is") {
  Asking ask("statement_cache = 2\n");
  Asking watcher("statement_cache = 0\n");
  const int64_t others = held(watcher);
  CHECK(ask.one("SELECT 1") == "1");
  const int64_t before = prepared(ask);
  for (int i = 0; i < 5; ++i) CHECK(ask.one("SELECT 1") == "1");
  CHECK(prepared(ask) == before);
  for (int i = 0; i < 20; ++i) CHECK(ask.one("SELECT " + std::to_string(100 + i)) == std::to_string(100 + i));
  CHECK(ask.ping());  // to the closing of statements there is no answer: behind it there is one
  CHECK(held(watcher) <= others + 2);
  Asking without("statement_cache = \"off\"\n");
  for (int i = 0; i < 5; ++i) CHECK(without.one("SELECT ?", Values().integer(i)) == std::to_string(i));
  CHECK(prepared(without) >= 5);
  CHECK(without.ping());
  CHECK(held(watcher) <= others + 2);
}

TEST_CASE("a statement that the server has forgotten is prepared anew") {
  Asking ask;
  CHECK(ask.one("SELECT ?", Values().integer(1)) == "1");
  ask.run("SET @x = 1");
  REQUIRE(ask.reset().ok());
  CHECK(ask.one("SELECT ?", Values().integer(1)) == "1");
}

TEST_CASE("what cannot be prepared is run as text") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS locked");
  ask.run("CREATE TABLE locked (a INT)");
  ask.run("LOCK TABLES locked WRITE");
  ask.run("UNLOCK TABLES");
  for (int i = 0; i < 2; ++i) ask.run("HANDLER locked OPEN"), ask.run("HANDLER locked CLOSE");
  ask.run("DROP TRIGGER IF EXISTS fires");
  ask.run("CREATE TRIGGER fires BEFORE INSERT ON locked FOR EACH ROW SET NEW.a = NEW.a + 1");
  CHECK(ask.run("INSERT INTO locked VALUES (1)") == 1);
  CHECK(ask.one("SELECT a FROM locked") == "2");
}

TEST_CASE("parameters of 16 MiB go and come") {
  Asking ask;
  const std::string large(std::size_t{16} << 20, 'x');
  CHECK(ask.one("SELECT LENGTH(?)", Values().text(large)) == std::to_string(large.size()));
  CHECK(ask.one("SELECT LENGTH(?)", Values().bytes(large)) == std::to_string(large.size()));
  CHECK((ask.one("SELECT ?", Values().text(large)) == large));
}

TEST_CASE("a value beyond the server's max_allowed_packet is too large, and costs at most the session") {
  const std::string large(std::size_t{70} << 20, 'x');
  for (const bool alone : {true, false}) {
    Asking ask;
    const std::string sql = alone ? "SELECT LENGTH(?)" : "SELECT '" + large + "'; DO 0";
    Result<Table> answer = alone ? ask.rows(sql, Values().text(large)) : ask.rows(sql);
    REQUIRE_FALSE(answer.ok());
    CAPTURE(answer.error().message);
    const std::string status(status_name(answer.error().status));
    CHECK((status == "too_large" || status == "resource"));
    if (ask->state() == State::broken) {
      CHECK_FALSE(ask->looks_alive());
    } else {
      CHECK(ask.one("SELECT 1") == "1");
    }
  }
}

TEST_CASE("an answer beyond max_allowed_packet is an error or a null, and the session goes on") {
  Asking ask;
  CHECK(ask.one("SELECT REPEAT('x', 70 * 1024 * 1024)") == "NULL");
  CHECK(ask.one("SELECT 1") == "1");
}

}  // namespace tl::validation
