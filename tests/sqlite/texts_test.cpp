// Texts as SQLite keeps them: in UTF-8 or UTF-16, with a NUL inside, as constants, in lists.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>

#include "asking.hpp"

namespace tl::validation {

using columnar::Type;

namespace {

const std::string long_text = [] {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += i % 2 == 0 ? "é文" : "🎉x";
  return text;
}();

const std::vector<std::string> texts = {
    "", "a", "Ünïcödé 文字 🎉", std::string("a\0b", 3), std::string("\0", 1), std::string("é\0\0文", 7), long_text};

// Makes the suite's file anew, its texts kept in the encoding. No session has it open.
void make_file(const std::string& encoding) {
  const std::string path = folder() + "/db.sqlite";
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(path + part);
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  const std::string sql = "PRAGMA encoding = '" + encoding + "'; CREATE TABLE made (a)";
  REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

// Every value of the answer is of this type.
void check_types(Asking& ask, const std::string& sql, Type type) {
  Result<driver::Reply> reply = ask.begin(sql);
  REQUIRE(reply.ok());
  const auto fetch = ask->fetch({1000, 1 << 24});
  REQUIRE(runtime::run(*ask, *fetch, nullptr) == runtime::Ended::finished);
  REQUIRE(fetch->succeeded());
  CHECK(fetch->batch->columns()[0].uniform == type);
}

}  // namespace

TEST_CASE("texts are the same in every encoding of the file") {
  for (const std::string encoding : {"UTF-8", "UTF-16le", "UTF-16be"}) {
    CAPTURE(encoding);
    make_file(encoding);
    Asking ask;
    CHECK(ask.one("PRAGMA encoding") == encoding);
    ask.run("CREATE TABLE texts (i INTEGER PRIMARY KEY, t TEXT)");
    for (const std::string& text : texts) ask.run("INSERT INTO texts (t) VALUES (?)", Values().text(text));
    const Result<Table> stored = ask.rows("SELECT t FROM texts ORDER BY i");
    REQUIRE(stored.ok());
    REQUIRE(stored->size() == texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(i);
      CHECK(((*stored)[i][0] == texts[i]));
      CHECK((ask.one("SELECT t FROM texts WHERE t = ?", Values().text(texts[i])) == texts[i]));
      CHECK((ask.one("SELECT ?", Values().text(texts[i])) == texts[i]));
    }
    check_types(ask, "SELECT t FROM texts", Type::text);
    check_types(ask, "SELECT CAST(t AS BLOB) FROM texts", Type::bytes);
    CHECK(ask.one("SELECT upper(t) || 'é' FROM texts WHERE t = 'a'") == "Aé");
  }
}

TEST_CASE("reading a constant does not change it for the rows after") {
  for (const std::string encoding : {"UTF-8", "UTF-16le"}) {
    CAPTURE(encoding);
    make_file(encoding);
    Asking ask;
    const std::string rows =
        " FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) "
        "SELECT i FROM n)";
    for (int round = 0; round < 2; ++round) {  // the second time by the kept statement
      const Result<Table> table =
          ask.rows("SELECT 'abc', i, x'6162', '', 'é', typeof('abc'), typeof(x'6162'), 'abc' || i, ?" + rows,
                   Values().text("bound"));
      REQUIRE(table.ok());
      for (size_t i = 0; i < 5; ++i) {
        const std::string n = std::to_string(i + 1);
        CHECK((*table)[i] == Texts{"abc", n, "x'6162'", "", "é", "text", "blob", "abc" + n, "bound"});
      }
      check_types(ask, "SELECT 'abc', i" + rows, Type::text);
      check_types(ask, "SELECT x'6162', i" + rows, Type::bytes);
    }
  }
}

TEST_CASE("one value in several columns") {
  for (const std::string encoding : {"UTF-8", "UTF-16le"}) {
    make_file(encoding);
    Asking ask;
    const Result<Table> table =
        ask.rows("SELECT t, t, length(t), t FROM (SELECT 'é' || '文' AS t UNION ALL SELECT 'x')");
    REQUIRE(table.ok());
    CHECK(*table == Table{{"é文", "é文", "2", "é文"}, {"x", "x", "1", "x"}});
  }
}

TEST_CASE("a list has no text with a NUL: SQLite would look for what is before it") {
  Asking ask;
  const Failure failure =
      ask.failure("SELECT 1 WHERE 'a' = ANY (?)", Values().list(Values().text("x").text(std::string("a\0b", 3))));
  CHECK(status_name(failure->status) == "data");
  CHECK(failure->message.find("parameter 1") != std::string::npos);
  CHECK(failure->outcome == Outcome::not_sent);
  CHECK(ask.one("SELECT 1 WHERE 'a' = ANY (?)", Values().list(Values().text("x").text("a"))) == "1");
}

TEST_CASE("a value is at most as long as a batch has room for") {
  Asking ask;
  CHECK(status_name(ask.failure("SELECT zeroblob(1000000001)")->status) == "too_large");
  CHECK(ask.one("SELECT length(zeroblob(1000000000))") == "1000000000");
}

}  // namespace tl::validation
