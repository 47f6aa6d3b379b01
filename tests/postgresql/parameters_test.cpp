// Parameters of every kind into columns of their type and back, prepared and unprepared.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>

#include "both_formats.hpp"
#include "left_out.hpp"

namespace tl::validation {

using columnar::Type;

namespace {

std::string interval(int32_t months, int32_t days, int64_t micros) {
  std::string fixed(16, '\0');
  std::memcpy(fixed.data(), &months, 4);
  std::memcpy(fixed.data() + 4, &days, 4);
  std::memcpy(fixed.data() + 8, &micros, 8);
  return fixed;
}

const std::string uuid = "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";

struct Case {
  std::string column;
  Values value;
  std::string back;
  bool is_loaded = true;
};

// Into a column, out of it, and found by it; by COPY the same.
void check(const std::vector<Case>& cases) {
  for (const char* cache : {"", "statement_cache = 0\n"}) {
    Asking ask(cache);
    for (size_t i = 0; i < cases.size(); ++i) {
      const Case& c = cases[i];
      CAPTURE(c.column);
      CAPTURE(c.back);
      const std::string table = "typed_" + std::to_string(i);  // statements of their own: they stay prepared
      ask.run("DROP TABLE IF EXISTS " + table);
      ask.run("CREATE TABLE " + table + " (v " + c.column + ")");
      CHECK(ask.run("INSERT INTO " + table + " VALUES (?)", c.value) == 1);
      CHECK(ask.one("SELECT v FROM " + table) == c.back);
      CHECK(ask.one("SELECT v FROM " + table + " WHERE v = $1", c.value) == c.back);
      if (!c.is_loaded) continue;
      ask.run("DELETE FROM " + table);
      CHECK(ask.load(table, {"v"}, {c.value, 1}).ok());
      CHECK(ask.one("SELECT v FROM " + table) == c.back);
    }
  }
}

}  // namespace

TEST_CASE("a value of every type into a column of that type, and back") {
  check({
      {"boolean", Values().boolean(true), "true"},
      {"boolean", Values().boolean(false), "false"},
      {"int2", Values().integer(-32768), "-32768"},
      {"int4", Values().integer(INT32_MIN), "-2147483648"},
      {"int8", Values().integer(INT64_MIN), "-9223372036854775808"},
      {"int8", Values().integer(7), "7"},
      {"numeric", Values().integer(INT64_MAX), "9223372036854775807"},
      {"numeric", Values().of(Type::uint64, -1), "18446744073709551615"},
      {"float8", Values().real(5e-324), "5e-324"},
      {"float4", Values().real(0.5), "0.5"},
      {"numeric", Values().of(Type::decimal, "-0.00001234"), "-0.00001234"},
      {"numeric(20,4)", Values().of(Type::decimal, "1234567890123456.7"), "1234567890123456.7000"},
      {"numeric", Values().of(Type::decimal, "NaN"), "NaN"},
      {"numeric", Values().of(Type::decimal, "-Infinity"), "-Infinity"},
      {"text", Values().text("it's ? $1 :x"), "it's ? $1 :x"},
      {"varchar(9)", Values().text(""), ""},
      {"bytea", Values().bytes(std::string("\0\xff\\", 3)), "x'00ff5c'"},
      {"date", Values().of(Type::date, 19782), "19782"},
      {"date", Values().of(Type::date, INT32_MAX), "2147483647"},
      {"date", Values().of(Type::date, INT32_MIN), "-2147483648"},
      {"date", Values().of(Type::date, -719'528), "-719528"},
      {"date", Values().of(Type::date, -2'440'588), "-2440588"},
      {"date", Values().of(Type::date, 2'000'000'000), "2000000000"},
      {"timestamp", Values().of(Type::timestamp, -200'000'000'000'000'000), "-200000000000000000"},
      {"timestamptz", Values().of(Type::timestamptz, 9'000'000'000'000'000'000), "9000000000000000000"},
      {"time", Values().of(Type::time, 86'400'000'000), "86400000000"},
      {"timestamp", Values().of(Type::timestamp, -1), "-1"},
      {"timestamp", Values().of(Type::timestamp, INT64_MAX), "9223372036854775807"},
      {"timestamptz", Values().of(Type::timestamptz, 1'719'792'000'000'001), "1719792000000001"},
      {"timestamptz", Values().of(Type::timestamptz, INT64_MIN), "-9223372036854775808"},
      {"interval", Values().of(Type::interval, interval(-13, 5, -1)), "-13m5d-1us"},
      {"interval", Values().of(Type::interval, interval(INT32_MIN, INT32_MAX, INT64_MIN)),
       "-2147483648m2147483647d-9223372036854775808us", false},  // as a text PostgreSQL does not take it back
      {"interval", Values().of(Type::interval, interval(INT32_MIN, INT32_MAX, -INT64_MAX)),
       "-2147483648m2147483647d-9223372036854775807us"},
      {"interval", Values().of(Type::duration, 90'000'000'000), "0m0d90000000000us"},
      {"uuid", Values().of(Type::uuid, uuid), "x'0123456789abcdef0123456789abcdef'"},
      {"jsonb", Values().of(Type::json, "{\"b\": [1, 2]}"), "{\"b\": [1, 2]}"},
  });
}

TEST_CASE("texts and bytes that mean something to COPY") {
  std::vector<Case> cases;
  for (const std::string text : {"\\N", "\\.", "\\", "\\\\", "a\tb\nc\rd", "\t", "\n", "\r\n", "\\n", "\\x41", "\\101",
                                 "\b\f\v\x01\x7f", " ", "NULL", "{}", "\"", "naïve 日本 🎉"}) {
    std::string hex = "x'";
    for (const char c : text) {
      hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
      hex += "0123456789abcdef"[c & 15];
    }
    cases.push_back({"text", Values().text(text), text});
    cases.push_back({"bytea", Values().bytes(text), hex + "'"});
    cases.push_back(
        {"text[]", Values().list(Values().text(text).null().text(text)), "{" + text + ",NULL," + text + "}"});
  }
  check(cases);
}

TEST_CASE("several columns and rows by COPY") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS several");
  ask.run("CREATE TABLE several (n int, t text, b bytea, j jsonb)");
  const Values values = Values()
                            .integer(1)
                            .text("\\N")
                            .null()
                            .of(Type::json, "{\"a\": \"\\t\"}")
                            .null()
                            .null()
                            .bytes("\\.")
                            .null()
                            .integer(3)
                            .text("")
                            .bytes("")
                            .of(Type::json, "null");
  REQUIRE(ask.load("several", {"n", "t", "b", "j"}, {values, 3}).ok());
  CHECK(*ask.rows("SELECT * FROM several ORDER BY n") ==
        Table{{"1", "\\N", "NULL", "{\"a\": \"\\t\"}"}, {"3", "", "x''", "null"}, {"NULL", "NULL", "x'5c2e'", "NULL"}});
}

TEST_CASE("what the session has set does not change what COPY brings" *
          left_out_behind_proxy("what is set there is left to others")) {
  Asking ask;
  const std::vector<Case> cases = {
      {"interval", Values().of(Type::interval, interval(-1, 2, 1'000'000)), "-1m2d1000000us"},
      {"interval", Values().of(Type::interval, interval(1, -2, -1)), "1m-2d-1us"},
      {"interval", Values().of(Type::interval, interval(-1, 0, 0)), "-1m0d0us"},
      {"interval", Values().of(Type::duration, -90'000'000), "0m0d-90000000us"},
      {"date", Values().of(Type::date, 19'786), "19786"},  // 2024-03-04
      {"timestamptz", Values().of(Type::timestamptz, 1'709'510'400'000'001), "1709510400000001"},
      {"bytea", Values().bytes(std::string("\0\\", 2)), "x'005c'"},
      {"text", Values().text("it's \\n"), "it's \\n"},
  };
  for (const std::string style : {"postgres", "sql_standard", "iso_8601", "postgres_verbose"}) {
    for (const Case& c : cases) {
      CAPTURE(style);
      CAPTURE(c.back);
      ask.run("SET intervalstyle = '" + style + "'");
      ask.run("SET datestyle = 'SQL, DMY'");
      ask.run("SET timezone = 'Asia/Kolkata'");
      ask.run("SET bytea_output = 'escape'");
      ask.run("SET standard_conforming_strings = off");
      ask.run("DROP TABLE IF EXISTS styled");
      ask.run("CREATE TABLE styled (v " + c.column + ")");
      CHECK(ask.load("styled", {"v"}, {c.value, 1}).ok());
      CHECK(Asking().one("SELECT v FROM styled") == c.back);
    }
  }
}

TEST_CASE("a moment that PostgreSQL does not have is refused by COPY, too" *
          left_out_behind_proxy("rows are loaded by INSERT there")) {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS moments");
  ask.run("CREATE TABLE moments (d date, t timestamp, i interval)");
  const auto status = [&](const char* column, const Values& value) {
    auto done = ask.load("moments", {column}, {value, 1});
    return done ? "ok" : std::string(status_name(done.error().status));
  };
  for (const int64_t days :
       {int64_t{INT32_MAX} + 1, int64_t{INT32_MIN} - 1, INT64_MAX, INT64_MIN, int64_t{INT32_MAX} - 1}) {
    CAPTURE(days);
    CHECK(status("d", Values().of(Type::date, days)) == "data");
  }
  CHECK(status("t", Values().of(Type::timestamp, INT64_MIN + 1)) == "data");
  CHECK(status("i", Values().of(Type::duration, INT64_MIN)) == "data");
  CHECK(ask.one("SELECT count(*) FROM moments") == "0");
}

TEST_CASE("json into a column of json") {
  BothFormats ask;
  ask.run("DROP TABLE IF EXISTS documents");
  ask.run("CREATE TABLE documents (v json)");
  Asking().run("INSERT INTO documents VALUES (?)", Values().of(Type::json, "{\"a\":  1}"));
  CHECK(ask.one("SELECT v FROM documents") == "{\"a\":  1}");
}

TEST_CASE("texts reach columns of other types, as literals do") {
  check({
      {"int4", Values().text("17"), "17"},
      {"numeric", Values().text("1.50"), "1.50"},
      {"date", Values().text("2024-02-29"), "19782"},
      {"timestamptz", Values().text("1970-01-01T00:00:01Z"), "1000000"},
      {"uuid", Values().text("01234567-89ab-cdef-0123-456789abcdef"), "x'0123456789abcdef0123456789abcdef'"},
      {"jsonb", Values().text("[1]"), "[1]"},
      {"inet", Values().text("10.0.0.1"), "10.0.0.1"},
      {"int4[]", Values().text("{1,NULL}"), "{1,NULL}"},
  });
}

TEST_CASE("a list of every type, with a null in it, and empty") {
  check({
      {"boolean[]", Values().list(Values().boolean(true).null().boolean(false)), "{true,NULL,false}"},
      {"int4[]", Values().list(Values().integer(1).null().integer(-2)), "{1,NULL,-2}"},
      {"int8[]", Values().list(Values().integer(1).integer(INT64_MAX)), "{1,9223372036854775807}"},
      {"int8[]", Values().list(Values().integer(INT64_MAX).null().integer(1)), "{9223372036854775807,NULL,1}"},
      {"int8[]", Values().list(Values().of(Type::uint64, 1).of(Type::uint64, INT64_MAX)), "{1,9223372036854775807}"},
      {"numeric[]", Values().list(Values().of(Type::uint64, 1).of(Type::uint64, -1).of(Type::uint64, int64_t{1} << 40)),
       "{1,18446744073709551615,1099511627776}"},
      {"float8[]", Values().list(Values().real(0.1).real(1e300)), "{0.1,1e+300}"},
      {"numeric[]", Values().list(Values().of(Type::decimal, "1.50").null().of(Type::decimal, "NaN")),
       "{1.50,NULL,NaN}"},
      {"text[]", Values().list(Values().text("a\"b").text("c\\d").text("NULL").text("").null().text("x,{y}")),
       "{a\"b,c\\d,NULL,,NULL,x,{y}}"},
      {"bytea[]", Values().list(Values().bytes(std::string("\0\xff", 2)).bytes("")), "{x'00ff',x''}"},
      {"date[]", Values().list(Values().of(Type::date, 1).null()), "{1,NULL}"},
      {"time[]", Values().list(Values().of(Type::time, 1)), "{1}"},
      {"timestamp[]", Values().list(Values().of(Type::timestamp, 5)), "{5}"},
      {"timestamptz[]", Values().list(Values().of(Type::timestamptz, 5).of(Type::timestamptz, INT64_MAX)),
       "{5,9223372036854775807}"},
      {"interval[]", Values().list(Values().of(Type::interval, interval(1, -1, 5))), "{1m-1d5us}"},
      {"interval[]", Values().list(Values().of(Type::duration, 5)), "{0m0d5us}"},
      {"uuid[]", Values().list(Values().of(Type::uuid, uuid).null()), "{x'0123456789abcdef0123456789abcdef',NULL}"},
      {"jsonb[]", Values().list(Values().of(Type::json, "{\"a\": \"x, y\"}").null()), "{{\"a\": \"x, y\"},NULL}"},
      {"int4[]", Values().list(Values()), "{}"},
      {"text[]", Values().list(Values().null()), "{NULL}"},
  });
}

TEST_CASE("a list looks into columns of other widths and types") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS wide");
  ask.run("CREATE TABLE wide (s int2, l int8, n numeric, u uuid, v varchar(10), d date)");
  ask.run(
      "INSERT INTO wide VALUES (1, 1, 1.5, '01234567-89ab-cdef-0123-456789abcdef', 'a', '1970-01-02'), (2, 2, 2, NULL, "
      "'b', NULL)");
  const auto count = [&](const std::string& where, const Values& list) {
    return ask.one("SELECT count(*) FROM wide WHERE " + where, Values().list(list));
  };
  CHECK(count("s = ANY (?)", Values().integer(1).integer(9)) == "1");
  CHECK(count("l = ANY (?)", Values().integer(1).integer(2)) == "2");
  CHECK(count("n = ANY (?)", Values().of(Type::decimal, "1.50").of(Type::decimal, "7")) == "1");
  CHECK(count("n = ANY (?::numeric[])", Values().integer(2)) == "1");
  CHECK(count("u = ANY (?)", Values().of(Type::uuid, uuid)) == "1");
  CHECK(count("v = ANY (?)", Values().text("b").text("z")) == "1");
  CHECK(count("d = ANY (?)", Values().of(Type::date, 1)) == "1");
  CHECK(count("d = ANY (?)", Values()) == "0");
}

TEST_CASE("a list of values of different types is refused, before anything is sent") {
  for (const char* cache : {"", "statement_cache = 0\n"}) {
    Asking ask(cache);
    const std::vector<Values> lists = {
        Values().list(Values().integer(1).text("a")),
        Values().list(Values().text("a").integer(1)),
        Values().list(Values().integer(1).real(1.5)),
        Values().list(Values().of(Type::date, 1).of(Type::timestamp, 1)),
        Values().list(Values().boolean(true).integer(1)),
        Values().list(Values().integer(1).boolean(true)),
        Values().list(Values().text("a").of(Type::decimal, "1")),
    };
    for (const Values& list : lists) {
      const Failure failure = ask.failure("SELECT ?", list);
      CHECK(status_name(failure->status) == "data");
      CHECK(failure->message.find("parameter 1") != std::string::npos);
      CHECK(failure->outcome == Outcome::not_sent);
      CHECK(ask.one("SELECT 1") == "1");
    }
  }
}

TEST_CASE("NUL in a text is refused with its position: PostgreSQL has none") {
  for (const char* cache : {"", "statement_cache = 0\n"}) {
    Asking ask(cache);
    const std::string nul("a\0b", 3);
    for (const Values& values : {Values().integer(1).text(nul), Values().integer(1).of(Type::json, nul),
                                 Values().integer(1).list(Values().text("x").text(nul))}) {
      const Failure failure = ask.failure("SELECT ?, ?", values);
      CHECK(status_name(failure->status) == "data");
      CHECK(failure->message.find("parameter 2") != std::string::npos);
      CHECK(failure->outcome == Outcome::not_sent);
      CHECK(ask.one("SELECT 1") == "1");
    }
  }
}

TEST_CASE("moments that PostgreSQL cannot hold are refused") {
  Asking ask;
  for (const Values& values :
       {Values().of(Type::timestamp, INT64_MIN + 1), Values().of(Type::timestamptz, INT64_MIN + 1),
        Values().of(Type::date, INT32_MIN + 1), Values().of(Type::date, int64_t{1} << 40),
        // what is infinity to the server, counted from where its dates begin
        Values().of(Type::timestamp, INT64_MIN + 946'684'800'000'000),
        Values().of(Type::timestamptz, INT64_MIN + 946'684'800'000'000),
        Values().of(Type::date, int64_t{INT32_MIN} + 10'957), Values().of(Type::date, int64_t{INT32_MAX} + 10'957)}) {
    CHECK(status_name(ask.failure("SELECT ?", values)->status) == "data");
    CHECK(ask.one("SELECT 1") == "1");
  }
}

TEST_CASE("? and $1, and the operators that a ? is part of") {
  Asking ask;
  CHECK(*ask.rows("SELECT $2::int, $1::int, $2::int", Values().integer(1).integer(2)) == Table{{"2", "1", "2"}});
  CHECK(*ask.rows("SELECT ?::int, ?::int", Values().integer(1).integer(2)) == Table{{"1", "2"}});
  CHECK(ask.one("SELECT '{\"a\": 1}'::jsonb ?? ?", Values().text("a")) == "true");
  CHECK(ask.one("SELECT '{\"a\": 1}'::jsonb ??| ?", Values().list(Values().text("x").text("a"))) == "true");
  CHECK(ask.one("SELECT '{\"a\": 1}'::jsonb ??& array['a', ?]", Values().text("b")) == "false");
  CHECK(ask.one("SELECT '{\"a\": 1}'::jsonb ? 'a'") != "true");
  CHECK(ask.one("SELECT '{\"a\": 1}'::jsonb ?? 'a'") == "true");
  CHECK(ask.one("SELECT $$ ? $1 $$ || E'\\'?' || U&'?' || ?", Values().text("x")) == " ? $1 '??x");
  CHECK(ask.failure("SELECT ?, $1", Values().integer(1).integer(2))->status == Status::misuse);
}

TEST_CASE("as many parameters as the protocol has, and one more") {
  Asking ask;
  std::string sql = "SELECT 0";
  Values values;
  for (int i = 0; i < 1000; ++i) {
    sql += " + ?";
    values.integer(i);
  }
  CHECK(ask.one(sql, values) == "499500");
  std::string list = "SELECT 1 WHERE 1 IN (?";
  Values many = Values().integer(1);
  for (int i = 1; i < 65'536; ++i) {
    list += ",?";
    many.integer(1);
  }
  const Failure failure = ask.failure(list + ")", many);
  CHECK(failure->status == Status::misuse);
  CHECK(failure->message.find("65535") != std::string::npos);
}

}  // namespace tl::validation
