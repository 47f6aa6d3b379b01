#include <atomic>

#include "classifier.hpp"
#include "placeholder.hpp"

namespace tl::sql {
namespace {

std::atomic<uint64_t> last_id{0};

}  // namespace

Result<Statement> analyse(std::string_view text, Dialect dialect, bool named) {
  if (text.find('\0') != std::string_view::npos) return fail(Status::misuse, "the statement contains a NUL character");
  Lexer lexer(text, dialect);
  Placeholders placeholders(text, dialect, named);
  Classifier classifier(text, dialect);
  for (Token token = lexer.next(); token.type != TokenType::end; token = lexer.next()) {
    if (token.type == TokenType::error) {
      return fail(Status::misuse, "the statement is incomplete: " + std::string(lexer.problem()));
    }
    if (Failure failure = placeholders.take(token, lexer)) return failure;
    if (classifier.ends_nothing(token)) placeholders.empty_statement(token);
    classifier.take(token);
  }
  if (lexer.had_executable_comment()) classifier.doubt_comment();
  Statement statement;
  classifier.finish(statement);
  if (statement.statements == 0) return fail(Status::misuse, "empty statement");
  placeholders.finish(statement);
  statement.text = text;
  statement.id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  return statement;
}

}  // namespace tl::sql
