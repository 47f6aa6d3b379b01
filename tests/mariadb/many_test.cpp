// Many rows where the server's bulk parameters do not do.
#include <doctest/doctest.h>

#include "asking.hpp"

namespace tl::validation {

TEST_CASE("a statement that takes no bulk is run row by row, and as many rows are told of as there were") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS called");
  ask.run("CREATE TABLE called (t TEXT)");
  ask.run("CREATE OR REPLACE PROCEDURE keep (value TEXT) INSERT INTO called VALUES (value)");
  const auto all = ask.many("CALL keep(?)", {Values().integer(1).integer(2).text("three"), 3});
  REQUIRE_MESSAGE(all.ok(), (all ? "" : all.error().message));
  CHECK(all->each.size() == 3);
  // The first goes alone, since its value is of another type.
  const auto later = ask.many("CALL keep(?)", {Values().integer(4).text("five").text("six"), 3});
  REQUIRE_MESSAGE(later.ok(), (later ? "" : later.error().message));
  CHECK(later->each.size() == 3);
  CHECK(*ask.rows("SELECT t FROM called") == Table{{"1"}, {"2"}, {"three"}, {"4"}, {"five"}, {"six"}});
}

}  // namespace tl::validation
