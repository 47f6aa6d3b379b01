// Every type that has a column of its own, in both formats, to the ends of its range.
#include <doctest/doctest.h>

#include <cstdint>

#include "both_formats.hpp"

namespace tl::validation {

using columnar::Type;

namespace {

using Cases = std::vector<std::pair<std::string, std::string>>;

// Each literal as a value of the type: alone, and all of them as one column with a null among them.
void check(BothFormats& ask, const std::string& type, const Cases& cases) {
  std::string all = "SELECT NULL::" + type + " AS v";
  Table expected{{"NULL"}};
  for (const auto& [literal, shown_as] : cases) {
    const std::string value = "'" + literal + "'::" + type;
    CAPTURE(value);
    CHECK(ask.one("SELECT " + value) == shown_as);
    all += " UNION ALL SELECT " + value;
    expected.push_back({shown_as});
  }
  CHECK(ask.rows(all) == expected);
}

constexpr int64_t day = 86'400'000'000;

std::string text(int64_t number) { return std::to_string(number); }

}  // namespace

TEST_CASE("booleans and whole numbers") {
  BothFormats ask;
  check(ask, "boolean", {{"t", "true"}, {"f", "false"}});
  check(ask, "int2", {{"0", "0"}, {"-32768", "-32768"}, {"32767", "32767"}});
  check(ask, "int4", {{"-1", "-1"}, {"-2147483648", "-2147483648"}, {"2147483647", "2147483647"}});
  check(ask, "int8",
        {{"-9223372036854775808", "-9223372036854775808"}, {"9223372036854775807", "9223372036854775807"}});
  check(ask, "oid", {{"0", "0"}, {"4294967295", "4294967295"}});
}

TEST_CASE("floats") {
  BothFormats ask;
  check(ask, "float8",
        {{"0", "0"},
         {"-0", "-0"},
         {"0.1", "0.1"},
         {"1e300", "1e+300"},
         {"5e-324", "5e-324"},
         {"1.7976931348623157e308", "1.7976931348623157e+308"},
         {"NaN", "NaN"},
         {"Infinity", "inf"},
         {"-Infinity", "-inf"}});
  check(ask, "float4",
        {{"0.5", "0.5"},
         {"-0", "-0"},
         {"0.1", "0.10000000149011612"},
         {"3.4028235e38", "3.4028234663852886e+38"},
         {"1e-45", "1.401298464324817e-45"},
         {"NaN", "NaN"},
         {"Infinity", "inf"},
         {"-Infinity", "-inf"}});
}

TEST_CASE("numerics keep every digit") {
  BothFormats ask;
  const std::string zeros300(300, '0');
  const std::string nines(1000, '9');
  const Cases as_they_are = {{"0", ""},
                             {"1", ""},
                             {"-1", ""},
                             {"10", ""},
                             {"9999", ""},
                             {"10000", ""},
                             {"100000000", ""},
                             {"12345678901234567890", ""},
                             {"0.0", ""},
                             {"0.00", ""},
                             {"0.0000000000", ""},
                             {"1.0", ""},
                             {"1.50", ""},
                             {"-1.5", ""},
                             {"0.1", ""},
                             {"0.0001", ""},
                             {"0.00001", ""},
                             {"0.00001234", ""},
                             {"-0.00001234", ""},
                             {"10000.0001", ""},
                             {"10000.00010000", ""},
                             {"1000.5", ""},
                             {"123456.789", ""},
                             {"1" + zeros300, ""},
                             {"-1" + zeros300 + ".5", ""},
                             {"0." + zeros300 + "1", ""},
                             {nines + "." + nines, ""},
                             {"NaN", ""},
                             {"Infinity", ""},
                             {"-Infinity", ""}};
  Cases cases;
  for (const auto& [literal, ignored] : as_they_are) cases.emplace_back(literal, literal);
  check(ask, "numeric", cases);
  check(ask, "numeric",
        {{"-0.0", "0.0"},
         {"1e3", "1000"},
         {"1e-5", "0.00001"},
         {"00012.50", "12.50"},
         {"1e300", "1" + zeros300},
         {"1.5e-10", "0.00000000015"}});
  check(ask, "numeric(10,2)", {{"0", "0.00"}, {"1.005", "1.01"}, {"-12345678.9", "-12345678.90"}});
  check(ask, "numeric(3,-3)", {{"1499", "1000"}, {"999499", "999000"}, {"0", "0"}});
  check(ask, "numeric(3,5)", {{"0.00123", "0.00123"}, {"0", "0.00000"}});
}

TEST_CASE("a numeric column tells its precision and scale") {
  BothFormats ask;
  const columnar::Schema schema =
      ask.schema("SELECT 1::numeric(10,2) AS a, 1::numeric(3,-3) AS b, 1::numeric AS c, 1::int4 AS d WHERE false");
  CHECK(schema[0].precision == 10);
  CHECK(schema[0].scale == 2);
  CHECK(schema[1].precision == 3);
  CHECK(schema[1].scale == -3);
  CHECK(schema[2].precision == -1);
  CHECK(schema[2].scale == -1);
  CHECK(schema[3].precision == -1);
  CHECK(schema[0].database_type == "numeric");
}

TEST_CASE("texts of all types") {
  BothFormats ask;
  const Cases all = {{"", ""},
                     {"a", "a"},
                     {"with \"quotes\" and \\ back", "with \"quotes\" and \\ back"},
                     {"Ünï 文字 🎉", "Ünï 文字 🎉"}};
  for (const char* type : {"text", "varchar", "varchar(40)", "name"}) check(ask, type, all);
  check(ask, "char(5)", {{"", "     "}, {"ab", "ab   "}, {"abcde", "abcde"}});
  check(ask, "xml", {{"<a>b</a>", "<a>b</a>"}});
  CHECK(ask.one("SELECT 'unknown'") == "unknown");
}

TEST_CASE("\"char\" is one byte, whichever it is") {
  BothFormats ask;
  check(ask, "\"char\"", {{"", ""}, {"a", "a"}, {"\"", "\""}, {"\\", "\\"}, {"\\377", "\\377"}, {"\\200", "\\200"}});
  CHECK(ask.one("SELECT array['a'::\"char\", '', '\\377', '\\', '\"']") == "{a,,\\377,\\,\"}");
}

TEST_CASE("bytes") {
  BothFormats ask;
  check(ask, "bytea", {{"\\x", "x''"}, {"\\x00", "x'00'"}, {"\\x00ff5c27", "x'00ff5c27'"}});
  CHECK(ask.one("SELECT decode(repeat('00ff', 100000), 'hex')").size() == 3 + 400'000);
}

TEST_CASE("dates: before Christ, infinite, the first and the last") {
  BothFormats ask;
  check(ask, "date",
        {{"1970-01-01", "0"},
         {"2000-01-01", "10957"},
         {"2024-02-29", "19782"},
         {"1969-12-31", "-1"},
         {"0001-01-01", "-719162"},
         {"0001-12-31 BC", "-719163"},
         {"0001-01-01 BC", "-719528"},
         {"0005-02-29 BC", "-720930"},
         {"4713-01-01 BC", "-2440550"},
         {"10000-01-01", "2932897"},
         {"5874897-12-31", "2145042905"},
         {"infinity", text(INT32_MAX)},
         {"-infinity", text(INT32_MIN)}});
}

TEST_CASE("times: midnight at either end") {
  BothFormats ask;
  check(ask, "time",
        {{"00:00:00", "0"},
         {"23:59:59.999999", text(day - 1)},
         {"24:00:00", text(day)},
         {"12:34:56.789", "45296789000"},
         {"00:00:00.000001", "1"}});
}

TEST_CASE("timestamps: before Christ, infinite, down to a microsecond") {
  BothFormats ask;
  for (const char* type : {"timestamp", "timestamptz"}) {
    check(ask, type,
          {{"1970-01-01 00:00:00", "0"},
           {"2000-01-01 00:00:00", text(10957 * day)},
           {"1969-12-31 23:59:59.999999", "-1"},
           {"2024-02-29 12:00:00.345678", text(19782 * day + day / 2 + 345'678)},
           {"0001-12-31 24:00:00 BC", text(-719162 * day)},
           {"0044-03-15 12:30:00.5 BC", text(-735160 * day + day / 2 + 1'800'500'000)},
           {"10000-01-01 00:00:00", text(2932897 * day)},
           {"294247-01-10 04:00:54.775806", "9223372036854775806"},
           {"infinity", text(INT64_MAX)},
           {"-infinity", text(INT64_MIN)}});
  }
  check(ask, "timestamp", {{"4714-11-24 00:00:00 BC", text(-2440588 * day)}});
}

TEST_CASE("a timestamp is the same moment in every time zone of the session") {
  for (const char* zone : {"Asia/Kolkata", "America/St_Johns", "Europe/Amsterdam", "Pacific/Kiritimati"}) {
    BothFormats ask(std::string("timezone = \"") + zone + "\"\n");
    CAPTURE(zone);
    CHECK(ask.one("SELECT current_setting('TimeZone')") == zone);
    check(ask, "timestamptz",
          {{"1970-01-01 00:00:00+00", "0"},
           {"1800-06-15 01:02:03.000004+00", "-5350402676999996"},
           {"0044-03-15 12:00:00+00 BC", text(-735160 * day + day / 2)},
           {"2024-07-01 00:00:00+00", text(19905 * day)}});
  }
}

TEST_CASE("a moment that the column cannot hold fails with its row and column") {
  BothFormats ask;
  const std::vector<std::string> beyond = {"294276-12-31 23:59:59.999999", "294247-01-10 04:00:54.775808",
                                           "294247-01-10 04:00:54.775807"};  // the last would be read as infinity
  for (const std::string& moment : beyond) {
    for (const char* type : {"timestamp", "timestamptz"}) {
      CAPTURE(moment);
      const Failure failure = ask.failure("SELECT 1 AS id, '2000-01-01'::" + std::string(type) +
                                          " AS at UNION ALL SELECT 2, '" + moment + "'::" + type + " ORDER BY id");
      CHECK(failure->status == Status::data);
      CHECK(failure->phase == Phase::decode);
      CHECK(failure->message.find("row 2") != std::string::npos);
      CHECK(failure->message.find("\"at\"") != std::string::npos);
    }
  }
}

TEST_CASE("intervals: every part with a sign of its own") {
  BothFormats ask;
  check(ask, "interval",
        {{"0", "0m0d0us"},
         {"1 year 2 mons 3 days 04:05:06.789", "14m3d14706789000us"},
         {"-1 year", "-12m0d0us"},
         {"1 mon -1 day", "1m-1d0us"},
         {"-1 mon 1 day -00:00:00.000001", "-1m1d-1us"},
         {"1 year -1 mon", "11m0d0us"},
         {"-1 day +100:00:00", "0m-1d360000000000us"},
         {"00:00:59.999999", "0m0d59999999us"},
         {"-13 mons", "-13m0d0us"},
         {"178956970 years 7 mons", "2147483647m0d0us"},
         {"-178956970 years -8 mons", "-2147483648m0d0us"},
         {"2147483647 days", "0m2147483647d0us"},
         {"-2147483648 days", "0m-2147483648d0us"},
         {"2562047788:00:54.775807", "0m0d9223372036854775807us"}});
  CHECK(ask.one("SELECT make_interval(secs => -9223372036854.775)") == "0m0d-9223372036854775808us");
}

TEST_CASE("uuids") {
  BothFormats ask;
  check(ask, "uuid",
        {{"00000000-0000-0000-0000-000000000000", "x'" + std::string(32, '0') + "'"},
         {"ffffffff-ffff-ffff-ffff-ffffffffffff", "x'" + std::string(32, 'f') + "'"},
         {"01234567-89ab-cdef-0123-456789abcdef", "x'0123456789abcdef0123456789abcdef'"}});
}

TEST_CASE("json comes as its text") {
  BothFormats ask;
  check(ask, "json", {{"{\"a\":  [1, null]}", "{\"a\":  [1, null]}"}, {"null", "null"}, {"\"x\"", "\"x\""}});
  check(ask, "jsonb",
        {{"{\"b\": 1, \"a\":  [1, null]}", "{\"a\": [1, null], \"b\": 1}"}, {"1e3", "1000"}, {"null", "null"}});
}

TEST_CASE("a function without a result gives one empty text") {
  BothFormats ask;
  CHECK(ask.one("SELECT pg_notify('nobody', 'listens')").empty());
  CHECK(ask.rows("SELECT 1, pg_notify('nobody', ''), 2") == Table{{"1", "", "2"}});
}

TEST_CASE("types without a form of their own come as their text, and do not disturb the columns beside them") {
  BothFormats ask;
  ask.run("DROP TABLE IF EXISTS of_own_types");
  ask.run("DROP TYPE IF EXISTS mood");
  ask.run("DROP DOMAIN IF EXISTS positive");
  ask.run("CREATE TYPE mood AS ENUM ('sad', 'quite \"happy\"')");
  ask.run("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)");
  ask.run("CREATE TABLE of_own_types (m mood, p positive, t timestamptz, b bytea)");
  ask.run(
      "INSERT INTO of_own_types VALUES ('sad', 7, '1970-01-02Z', '\\x01'), ('quite \"happy\"', NULL, 'infinity', '')");
  CHECK(ask.rows("SELECT * FROM of_own_types") ==
        Table{{"sad", "7", text(day), "x'01'"}, {"quite \"happy\"", "NULL", text(INT64_MAX), "x''"}});
  const columnar::Schema schema = ask.schema("SELECT m, p FROM of_own_types");
  CHECK(schema[0].type == Type::text);
  CHECK(schema[0].type_id != 0);
  CHECK(schema[1].type == Type::int64);
  CHECK(ask.rows("SELECT p FROM of_own_types WHERE p = 7") == Table{{"7"}});
  CHECK(ask.one("SELECT '192.168.0.1/24'::inet") == "192.168.0.1/24");
  CHECK(ask.one("SELECT '04:05:06+02'::timetz") == "04:05:06+02");
  CHECK(ask.one("SELECT '(1,2)'::point") == "(1,2)");
  CHECK(ask.one("SELECT int4range(1, 5)") == "[1,5)");
  CHECK(ask.one("SELECT ROW(1, 'a b', NULL)") == "(1,\"a b\",)");
  CHECK(ask.one("SELECT B'0101'") == "0101");
  CHECK(ask.one("SELECT 12.5::money") == "$12.50");
}

TEST_CASE("a result without columns, and one without rows") {
  BothFormats ask;
  CHECK(ask.rows("SELECT").empty());
  CHECK(ask.rows("SELECT FROM generate_series(1, 10)").empty());
  CHECK(ask.schema("SELECT").empty());
  CHECK(ask.one("SELECT 5") == "5");
  CHECK(ask.rows("SELECT 1 AS a, 'x' AS b WHERE false").empty());
}

}  // namespace tl::validation
