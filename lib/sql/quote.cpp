#include "statement.hpp"
#include "utf8.hpp"

namespace tl::sql {

Result<std::string> quote_identifier(std::string_view name, Dialect dialect) {
  if (name.empty()) return fail(Status::misuse, "an identifier is empty");
  if (name.find('\0') != std::string_view::npos) return fail(Status::misuse, "an identifier contains a NUL character");
  if (!is_utf8(name.data(), name.size())) return fail(Status::misuse, "an identifier is not valid UTF-8");
  const char mark = dialect == Dialect::mysql ? '`' : '"';
  std::string quoted;
  quoted.reserve(name.size() + 2);
  quoted += mark;
  for (const char c : name) {
    if (c == mark) quoted += mark;
    quoted += c;
  }
  quoted += mark;
  return quoted;
}

}  // namespace tl::sql
