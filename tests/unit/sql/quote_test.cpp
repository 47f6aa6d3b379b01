#include <doctest/doctest.h>

#include "statement.hpp"

using tl::Status;
using tl::sql::Dialect;
using tl::sql::quote_identifier;

TEST_CASE("identifiers are quoted for their dialect") {
  CHECK(*quote_identifier("a", Dialect::sqlite) == "\"a\"");
  CHECK(*quote_identifier("a\"b", Dialect::postgresql) == "\"a\"\"b\"");
  CHECK(*quote_identifier("\"", Dialect::sqlite) == "\"\"\"\"");
  CHECK(*quote_identifier("a`b\"", Dialect::mysql) == "`a``b\"`");
  CHECK(*quote_identifier("größe 表 😀", Dialect::postgresql) == "\"größe 表 😀\"");
  CHECK(*quote_identifier("a; DROP TABLE b", Dialect::postgresql) == "\"a; DROP TABLE b\"");
}

TEST_CASE("what no identifier can hold is refused") {
  const std::string_view refused[] = {
      "",
      std::string_view("a\0b", 3),
      "\x80",              // no lead byte
      "\xc3",              // cut short
      "a\xe2\x82",         // cut short
      "\xc0\xaf",          // overlong
      "\xe0\x80\xaf",      // overlong
      "\xf0\x80\x80\xaf",  // overlong
      "\xed\xa0\x80",      // surrogate
      "\xf4\x90\x80\x80",  // beyond U+10FFFF
      "\xff",
      "\xc3(",
  };
  for (const std::string_view name : refused) {
    for (const Dialect dialect : {Dialect::sqlite, Dialect::postgresql, Dialect::mysql}) {
      const auto quoted = quote_identifier(name, dialect);
      REQUIRE(!quoted);
      CHECK(quoted.error().status == Status::misuse);
    }
  }
}
