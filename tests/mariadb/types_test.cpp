// Every type that a column can have, in both protocols, to the ends of its range.
#include <doctest/doctest.h>

#include <cstdint>

#include "both_protocols.hpp"

namespace tl::validation {

using columnar::Type;

namespace {

using Cases = std::vector<std::pair<std::string, std::string>>;

constexpr int64_t day = 86'400'000'000;

std::string text(int64_t number) { return std::to_string(number); }

// The literals, and a null, as a column of the type; and the column of an empty answer is the same one.
columnar::Field check(BothProtocols& both, const std::string& type, const Cases& cases) {
  CAPTURE(type);
  both.ask.run("DROP TABLE IF EXISTS typed");
  both.ask.run("CREATE TABLE typed (id INT PRIMARY KEY, v " + type + " NULL, w " + type + " NOT NULL)");
  Table expected;
  for (const auto& [literal, shown_as] : cases) {
    const std::string id = std::to_string(expected.size());
    both.ask.run("INSERT INTO typed VALUES (" + id + ", " + literal + ", " + literal + ")");
    expected.push_back({shown_as, shown_as});
  }
  both.ask.run("INSERT INTO typed SELECT -1, NULL, w FROM typed WHERE id = 0");
  expected.insert(expected.begin(), {"NULL", expected.front().front()});
  const Answer all = both.answer("SELECT v, w FROM typed ORDER BY id");
  CHECK(all.rows == expected);
  const Answer none = both.answer("SELECT v, w FROM typed WHERE FALSE");
  CHECK(none.rows.empty());
  REQUIRE(none.schema.size() == 2);
  CHECK(none.schema[0].type == all.schema[0].type);
  CHECK(none.schema[0].database_type == all.schema[0].database_type);
  CHECK(none.schema[0].precision == all.schema[0].precision);
  CHECK(none.schema[0].scale == all.schema[0].scale);
  CHECK(none.schema[0].nullable == 1);
  CHECK(none.schema[1].nullable == 0);
  CHECK(none.schema[1].name == "w");
  return none.schema[0];
}

Cases as_they_are(std::initializer_list<const char*> literals) {
  Cases cases;
  for (const char* literal : literals) cases.emplace_back(literal, literal);
  return cases;
}

}  // namespace

TEST_CASE("whole numbers, with and without a sign, to the ends of their ranges") {
  BothProtocols both;
  const auto is_integer = [](const columnar::Field& field, const char* name) {
    CHECK(field.type == Type::int64);
    CHECK(field.database_type == name);
  };
  is_integer(check(both, "BOOLEAN", {{"TRUE", "1"}, {"FALSE", "0"}}), "tinyint");
  is_integer(check(both, "TINYINT", as_they_are({"-128", "127", "0", "-1"})), "tinyint");
  is_integer(check(both, "TINYINT UNSIGNED", as_they_are({"255", "0", "128"})), "tinyint");
  is_integer(check(both, "SMALLINT", as_they_are({"-32768", "32767"})), "smallint");
  is_integer(check(both, "SMALLINT UNSIGNED", as_they_are({"65535", "0"})), "smallint");
  is_integer(check(both, "MEDIUMINT", as_they_are({"-8388608", "8388607", "-1"})), "mediumint");
  is_integer(check(both, "MEDIUMINT UNSIGNED", as_they_are({"16777215", "0"})), "mediumint");
  is_integer(check(both, "INT", as_they_are({"-2147483648", "2147483647"})), "int");
  is_integer(check(both, "INT UNSIGNED", as_they_are({"4294967295", "0"})), "int");
  is_integer(check(both, "INT(10) ZEROFILL", {{"42", "42"}, {"0", "0"}}), "int");
  is_integer(check(both, "BIGINT", as_they_are({"-9223372036854775808", "9223372036854775807"})), "bigint");
  const columnar::Field wide =
      check(both, "BIGINT UNSIGNED", as_they_are({"18446744073709551615", "9223372036854775808", "0"}));
  CHECK(wide.type == Type::uint64);
  CHECK(wide.database_type == "bigint unsigned");
  is_integer(check(both, "YEAR", {{"1901", "1901"}, {"2155", "2155"}, {"0", "0"}}), "year");
}

TEST_CASE("decimals keep every digit, and tell precision and scale") {
  BothProtocols both;
  const std::string nines35(35, '9');
  const std::string nines30(30, '9');
  const std::string zeros29(29, '0');
  const columnar::Field widest = check(both, "DECIMAL(65,30)",
                                       {{nines35 + "." + nines30, nines35 + "." + nines30},
                                        {"-" + nines35 + "." + nines30, "-" + nines35 + "." + nines30},
                                        {"0." + zeros29 + "1", "0." + zeros29 + "1"},
                                        {"1", "1.0" + zeros29},
                                        {"0", "0.0" + zeros29}});
  CHECK(widest.type == Type::decimal);
  CHECK(widest.precision == 65);
  CHECK(widest.scale == 30);
  const columnar::Field price = check(both, "DECIMAL(10,2)", {{"1.005", "1.01"}, {"-12345678.9", "-12345678.90"}});
  CHECK(price.precision == 10);
  CHECK(price.scale == 2);
  const columnar::Field whole = check(both, "DECIMAL(20,0) UNSIGNED", as_they_are({"0", "12345678901234567890"}));
  CHECK(whole.precision == 20);
  CHECK(whole.scale == 0);
  const columnar::Field fraction = check(both, "DECIMAL(4,4)", {{"0.1234", "0.1234"}, {"-0.5", "-0.5000"}});
  CHECK(fraction.precision == 4);
  CHECK(fraction.scale == 4);
}

TEST_CASE("floats keep every bit") {
  BothProtocols both;
  check(both, "DOUBLE",
        {{"0", "0"},
         {"0.1e0", "0.1"},
         {"-0.25e0", "-0.25"},
         {"1e300", "1e+300"},
         {"3e-308", "3e-308"},
         {"0.1e0 + 0.2e0", "0.30000000000000004"},
         {"1.7976931348623157e308", "1.7976931348623157e+308"},
         {"-2.2250738585072014e-308", "-2.2250738585072014e-308"},
         {"9007199254740993", "9007199254740992"}});
  const columnar::Field narrow = check(both, "FLOAT",
                                       {{"0", "0"},
                                        {"0.5", "0.5"},
                                        {"-0.25", "-0.25"},
                                        {"0.1", "0.10000000149011612"},
                                        {"1e30", "1.0000000150474662e+30"},
                                        {"123456", "123456"}});
  CHECK(narrow.type == Type::float64);
  CHECK(narrow.database_type == "float");
}

TEST_CASE("a FLOAT of more than six digits is exact but in a text of several statements, where the server rounds it") {
  BothProtocols both;
  both.ask.run("DROP TABLE IF EXISTS narrow");
  both.ask.run("CREATE TABLE narrow (f FLOAT)");
  both.ask.run("INSERT INTO narrow VALUES (16777215)");
  CHECK(both.as_binary("SELECT f FROM narrow").rows == Table{{"16777215"}});
  CHECK(both.as_text("SELECT f FROM narrow").rows == Table{{"16777200"}});
  CHECK(both.one("SELECT CAST(f AS DOUBLE) FROM narrow") == "16777215");
}

TEST_CASE("dates and time stamps") {
  BothProtocols both;
  CHECK(check(both, "DATE",
              {{"'1970-01-01'", "0"},
               {"'2024-02-29'", "19782"},
               {"'1969-12-31'", "-1"},
               {"'1000-01-01'", "-354285"},
               {"'0001-01-01'", "-719162"},
               {"'0000-01-01'", "-719528"},
               {"'9999-12-31'", "2932896"}})
            .type == Type::date);
  const columnar::Field moment = check(both, "DATETIME(6)",
                                       {{"'1970-01-01'", "0"},
                                        {"'1969-12-31 23:59:59.999999'", "-1"},
                                        {"'2024-02-29 12:00:00.345678'", text(19782 * day + day / 2 + 345'678)},
                                        {"'0001-01-01 00:00:00.000001'", text(-719162 * day + 1)},
                                        {"'2024-02-29 00:00:00'", text(19782 * day)},
                                        {"'2024-02-29 00:00:01'", text(19782 * day + 1'000'000)},
                                        {"'9999-12-31 23:59:59.999999'", text(2932897 * day - 1)}});
  CHECK(moment.type == Type::timestamp);
  CHECK(moment.database_type == "datetime");
  CHECK(moment.scale == 6);
  CHECK(check(both, "DATETIME", {{"'1970-01-01 00:00:01'", "1000000"}}).scale == 0);
  CHECK(check(both, "DATETIME(3)", {{"'1970-01-01 00:00:00.12'", "120000"}, {"'1970-01-01'", "0"}}).scale == 3);
  const columnar::Field instant = check(both, "TIMESTAMP(6)",
                                        {{"'1970-01-01 00:00:01'", "1000000"},
                                         {"'2038-01-19 03:14:07.999999'", "2147483647999999"},
                                         {"'2024-02-29 12:00:00.5'", text(19782 * day + day / 2 + 500'000)}});
  CHECK(instant.type == Type::timestamptz);
  CHECK(instant.database_type == "timestamp");
}

TEST_CASE("times: negative, beyond a day, to the ends of their range") {
  BothProtocols both;
  constexpr int64_t longest = 839 * (day / 24) - 1;
  const columnar::Field field = check(both, "TIME(6)",
                                      {{"'00:00:00'", "0"},
                                       {"'-00:00:00.000001'", "-1"},
                                       {"'12:34:56.789'", "45296789000"},
                                       {"'838:59:59.999999'", text(longest)},
                                       {"'-838:59:59.999999'", text(-longest)},
                                       {"'24:00:00'", text(day)},
                                       {"'-99:00:00.5'", text(-99 * (day / 24) - 500'000)}});
  CHECK(field.type == Type::duration);
  CHECK(field.scale == 6);
  CHECK(check(both, "TIME", {{"'-100:00:01'", text(-100 * (day / 24) - 1'000'000)}}).scale == 0);
  CHECK(check(both, "TIME(1)", {{"'00:00:00.1'", "100000"}}).scale == 1);
}

TEST_CASE("bits") {
  BothProtocols both;
  CHECK(check(both, "BIT(1)", {{"b'0'", "0"}, {"b'1'", "1"}}).type == Type::uint64);
  check(both, "BIT(9)", {{"b'100000001'", "257"}, {"0", "0"}});
  check(both, "BIT(64)",
        {{"b'1'", "1"}, {"0xFFFFFFFFFFFFFFFF", "18446744073709551615"}, {"1 << 63", "9223372036854775808"}});
}

TEST_CASE("texts of all types") {
  BothProtocols both;
  const Cases all = {{"''", ""},
                     {"'a'", "a"},
                     {"'it''s \"quoted\" and \\\\ back'", "it's \"quoted\" and \\ back"},
                     {"'Ünï 文字 🎉'", "Ünï 文字 🎉"}};
  for (const char* type : {"TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"}) {
    const columnar::Field field = check(both, type, all);
    CHECK(field.type == Type::text);
    CHECK(field.database_type == "text");
  }
  CHECK(check(both, "VARCHAR(60)", all).database_type == "varchar");
  CHECK(check(both, "CHAR(60)", all).database_type == "char");
  CHECK(check(both, "VARCHAR(60) CHARACTER SET utf16", all).type == Type::text);
  CHECK(check(both, "VARCHAR(60) CHARACTER SET latin1", {{"'é'", "é"}}).type == Type::text);
  CHECK(check(both, "VARCHAR(60) COLLATE utf8mb4_bin", all).type == Type::text);
  const columnar::Field choice =
      check(both, "ENUM('small', 'größer', '')", {{"'small'", "small"}, {"2", "größer"}, {"''", ""}});
  CHECK(choice.type == Type::text);
  CHECK(choice.database_type == "enum");
  const columnar::Field choices = check(both, "SET('a', 'b', 'c')", {{"'a,c'", "a,c"}, {"''", ""}, {"7", "a,b,c"}});
  CHECK(choices.type == Type::text);
  CHECK(choices.database_type == "set");
}

TEST_CASE("bytes of all types") {
  BothProtocols both;
  const Cases all = {{"''", "x''"}, {"x'00'", "x'00'"}, {"x'00ff5c27'", "x'00ff5c27'"}};
  for (const char* type : {"TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "VARBINARY(16)"}) {
    CHECK(check(both, type, all).type == Type::bytes);
  }
  const columnar::Field fixed = check(both, "BINARY(3)", {{"x'01'", "x'010000'"}, {"x'ffffff'", "x'ffffff'"}});
  CHECK(fixed.type == Type::bytes);
  CHECK(fixed.database_type == "binary");
}

TEST_CASE("a blob of 16 MiB less one byte") {
  BothProtocols both;
  both.ask.run("DROP TABLE IF EXISTS large");
  both.ask.run("CREATE TABLE large (b MEDIUMBLOB, t MEDIUMTEXT)");
  both.ask.run("INSERT INTO large VALUES (REPEAT(x'5c', 16777215), REPEAT('t', 16777215))");
  std::string shown = "x'";
  for (int i = 0; i < 16'777'215; ++i) shown += "5c";
  CHECK((both.rows("SELECT b, t FROM large") == Table{{shown + "'", std::string(16'777'215, 't')}}));
}

TEST_CASE("types that MariaDB has of its own") {
  BothProtocols both;
  const columnar::Field json =
      check(both, "JSON", {{"'{\"a\":  [1, null]}'", "{\"a\":  [1, null]}"}, {"'null'", "null"}});
  CHECK(json.type == Type::json);
  CHECK(json.database_type == "json");
  const columnar::Field uuid =
      check(both, "UUID",
            {{"'01234567-89ab-4def-8123-456789abcdef'", "x'0123456789ab4def8123456789abcdef'"},
             {"'FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF'", "x'ffffffffffff4fffbfffffffffffffff'"}});
  CHECK(uuid.type == Type::uuid);
  CHECK(uuid.database_type == "uuid");
  const columnar::Field inet6 = check(both, "INET6", {{"'::1'", "::1"}, {"'::ffff:192.0.2.1'", "::ffff:192.0.2.1"}});
  CHECK(inet6.type == Type::text);
  CHECK(inet6.database_type == "inet6");
  CHECK(check(both, "INET4", {{"'192.0.2.1'", "192.0.2.1"}}).database_type == "inet4");
  const columnar::Field point =
      check(both, "POINT", {{"POINT(1, 2)", "x'000000000101000000000000000000f03f0000000000000040'"}});
  CHECK(point.type == Type::bytes);
  CHECK(point.database_type == "geometry");
  CHECK(
      check(both, "GEOMETRY", {{"ST_GeomFromText('POINT(0 0)')", "x'000000000101000000" + std::string(32, '0') + "'"}})
          .type == Type::bytes);
}

TEST_CASE("expressions have the types that they look to have") {
  BothProtocols both;
  const Answer answer = both.answer(
      "SELECT 1 AS i, 1.50 AS d, 1e0 AS f, 'é' AS t, NULL AS n, x'00ff' AS b, 1 = 1 AS yes, COUNT(*) AS c, "
      "CAST('2024-02-29' AS DATE) AS day, TIMEDIFF('00:00:01', '00:00:02') AS diff, SUM(2) AS s, "
      "CAST(18446744073709551615 AS UNSIGNED) AS u FROM seq_1_to_3");
  CHECK(answer.rows ==
        Table{{"1", "1.50", "1", "é", "NULL", "x'00ff'", "1", "3", "19782", "-1000000", "6", "18446744073709551615"}});
  const std::vector<Type> types = {Type::int64, Type::decimal,  Type::float64, Type::text,
                                   Type::text,  Type::bytes,    Type::int64,   Type::int64,
                                   Type::date,  Type::duration, Type::decimal, Type::uint64};
  REQUIRE(answer.schema.size() == types.size());
  for (size_t i = 0; i < types.size(); ++i) CHECK_MESSAGE(answer.schema[i].type == types[i], answer.schema[i].name);
}

}  // namespace tl::validation
