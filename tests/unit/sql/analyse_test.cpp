#include <doctest/doctest.h>

#include <string>

#include "corpus.hpp"

using tl::Status;
using tl::sql::analyse;
using tl::sql::Dialect;
using tl::sql::Kind;
using tl::sql::Statement;
using tl::sql::Style;

namespace {

struct Corpus {
  Dialect dialect;
  std::span<const corpus::Case> cases;
};

std::vector<Corpus> corpora() {
  return {{Dialect::sqlite, corpus::sqlite()},
          {Dialect::postgresql, corpus::postgresql()},
          {Dialect::mysql, corpus::mysql()}};
}

Statement good(std::string_view text, Dialect dialect, bool named = false) {
  auto statement = analyse(text, dialect, named);
  INFO(text);
  if (!statement) FAIL(statement.error().message);
  return statement.take();
}

// The message of the refusal; "" where there was none, and a message of its own where the class is not misuse.
std::string refusal(std::string_view text, Dialect dialect, bool named = false) {
  const auto statement = analyse(text, dialect, named);
  if (statement) return "";
  return statement.error().status == Status::misuse ? statement.error().message : "not misuse";
}

bool has(std::string_view message, std::string_view part) { return message.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("every labelled statement is understood") {
  size_t count = 0;
  for (const Corpus& corpus : corpora()) {
    for (const corpus::Case& wanted : corpus.cases) {
      CAPTURE(wanted.text);
      CAPTURE(static_cast<int>(corpus.dialect));
      const auto got = analyse(wanted.text, corpus.dialect, wanted.named);
      if (!got) {
        FAIL_CHECK(got.error().message);
        continue;
      }
      CHECK(static_cast<int>(got->kind) == static_cast<int>(wanted.kind));
      CHECK(got->plain == wanted.plain);
      CHECK(got->parameters == wanted.parameters);
      CHECK(got->native == (wanted.native.empty() ? wanted.text : wanted.native));
      CHECK(got->statements == wanted.statements);
      CHECK(got->text == wanted.text);
      count++;
    }
  }
  CHECK(count >= 250);
}

TEST_CASE("every beginning of every labelled statement is analysed or refused") {
  for (const Corpus& corpus : corpora()) {
    for (const corpus::Case& c : corpus.cases) {
      for (size_t n = 0; n <= c.text.size(); n++) {
        const std::string beginning(c.text.substr(0, n));  // of its own size, so that reading on is noticed
        for (const Dialect dialect : {Dialect::sqlite, Dialect::postgresql, Dialect::mysql}) {
          const auto got = analyse(beginning, dialect, c.named);
          if (got) CHECK(got->statements >= 1);
          if (!got) CHECK(got.error().status == Status::misuse);
        }
      }
    }
  }
}

TEST_CASE("the verb is the first keyword in capitals") {
  CHECK(good("  /* x */ (select 1)", Dialect::postgresql).verb == "SELECT");
  CHECK(good("with x as (select 1) delete from t", Dialect::postgresql).verb == "WITH");
  CHECK(good("insert into t values (1); select 1", Dialect::sqlite).verb == "INSERT");
  CHECK(good("1", Dialect::sqlite).verb.empty());
}

TEST_CASE("ids are never reused") {
  const uint64_t first = good("SELECT 1", Dialect::sqlite).id;
  const uint64_t second = good("SELECT 1", Dialect::sqlite).id;
  CHECK(first > 0);
  CHECK(second > first);
}

TEST_CASE("styles and names") {
  CHECK(good("SELECT 1", Dialect::sqlite).style == Style::none);
  CHECK(good("SELECT ?", Dialect::sqlite).style == Style::question);
  CHECK(good("SELECT $1", Dialect::postgresql).style == Style::dollar);
  const Statement shared = good("SELECT :b, :a, :b", Dialect::postgresql, true);
  CHECK(shared.style == Style::named);
  CHECK(shared.names == std::vector<std::string>{"b", "a"});
  CHECK(good("SELECT :b, :a, :b", Dialect::sqlite, true).names == std::vector<std::string>{"b", "a"});
  CHECK(good("SELECT :b, :a, :b", Dialect::mysql, true).names == std::vector<std::string>{"b", "a", "b"});
}

TEST_CASE("mixed styles are refused, and both are named") {
  const auto check = [](std::string_view text, Dialect dialect, bool named, std::string_view one,
                        std::string_view other) {
    const std::string message = refusal(text, dialect, named);
    CAPTURE(text);
    CAPTURE(message);
    CHECK(has(message, "mixes"));
    CHECK(has(message, one));
    CHECK(has(message, other));
  };
  check("SELECT ?, $1", Dialect::postgresql, false, "?", "$1");
  check("SELECT $1, ?", Dialect::postgresql, false, "$1", "?");
  check("SELECT ?, :a", Dialect::postgresql, false, "?", ":name");
  check("SELECT ?, :a", Dialect::sqlite, false, "?", ":name");
  check("SELECT ?, :a", Dialect::mysql, false, "?", ":name");
  check("SELECT :a, ?", Dialect::postgresql, true, ":name", "?");
  check("SELECT ?", Dialect::sqlite, true, ":name", "?");
  check("SELECT :a, $1", Dialect::postgresql, true, ":name", "$1");
  check("SELECT a ? 'x' FROM t WHERE id = $1", Dialect::postgresql, false, "the operator ? is written", "$1");
}

TEST_CASE("placeholders of other databases are refused by name") {
  CHECK(has(refusal("SELECT $1", Dialect::sqlite), "\"$1\""));
  CHECK(has(refusal("SELECT $1", Dialect::mysql), "\"$1\""));
  CHECK(has(refusal("SELECT ?1", Dialect::sqlite), "\"?1\""));
  CHECK(has(refusal("SELECT ?1", Dialect::postgresql), "\"?1\""));
  CHECK(has(refusal("SELECT @x", Dialect::sqlite), "\"@x\""));
  CHECK(has(refusal("SELECT $x", Dialect::sqlite), "\"$x\""));
  CHECK(has(refusal("SELECT :x", Dialect::sqlite), "\":x\" is a placeholder only in a call that names every value"));
  CHECK(has(refusal("SELECT a FROM t WHERE b = :x", Dialect::postgresql), "\":x\""));
  CHECK(has(refusal("SELECT a ?? 'x'", Dialect::sqlite), "SQLite"));
  CHECK(has(refusal("SELECT a ?? 'x'", Dialect::mysql), "MySQL"));
  CHECK(has(refusal("SELECT $0", Dialect::postgresql), "$0"));
  CHECK(has(refusal("SELECT $65536", Dialect::postgresql), "65535"));
  CHECK(has(refusal("SELECT $99999999999999999999", Dialect::postgresql), "65535"));
  CHECK(good("SELECT $65535", Dialect::postgresql).parameters == 65535);
  CHECK(has(refusal("SELECT /*! ? */", Dialect::mysql), "comment"));
}

TEST_CASE("what does not end, holds NUL or says nothing is refused") {
  CHECK(has(refusal("SELECT 'a", Dialect::sqlite), "string"));
  CHECK(has(refusal("SELECT 'a\\'", Dialect::mysql), "string"));
  CHECK(has(refusal("SELECT E'a\\'", Dialect::postgresql), "string"));
  CHECK(has(refusal("SELECT $a$ x $b$", Dialect::postgresql), "dollar-quoted"));
  CHECK(has(refusal("SELECT \"a", Dialect::sqlite), "identifier"));
  CHECK(has(refusal("SELECT [a", Dialect::sqlite), "identifier"));
  CHECK(has(refusal("SELECT `a", Dialect::mysql), "identifier"));
  CHECK(has(refusal("SELECT 1 /* a", Dialect::sqlite), "comment"));
  CHECK(has(refusal("SELECT 1 /* /* */", Dialect::postgresql), "comment"));
  CHECK(has(refusal("SELECT /*! 1", Dialect::mysql), "comment"));
  CHECK(has(refusal(std::string_view("SELECT 1\0", 9), Dialect::sqlite), "NUL"));
  for (const std::string_view text : {"", " \n", ";", " ; ;", "-- x", "/* x */;", "("}) {
    CAPTURE(text);
    CHECK(refusal(text, Dialect::postgresql) == "empty statement");
  }
}

TEST_CASE("many parameters, and one too many") {
  std::string text = "SELECT ?";
  for (int i = 1; i < 65535; i++) text += ",?";
  CHECK(good(text, Dialect::postgresql).parameters == 65535);
  text += ",?";
  CHECK(has(refusal(text, Dialect::postgresql), "65535"));
  std::string names = "SELECT 1";
  for (int i = 0; i < 65536; i++) names += ",:p" + std::to_string(i);
  CHECK(has(refusal(names, Dialect::postgresql, true), "65535"));
}

TEST_CASE("deep nesting costs no stack") {
  const std::string open(1 << 20, '(');
  const std::string close(1 << 20, ')');
  CHECK(good("SELECT " + open + "1" + close, Dialect::postgresql).kind == Kind::read);
  std::string comments;
  for (int i = 0; i < 1 << 18; i++) comments += "/*";
  CHECK(has(refusal("SELECT 1 " + comments, Dialect::postgresql), "comment"));
}
