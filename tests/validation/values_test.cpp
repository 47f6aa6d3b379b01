// Values go in and come out as they are.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "asking.hpp"

namespace tl::validation {

using columnar::Type;

TEST_CASE("integers of every size") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS integers");
  ask.run("CREATE TABLE integers (a BIGINT)");
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{127}, int64_t{32768}, int64_t{INT32_MAX},
                              int64_t{INT32_MIN}, int64_t{INT32_MAX} + 1, int64_t{1} << 53,
                              std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    CAPTURE(value);
    CHECK(ask.one("SELECT ?", Values().integer(value)) == std::to_string(value));
    ask.run("DELETE FROM integers");
    CHECK(ask.run("INSERT INTO integers VALUES (?)", Values().integer(value)) == 1);
    CHECK(ask.one("SELECT a FROM integers WHERE a = ?", Values().integer(value)) == std::to_string(value));
  }
}

TEST_CASE("floats keep every bit") {
  Asking ask;
  const std::vector<std::pair<double, std::string>> all = {{0.0, "0"},
                                                           {-0.5, "-0.5"},
                                                           {0.1, "0.1"},
                                                           {1e300, "1e+300"},
                                                           {5e-324, "5e-324"},
                                                           {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                           {std::numeric_limits<double>::infinity(), "inf"},
                                                           {-std::numeric_limits<double>::infinity(), "-inf"}};
  for (const auto& [value, text] : all) {
    CAPTURE(value);
    if (std::isinf(value) && !target().infinite_floats) {
      CHECK(ask.failure("SELECT ?", Values().real(value))->status == Status::data);
      continue;
    }
    CHECK(ask.one("SELECT ?", Values().real(value)) == text);
  }
}

TEST_CASE("texts: empty, of many scripts, with quotes, of five megabytes") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS texts");
  ask.run("CREATE TABLE texts (t " + target().text_type + ")");
  const std::string large(5'000'000, 'x');
  for (const std::string& text : {std::string(), std::string("a"), std::string("it's \"quoted\" \\ back"),
                                  std::string("Ünïcödé 文字 🎉"), std::string("? :name $1 -- no"), large}) {
    ask.run("DELETE FROM texts");
    ask.run("INSERT INTO texts VALUES (?)", Values().text(text));
    CHECK((ask.one("SELECT t FROM texts") == text));
    CHECK((ask.one("SELECT t FROM texts WHERE t = ?", Values().text(text)) == text));
  }
}

TEST_CASE("bytes: empty, every value of a byte, five megabytes") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS blobs");
  ask.run("CREATE TABLE blobs (b " + target().bytes_type + ")");
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  ask.run("INSERT INTO blobs VALUES (?)", Values().bytes(every));
  const std::string shown_all = ask.one("SELECT b FROM blobs");
  CHECK(shown_all.size() == 3 + 512);
  CHECK(shown_all.starts_with("x'000102"));
  CHECK(shown_all.ends_with("fdfeff'"));
  ask.run("UPDATE blobs SET b = ?", Values().bytes(""));
  CHECK(ask.one("SELECT b FROM blobs") == "x''");
  ask.run("UPDATE blobs SET b = ?", Values().bytes(std::string(5'000'000, '\xff')));
  CHECK(ask.one("SELECT length(b) FROM blobs") == "5000000");
}

TEST_CASE("nulls: alone, among values, as parameters, never mistaken for empty") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS nullable");
  ask.run("CREATE TABLE nullable (i INTEGER, t TEXT)");
  for (int i = 0; i < 20; ++i) {
    Values values;
    if (i % 3 == 0)
      values.null();
    else
      values.integer(i);
    if (i % 2 == 0)
      values.null();
    else
      values.text("");
    ask.run("INSERT INTO nullable VALUES (?, ?)", values);
  }
  const Result<Table> table = ask.rows("SELECT i, t FROM nullable");
  REQUIRE(table.ok());
  REQUIRE(table->size() == 20);
  for (size_t i = 0; i < 20; ++i) {
    CHECK((*table)[i][0] == (i % 3 == 0 ? "NULL" : std::to_string(i)));
    CHECK((*table)[i][1] == (i % 2 == 0 ? "NULL" : ""));
  }
  CHECK(ask.one("SELECT count(*) FROM nullable WHERE i = ?", Values().null()) == "0");
}

TEST_CASE("one text with values of different types") {
  Asking ask;
  const std::string sql = "SELECT ?";
  CHECK(ask.one(sql, Values().integer(1)) == "1");
  CHECK(ask.one(sql, Values().text("one")) == "one");
  CHECK(ask.one(sql, Values().null()) == "NULL");
  CHECK(ask.one(sql, Values().real(1.5)) == "1.5");
  CHECK(ask.one(sql, Values().integer(int64_t{1} << 40)) == std::to_string(int64_t{1} << 40));
  CHECK(ask.one(sql, Values().integer(1)) == "1");
}

TEST_CASE("dates and times reach the database's own functions") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS moments");
  ask.run("CREATE TABLE moments (" + target().moment_types + ")");
  constexpr int64_t day = 19'782;  // 2024-02-29
  constexpr int64_t micros = day * 86'400'000'000 + 12 * 3'600'000'000 + 345'678;
  ask.run("INSERT INTO moments VALUES (?, ?, ?)",
          Values().of(Type::date, day).of(Type::timestamp, micros).of(Type::time, 3'723'000'001));
  CHECK(ask.one("SELECT " + target().moments + " FROM moments") ==
        "2024-02-29|2024-02-29 12:00:00.345678|01:02:03.000001");
}

TEST_CASE("a list is looked into by = ANY") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS listed");
  ask.run("CREATE TABLE listed (i INTEGER, t TEXT)");
  ask.run("INSERT INTO listed VALUES (1, 'a'), (2, 'b\"'), (3, 'c'), (4, NULL)");
  const std::string by_number = "SELECT i FROM listed WHERE i = ANY (?) ORDER BY i";
  CHECK(*ask.rows(by_number, Values().list(Values().integer(3).integer(1))) == Table{{"1"}, {"3"}});
  CHECK(ask.rows(by_number, Values().list(Values().null()))->empty());
  CHECK(*ask.rows("SELECT i FROM listed WHERE t = ANY (?) ORDER BY i", Values().list(Values().text("c").text("b\""))) ==
        Table{{"2"}, {"3"}});
  CHECK(*ask.rows("SELECT i FROM listed WHERE i <> ALL (?) ORDER BY i",
                  Values().list(Values().integer(1).integer(2))) == Table{{"3"}, {"4"}});
}

TEST_CASE("an empty list finds nothing") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS listed");
  ask.run("CREATE TABLE listed (i INTEGER)");
  ask.run("INSERT INTO listed VALUES (1)");
  CHECK(ask.rows("SELECT i FROM listed WHERE i = ANY (?)", Values().list(Values()))->empty());
}

TEST_CASE("literals, comments and operators are no placeholders") {
  Asking ask;
  CHECK(*ask.rows("SELECT '?' AS a, /* ? */ ? AS b -- ?\n, '$1' AS c", Values().integer(7)) == Table{{"?", "7", "$1"}});
}

TEST_CASE("what does not fit is refused with its position, before anything is sent") {
  Asking ask;
  const Failure few = ask.failure("SELECT ?, ?", Values().integer(1));
  CHECK(few->status == Status::misuse);
  CHECK(few->outcome == Outcome::not_sent);
  const Failure many = ask.failure("SELECT ?", Values().integer(1).integer(2));
  CHECK(many->status == Status::misuse);
  CHECK(ask.one("SELECT ?", Values().integer(5)) == "5");
}

TEST_CASE("values that a result type must hold") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin("SELECT 1 AS i, 1.5 AS f, 'x' AS t");
  REQUIRE(reply.ok());
  for (const columnar::Field& field : *reply->schema) CHECK((field.type == Type::any) == !target().typed_columns);
  CHECK(*ask.rest(*reply) == Table{{"1", "1.5", "x"}});
}

}  // namespace tl::validation
