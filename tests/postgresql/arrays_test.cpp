// Arrays as lists.
#include <doctest/doctest.h>

#include "both_formats.hpp"

namespace tl::validation {

using columnar::Type;

TEST_CASE("a list of every type") {
  BothFormats ask;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"array[true, false, NULL]::bool[]", "{true,false,NULL}"},
      {"array['\\x00ff', '', NULL]::bytea[]", "{x'00ff',x'',NULL}"},
      {"array['a', NULL, 'b c']::name[]", "{a,NULL,b c}"},
      {"array[-32768, NULL, 32767]::int2[]", "{-32768,NULL,32767}"},
      {"array[-2147483648, 2147483647]::int4[]", "{-2147483648,2147483647}"},
      {"array[-9223372036854775808, 9223372036854775807]::int8[]", "{-9223372036854775808,9223372036854775807}"},
      {"array[4294967295]::oid[]", "{4294967295}"},
      {"array[0.5, 'NaN', '-Infinity', NULL]::float4[]", "{0.5,NaN,-inf,NULL}"},
      {"array[0.1, 1e300, 'Infinity']::float8[]", "{0.1,1e+300,inf}"},
      {"array[1.50, 0.00001234, 'NaN', NULL]::numeric[]", "{1.50,0.00001234,NaN,NULL}"},
      {"array['x', 'ab']::char(3)[]", "{x  ,ab }"},
      {"array['x', 'ab']::varchar[]", "{x,ab}"},
      {"array['1970-01-02', 'infinity', '0001-01-01 BC']::date[]", "{1,2147483647,-719528}"},
      {"array['24:00:00', NULL]::time[]", "{86400000000,NULL}"},
      {"array['1970-01-01 00:00:01', '-infinity']::timestamp[]", "{1000000,-9223372036854775808}"},
      {"array['1970-01-01 00:00:01+00', NULL]::timestamptz[]", "{1000000,NULL}"},
      {"array['1 mon -1 day', '-00:00:01']::interval[]", "{1m-1d0us,0m0d-1000000us}"},
      {"array['01234567-89ab-cdef-0123-456789abcdef']::uuid[]", "{x'0123456789abcdef0123456789abcdef'}"},
      {"array['{\"a\": \"x, y\"}', 'null', NULL]::json[]", "{{\"a\": \"x, y\"},null,NULL}"},
      {"array['{\"b\": 1}', NULL]::jsonb[]", "{{\"b\": 1},NULL}"},
  };
  for (const auto& [value, shown_as] : cases) {
    CAPTURE(value);
    CHECK(ask.one("SELECT " + value) == shown_as);
    CHECK(ask.rows("SELECT " + value + " AS v UNION ALL SELECT NULL UNION ALL SELECT '{}'") ==
          Table{{shown_as}, {"NULL"}, {"{}"}});
    CHECK(ask.schema("SELECT " + value)[0].type == Type::list);
  }
}

TEST_CASE("texts in a list keep quotes, backslashes, commas, braces and the word NULL") {
  BothFormats ask;
  const std::vector<std::string> texts = {"",           " ",           "NULL", "null",       "a,b", "{}",
                                          "say \"hi\"", "back\\slash", "\\\"", "two\nlines", "é"};
  std::string sql = "SELECT array[";
  for (const std::string& text : texts) sql += (sql.ends_with('[') ? "'" : ",'") + text + "'";
  sql += ", NULL]";
  std::string expected = "{";
  for (const std::string& text : texts) expected += text + ",";
  CHECK(ask.one(sql) == expected + "NULL}");
}

TEST_CASE("the list's column tells the type of its elements") {
  BothFormats ask;
  const columnar::Schema schema = ask.schema("SELECT '{}'::numeric[] AS a, '{}'::int2[] AS b");
  REQUIRE(schema[0].element != nullptr);
  CHECK(schema[0].element->type == Type::decimal);
  CHECK(schema[1].element->type == Type::int64);
}

TEST_CASE("a list of a thousand rows of growing lists") {
  BothFormats ask;
  const Table table =
      ask.rows("SELECT i, array(SELECT generate_series(1, i % 7)) AS l FROM generate_series(1, 1000) i");
  REQUIRE(table.size() == 1000);
  CHECK(table[2][1] == "{1,2,3}");
  CHECK(table[6][1] == "{}");
  CHECK(table[999][1] == "{1,2,3,4,5,6}");
}

TEST_CASE("more than one dimension, or another lower bound, fails by name") {
  BothFormats ask;
  for (const std::string value : {"'{{1,2},{3,4}}'::int4[]", "'[0:1]={1,2}'::int4[]", "'{{a},{b}}'::text[]",
                                  "'[2:3]={x,y}'::text[]", "'[1:1][2:3]={{1,2}}'::int4[]"}) {
    CAPTURE(value);
    const Failure failure = ask.failure("SELECT 1 AS id, " + value + " AS grid");
    CHECK(failure->status == Status::data);
    CHECK(failure->message.find("\"grid\"") != std::string::npos);
    CHECK(failure->message.find("arrays = \"text\"") != std::string::npos);
  }
}

TEST_CASE("arrays = \"text\" gives them as the server writes them") {
  BothFormats ask("arrays = \"text\"\n");
  CHECK(ask.one("SELECT '{{1,2},{3,4}}'::int4[]") == "{{1,2},{3,4}}");
  CHECK(ask.one("SELECT '[0:1]={1,2}'::int4[]") == "[0:1]={1,2}");
  CHECK(ask.one("SELECT array['a b', NULL, 'NULL']") == "{\"a b\",NULL,\"NULL\"}");
  CHECK(ask.schema("SELECT '{}'::int4[] AS a")[0].type == Type::text);
}

}  // namespace tl::validation
