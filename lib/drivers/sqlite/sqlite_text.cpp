#include "sqlite_text.hpp"

#include <algorithm>

namespace tl::sqlite {
namespace {

bool is_letter(char c) noexcept { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

bool is_word_part(char c) noexcept {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_word(std::string_view word, std::string_view upper) noexcept {
  return std::equal(word.begin(), word.end(), upper.begin(), upper.end(),
                    [](char a, char b) { return (a & ~0x20) == b; });
}

// Bytes of the quoted text, bracketed name, word or single character that `sql` begins with.
size_t token_size(std::string_view sql) noexcept {
  const char first = sql.front();
  if (first == '\'' || first == '"' || first == '`' || first == '[') {
    const size_t end = sql.find(first == '[' ? ']' : first, 1);  // a doubled quote is two quoted texts in a row
    return end == std::string_view::npos ? sql.size() : end + 1;
  }
  if (!is_word_part(first)) return 1;
  return static_cast<size_t>(std::find_if_not(sql.begin(), sql.end(), is_word_part) - sql.begin());
}

Verb verb_of_word(std::string_view word) noexcept {
  if (is_word(word, "INSERT") || is_word(word, "REPLACE")) return Verb::insert;
  if (is_word(word, "UPDATE") || is_word(word, "DELETE")) return Verb::change;
  return is_word(word, "PRAGMA") ? Verb::pragma : Verb::other;
}

}  // namespace

std::string_view after_blanks(std::string_view sql) noexcept {
  for (;;) {
    sql.remove_prefix(std::min(sql.find_first_not_of(" \t\n\r\f;"), sql.size()));
    size_t end = 0;
    if (sql.starts_with("--")) {
      end = sql.find('\n');
    } else if (sql.starts_with("/*")) {
      end = sql.find("*/", 2);
      if (end != std::string_view::npos) end += 2;
    } else {
      return sql;
    }
    sql.remove_prefix(std::min(end, sql.size()));
  }
}

Verb verb_of(std::string_view sql) noexcept {
  sql = after_blanks(sql);
  if (sql.empty()) return Verb::other;
  const std::string_view first = sql.substr(0, token_size(sql));
  if (!is_word(first, "WITH")) return verb_of_word(first);
  for (int depth = 0; !sql.empty(); sql = after_blanks(sql)) {
    const std::string_view token = sql.substr(0, token_size(sql));
    if (token == "(") ++depth;
    if (token == ")") --depth;
    if (depth == 0) {
      if (const Verb verb = verb_of_word(token); verb != Verb::other) return verb;
      if (is_word(token, "SELECT") || is_word(token, "VALUES")) return Verb::other;
    }
    sql.remove_prefix(token.size());
  }
  return Verb::other;
}

}  // namespace tl::sqlite
