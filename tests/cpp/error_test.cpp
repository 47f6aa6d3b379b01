#include "cpp_fixture.hpp"

using trunkline::outcome;

TEST_CASE_FIXTURE(CppFixture, "an error tells class, place and what became of the statement") {
  make_people();
  const auto twice = error_of([&] { main.query("INSERT INTO people (name) VALUES (?)", "Ada"); });
  CHECK(twice.status() == TL_E_UNIQUE);
  CHECK(std::string_view(twice.status_name()) == "unique_violation");
  CHECK(twice.outcome() == outcome::refused);
  CHECK(twice.connection() == "main");
  CHECK(contains(twice.endpoint(), "main.db"));
  CHECK(twice.native() == 2067);  // SQLITE_CONSTRAINT_UNIQUE
  CHECK(twice.sqlstate().empty());
  CHECK_FALSE(twice.phase().empty());
  CHECK(contains(twice.what(), "people.name"));

  CHECK(error_of([&] { main.query("SELEC 1"); }).status() == TL_E_STATEMENT);
  CHECK(error_of([&] { main.query("SELECT ?"); }).outcome() == outcome::not_sent);
}

TEST_CASE("an error in a configuration has file, line and key") {
  const auto wrong = error_of(
      [] { static_cast<void>(trunkline::registry::parse("[connections.main]\ndrivr = 'sqlite'\n", "sample.toml")); });
  CHECK(wrong.status() == TL_E_CONFIGURATION);
  CHECK(wrong.detail("file") == "sample.toml");
  CHECK(wrong.detail("line") == "2");
  CHECK(contains(wrong.detail("key"), "drivr"));
  CHECK(wrong.detail("suggestion") == "driver");
  CHECK(wrong.detail("nothing").empty());
  CHECK(wrong.details().size() >= 4);
}

TEST_CASE("a file that is missing is an error, caught as std::exception too") {
  CHECK(error_of([] { static_cast<void>(trunkline::registry::open("/nowhere/trunkline.toml")); }).status() ==
        TL_E_NOT_FOUND);
  CHECK_THROWS_AS(static_cast<void>(trunkline::registry::open("/nowhere/trunkline.toml")), std::runtime_error);
}

TEST_CASE("an error is copied without copying its facts, and without throwing") {
  static_assert(std::is_nothrow_copy_constructible_v<trunkline::error>);
  const trunkline::error first(TL_E_DATA, "words", outcome::refused);
  const trunkline::error second = first;
  CHECK(std::string_view(second.what()) == "words");
  CHECK(second.outcome() == outcome::refused);
  CHECK(&second.details() == &first.details());
}
