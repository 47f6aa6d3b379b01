#include <doctest/doctest.h>

#include "statement.hpp"

namespace tl::sql {
namespace {

std::string text_of(std::string_view table, const std::vector<std::string_view>& columns, Dialect dialect) {
  const Result<std::string> text = loading_text(table, columns, dialect);
  return text ? *text : "misuse: " + text.error().message;
}

// The quoted table in the text.
std::string table_of(std::string_view table, Dialect dialect) {
  const std::string text = text_of(table, {"c"}, dialect);
  const size_t begin = text.find("INTO ") == std::string::npos ? 5 : 12;
  return text.starts_with("misuse") ? text : text.substr(begin, text.find(" (") - begin);
}

}  // namespace

TEST_CASE("each dialect's way to load") {
  CHECK(text_of("people", {"id", "name"}, Dialect::sqlite) == R"(INSERT INTO "people" ("id", "name") VALUES (?, ?))");
  CHECK(text_of("people", {"id", "name"}, Dialect::mysql) == "INSERT INTO `people` (`id`, `name`) VALUES (?, ?)");
  CHECK(text_of("people", {"id", "name"}, Dialect::postgresql) == R"(COPY "people" ("id", "name") FROM STDIN)");
  CHECK(text_of("t", {"c"}, Dialect::sqlite) == R"(INSERT INTO "t" ("c") VALUES (?))");
}

TEST_CASE("dots separate the parts of a table's name, outside of quotes") {
  CHECK(table_of("main.people", Dialect::sqlite) == R"("main"."people")");
  CHECK(table_of("db.schema.people", Dialect::postgresql) == R"("db"."schema"."people")");
  CHECK(table_of(R"("a.b")", Dialect::postgresql) == R"("a.b")");
  CHECK(table_of(R"("a.b".c)", Dialect::postgresql) == R"("a.b"."c")");
  CHECK(table_of(R"(a."b.c")", Dialect::sqlite) == R"("a"."b.c")");
  CHECK(table_of(R"("a""b")", Dialect::sqlite) == R"("a""b")");
  CHECK(table_of(R"("""")", Dialect::sqlite) == R"("""")");
  CHECK(table_of("`a.b`.`c``d`", Dialect::mysql) == "`a.b`.`c``d`");
}

TEST_CASE("what is not the dialect's quote, or does not begin a part, is a letter like others") {
  CHECK(table_of("`a`", Dialect::postgresql) == R"("`a`")");
  CHECK(table_of(R"("a")", Dialect::mysql) == R"(`"a"`)");
  CHECK(table_of(R"(a"b)", Dialect::postgresql) == R"("a""b")");
  CHECK(table_of("a`b", Dialect::mysql) == "`a``b`");
  CHECK(table_of(" a ", Dialect::sqlite) == R"(" a ")");
  CHECK(table_of("People; DROP TABLE x; --", Dialect::mysql) == "`People; DROP TABLE x; --`");
  CHECK(table_of("größe 表", Dialect::sqlite) == R"("größe 表")");
}

TEST_CASE("columns are one part each") {
  CHECK(text_of("t", {"a.b", "\"q\"", "?", ":n"}, Dialect::sqlite) ==
        R"(INSERT INTO "t" ("a.b", """q""", "?", ":n") VALUES (?, ?, ?, ?))");
  CHECK(text_of("t", {"`a`.b"}, Dialect::mysql) == "INSERT INTO `t` (```a``.b`) VALUES (?)");
}

TEST_CASE("the text is one statement with a placeholder for each column") {
  for (const Dialect dialect : {Dialect::sqlite, Dialect::mysql}) {
    const auto statement = analyse(*loading_text("a; b -- '$1", {"?", ":x", "$1", "'", "/*"}, dialect), dialect, false);
    REQUIRE(statement);
    CHECK(statement->parameters == 5);
    CHECK(statement->statements == 1);
    CHECK(statement->kind == Kind::write);
    CHECK(statement->plain);
  }
  const auto copy = analyse(*loading_text("a; b", {"?", "$1"}, Dialect::postgresql), Dialect::postgresql, false);
  REQUIRE(copy);
  CHECK(copy->parameters == 0);
  CHECK(copy->statements == 1);
  CHECK(copy->kind != Kind::read);
}

TEST_CASE("a name that is none is told with its place") {
  CHECK(table_of("", Dialect::sqlite) == "misuse: the name of the table: an identifier is empty");
  for (const std::string_view name : {".t", "t.", "a..b", "\"\"", "\"\".t", "."}) {
    CHECK(table_of(name, Dialect::postgresql) == "misuse: the name of the table: an identifier is empty");
  }
  for (const std::string_view name : {"\"", "\"t", "\"t\"\"", "a.\"t"}) {
    CHECK(table_of(name, Dialect::sqlite) == "misuse: the name of the table: a quote is not closed");
  }
  CHECK(table_of("\"a\"b", Dialect::sqlite) == "misuse: the name of the table: a dot is missing behind a quote");
  CHECK(table_of(std::string_view("a\0b", 3), Dialect::sqlite).starts_with("misuse: the name of the table: "));
  CHECK(table_of("\xff", Dialect::postgresql).starts_with("misuse: the name of the table: "));
  CHECK(text_of("t", {"a", ""}, Dialect::mysql) == "misuse: column 2: an identifier is empty");
  CHECK(text_of("t", {"\xff"}, Dialect::mysql).starts_with("misuse: column 1: "));
  CHECK(text_of("t", {}, Dialect::sqlite) == "misuse: rows are loaded into at least one column");
  CHECK(loading_text("t", {}, Dialect::sqlite).error().status == Status::misuse);
  CHECK(loading_text("t.", {"a"}, Dialect::sqlite).error().status == Status::misuse);
}

}  // namespace tl::sql
