// The lexer's way through comments, strings and quoted identifiers.

#include <algorithm>

#include "lexer.hpp"

namespace tl::sql {
namespace {

bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// MySQL wants a space or control character behind "--".
bool ends_dashes(char c) noexcept { return static_cast<unsigned char>(c) <= ' '; }

}  // namespace

bool Lexer::at_line_comment() const noexcept {
  const char c = text_[at_];
  if (c == '#') return dialect_ == Dialect::mysql;
  if (c != '-' || peek(1) != '-') return false;
  return dialect_ != Dialect::mysql || ends_dashes(peek(2));
}

// Where a line comment ends: at the text's end or a newline.
size_t Lexer::line_end(size_t at) const noexcept {
  if (dialect_ != Dialect::postgresql) return std::min(text_.find('\n', at), text_.size());
  while (at < text_.size() && text_[at] != '\n' && text_[at] != '\r') at++;
  return at;
}

void Lexer::comment_or_symbol(Tokens& tokens, char c) noexcept {
  if (c == '/' && peek(1) == '*') {
    if (!enter_executable_comment() && !skip_block_comment()) fail(tokens, "a comment does not end");
  } else if (c == '*' && in_executable_ && peek(1) == '/') {
    in_executable_ = false;
    at_ += 2;
  } else if (at_line_comment()) {
    at_ = std::min(line_end(at_) + 1, text_.size());
  } else {
    c == '#' ? make(tokens, TokenType::other, 1) : sign(tokens, TokenType::other, 1);
  }
}

// The server may run what such a comment holds, so it is read as SQL.
bool Lexer::enter_executable_comment() noexcept {
  if (dialect_ != Dialect::mysql || in_executable_) return false;
  const bool mariadb = peek(2) == 'M' && peek(3) == '!';
  if (peek(2) != '!' && !mariadb) return false;
  in_executable_ = had_executable_ = true;
  at_ += mariadb ? 4 : 3;
  while (peek(0) >= '0' && peek(0) <= '9') at_++;
  return true;
}

bool Lexer::skip_block_comment() noexcept {
  at_ += 2;
  size_t depth = 1;
  while (depth > 0) {
    if (dialect_ != Dialect::postgresql) at_ = std::min(text_.find('*', at_), text_.size());
    if (at_ >= text_.size()) return false;
    if (text_[at_] == '*' && peek(1) == '/') {
      depth--;
      at_ += 2;
    } else if (text_[at_] == '/' && peek(1) == '*' && dialect_ == Dialect::postgresql) {
      depth++;
      at_ += 2;
    } else {
      at_++;
    }
  }
  return true;
}

// From the opening mark to behind the closing one; a doubled mark is a part of the text.
bool Lexer::skip_quoted(char mark, bool backslash) noexcept {
  at_++;
  if (!backslash) {
    for (size_t end = text_.find(mark, at_); end != std::string_view::npos; end = text_.find(mark, at_)) {
      at_ = end + 1;
      if (peek(0) != mark) return true;
      at_++;
    }
    return false;
  }
  size_t at = at_;
  for (; at < text_.size(); at++) {
    if (text_[at] == mark && (at + 1 == text_.size() || text_[at + 1] != mark)) break;
    if (text_[at] == mark || text_[at] == '\\') at++;  // and what stands behind it
  }
  at_ = at + 1;
  return at < text_.size();
}

void Lexer::quote(Tokens& tokens, char mark, TokenType type, bool backslash) noexcept {
  const size_t begin = at_;
  if (!skip_quoted(mark, backslash)) {
    return fail(tokens, type == TokenType::quoted ? "a quoted identifier does not end" : "a string does not end");
  }
  return since(tokens, begin, type);
}

// PostgreSQL's E'…'. Literals on the following lines continue it, with its backslashes.
void Lexer::escape_string(Tokens& tokens) noexcept {
  const size_t begin = at_;
  at_++;
  for (size_t next = at_; next != 0; next = string_continuation()) {
    at_ = next;
    if (!skip_quoted('\'', true)) return fail(tokens, "a string does not end");
  }
  return since(tokens, begin, TokenType::string);
}

// Where the literal just read goes on: behind white space (and line comments) with at least one newline. 0: it does
// not.
size_t Lexer::string_continuation() const noexcept {
  bool newline = false;
  size_t at = at_;
  while (at < text_.size()) {
    const char c = text_[at];
    if (c == '\'') return newline ? at : 0;
    if (is_space(c)) {
      newline = newline || c == '\n' || c == '\r';
      at++;
    } else if (c == '-' && at + 1 < text_.size() && text_[at + 1] == '-') {
      at = line_end(at);
    } else {
      return 0;
    }
  }
  return 0;
}

void Lexer::bracketed(Tokens& tokens) noexcept {
  const size_t closing = text_.find(']', at_);
  if (closing == std::string_view::npos) return fail(tokens, "a quoted identifier does not end");
  return make(tokens, TokenType::quoted, closing + 1 - at_);
}

}  // namespace tl::sql
