#include <atomic>
#include <bit>

#include "cause.hpp"
#include "classifier.hpp"
#include "placeholder.hpp"

namespace tl::sql {
namespace {

std::atomic<uint64_t> last_id{0};

struct Scan {
  Lexer lexer;
  Placeholders placeholders;
  Classifier classifier;
  Tokens tokens;
  Scan(std::string_view text, Dialect dialect, bool named) noexcept
      : lexer(text, dialect),
        placeholders(text, dialect, named),
        classifier(text, dialect),
        tokens(set_of_types(TokenType::end, TokenType::error) | Placeholders::types_that_matter(dialect) |
               Classifier::types_that_matter(dialect)) {}
};

Failure take(Scan& scan, const Recent& recent) {
  const Token& token = recent.at_hand();
  if (token.type == TokenType::error) {
    return fail(Status::misuse, "the statement is incomplete: " + std::string(scan.lexer.problem()));
  }
  if (Failure failure = scan.placeholders.take(recent, scan.lexer)) return failure;
  if (scan.classifier.ends_nothing(token)) scan.placeholders.empty_statement(token);
  scan.classifier.take(recent);
  return nullptr;
}

Failure take_all(Scan& scan) {
  auto& [lexer, placeholders, classifier, tokens] = scan;
  while (true) {
    lexer.read(tokens);
    uint64_t wanted = tokens.wanted(classifier.needs_each());
    while (wanted != 0) {
      const int number = std::countr_zero(wanted);
      const Recent recent = tokens.recent(static_cast<size_t>(number));
      if (recent.at_hand().type == TokenType::end) return nullptr;
      if (Failure failure = take(scan, recent)) return failure;
      wanted = tokens.wanted(classifier.needs_each()) & ~uint64_t{1} << number;
    }
  }
}

// Fills of the statement what the classifier knows.
Failure scan(Scan& scan, std::string_view text, Statement& statement) {
  if (text.find('\0') != std::string_view::npos) return fail(Status::misuse, "the statement contains a NUL character");
  if (Failure failure = take_all(scan)) return failure;
  auto& [lexer, placeholders, classifier, tokens] = scan;
  if (lexer.had_executable_comment()) classifier.doubt_comment();
  classifier.finish(statement);
  if (statement.statements == 0) return fail(Status::misuse, "empty statement");
  return nullptr;
}

}  // namespace

Result<Statement> analyse(std::string_view text, Dialect dialect, bool named) {
  if (text.size() > longest_text) return fail(Status::misuse, "the statement is longer than 4 GiB");
  Scan looked(text, dialect, named);
  Statement statement;
  if (Failure failure = scan(looked, text, statement)) return failure;
  looked.placeholders.finish(statement);
  statement.text = text;
  statement.id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  return statement;
}

Result<std::string> reason_of_kind(std::string_view text, Dialect dialect, bool named) {
  if (text.size() > longest_text) return fail(Status::misuse, "the statement is longer than 4 GiB");
  Scan looked(text, dialect, named);
  Statement statement;
  if (Failure failure = scan(looked, text, statement)) return failure;
  return describe_cause(looked.classifier.cause(), statement, dialect);
}

}  // namespace tl::sql
