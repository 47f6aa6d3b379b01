#include "statement.hpp"

namespace tl::sql {
namespace {

// Takes the first part of a table's name from `rest`: up to a dot, or in quotes.
Result<std::string> take_part(std::string_view& rest, char mark) {
  std::string part;
  if (!rest.starts_with(mark)) {
    part = rest.substr(0, rest.find('.'));
    rest.remove_prefix(part.size());
    return part;
  }
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == mark && !rest.substr(i + 1).starts_with(mark)) {
      rest.remove_prefix(i + 1);
      return part;
    }
    if (rest[i] == mark) ++i;
    part += rest[i];
  }
  return fail(Status::misuse, "a quote is not closed");
}

Result<std::string> quoted_table(std::string_view name, Dialect dialect) {
  std::string quoted;
  for (std::string_view rest = name;;) {
    Result<std::string> part = take_part(rest, dialect == Dialect::mysql ? '`' : '"');
    if (part) part = quote_identifier(*part, dialect);
    if (part && !rest.empty() && !rest.starts_with('.')) part = fail(Status::misuse, "a dot is missing behind a quote");
    if (!part) {
      Failure failure = part.take_error();
      failure->message = "the name of the table: " + failure->message;
      return failure;
    }
    quoted += *part;
    if (rest.empty()) return quoted;
    rest.remove_prefix(1);
    quoted += '.';
  }
}

}  // namespace

Result<std::string> loading_text(std::string_view table, const std::vector<std::string_view>& columns,
                                 Dialect dialect) {
  if (columns.empty()) return fail(Status::misuse, "rows are loaded into at least one column");
  Result<std::string> quoted = quoted_table(table, dialect);
  if (!quoted) return quoted;
  const bool copies = dialect == Dialect::postgresql;
  std::string text = (copies ? "COPY " : "INSERT INTO ") + *quoted + " (";
  std::string places;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Result<std::string> column = quote_identifier(columns[i], dialect);
    if (!column) return fail(Status::misuse, "column " + std::to_string(i + 1) + ": " + column.error().message);
    text += (i == 0 ? "" : ", ") + *column;
    places += i == 0 ? "?" : ", ?";
  }
  return text + (copies ? ") FROM STDIN" : ") VALUES (" + places + ")");
}

}  // namespace tl::sql
