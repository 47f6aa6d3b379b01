#include <atomic>

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
  Scan(std::string_view text, Dialect dialect, bool named) noexcept
      : lexer(text, dialect), placeholders(text, dialect, named), classifier(text, dialect) {}
};

// Fills of the statement what the classifier knows.
Failure scan(Scan& scan, std::string_view text, Statement& statement) {
  if (text.size() > longest_text) return fail(Status::misuse, "the statement is longer than 4 GiB");
  if (text.find('\0') != std::string_view::npos) return fail(Status::misuse, "the statement contains a NUL character");
  auto& [lexer, placeholders, classifier] = scan;
  while (true) {
    Token& token = classifier.at_hand();
    lexer.next(token);
    if (token.type == TokenType::end) break;
    if (token.type == TokenType::error) {
      return fail(Status::misuse, "the statement is incomplete: " + std::string(lexer.problem()));
    }
    if (Failure failure = placeholders.take(token, classifier.recent(), lexer)) return failure;
    if (classifier.ends_nothing(token)) placeholders.empty_statement(token);
    classifier.take();
  }
  if (lexer.had_executable_comment()) classifier.doubt_comment();
  classifier.finish(statement);
  if (statement.statements == 0) return fail(Status::misuse, "empty statement");
  return nullptr;
}

}  // namespace

Result<Statement> analyse(std::string_view text, Dialect dialect, bool named) {
  Scan looked(text, dialect, named);
  Statement statement;
  if (Failure failure = scan(looked, text, statement)) return failure;
  looked.placeholders.finish(statement);
  statement.text = text;
  statement.id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  return statement;
}

Result<std::string> reason_of_kind(std::string_view text, Dialect dialect, bool named) {
  Scan looked(text, dialect, named);
  Statement statement;
  if (Failure failure = scan(looked, text, statement)) return failure;
  return describe_cause(looked.classifier.cause(), statement, dialect);
}

}  // namespace tl::sql
