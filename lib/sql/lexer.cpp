#include "lexer.hpp"

#include <array>

namespace tl::sql {
namespace {

enum : uint8_t { name_start = 1, digit = 2, dollar_sign = 4, space = 8 };

constexpr auto classes = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; c++) table[c] = table[c - 'a' + 'A'] = name_start;
  for (int c = 0x80; c <= 0xff; c++) table[c] = name_start;
  table['_'] = name_start;
  for (int c = '0'; c <= '9'; c++) table[c] = digit;
  table['$'] = dollar_sign;
  for (const char c : {' ', '\t', '\n', '\r', '\f', '\v'}) table[static_cast<uint8_t>(c)] = space;
  return table;
}();

bool is(char c, int mask) noexcept { return (classes[static_cast<uint8_t>(c)] & mask) != 0; }

}  // namespace

bool is_name_start(char c) noexcept { return is(c, name_start); }
bool is_name(char c) noexcept { return is(c, name_start | digit); }
bool is_identifier(char c) noexcept { return is(c, name_start | digit | dollar_sign); }

Token Lexer::make(TokenType type, size_t length) noexcept {
  const Token token{type, {}, at_, at_ + length};
  at_ += length;
  return token;
}

Token Lexer::fail(std::string_view problem) noexcept {
  problem_ = problem;
  at_ = text_.size();
  return {TokenType::error, {}, at_, at_};
}

Token Lexer::next() noexcept {
  if (!skip_blank()) return fail("a comment does not end");
  if (at_ >= text_.size()) return in_executable_ ? fail("a comment does not end") : make(TokenType::end, 0);
  const char c = text_[at_];
  if (is(c, name_start)) return word();
  if (is(c, digit)) return number();
  switch (c) {
    case '\'': return quote(c, TokenType::string, dialect_ == Dialect::mysql);
    case '"':
      if (dialect_ == Dialect::mysql) return quote(c, TokenType::string, true);
      return quote(c, TokenType::quoted, false);
    case '`': return dialect_ == Dialect::postgresql ? make(TokenType::other, 1) : quote(c, TokenType::quoted, false);
    case '[': return dialect_ == Dialect::sqlite ? bracketed() : make(TokenType::open_bracket, 1);
    case '$': return dollar();
    case '@': return at_sign();
    case ':': return colon();
    default: return symbol(c);
  }
}

Token Lexer::symbol(char c) noexcept {
  const char after = peek(1);
  switch (c) {
    case '?': return after == '?' ? make(TokenType::escaped_question, 2) : make(TokenType::question, 1);
    case '(': return make(TokenType::open, 1);
    case ')': return make(TokenType::close, 1);
    case ']': return make(TokenType::close_bracket, 1);
    case ',': return make(TokenType::comma, 1);
    case '.': return make(TokenType::dot, 1);
    case ';': return make(TokenType::semicolon, 1);
    case '=': return make(TokenType::equal, after == '=' ? 2 : 1);
    case '<': return after == '>' ? make(TokenType::unequal, 2) : make(TokenType::other, after == '=' ? 2 : 1);
    case '>': return make(TokenType::other, after == '=' ? 2 : 1);
    case '!': return after == '=' ? make(TokenType::unequal, 2) : make(TokenType::other, 1);
    default: return make(TokenType::other, 1);
  }
}

Token Lexer::word() noexcept {
  const size_t begin = at_;
  size_t end = begin + 1;
  while (end < text_.size() && is_identifier(text_[end])) end++;
  if (end - begin == 1 && dialect_ == Dialect::postgresql && (text_[begin] | 0x20) == 'e' && end < text_.size() &&
      text_[end] == '\'') {
    return escape_string();
  }
  at_ = end;
  return {TokenType::word, find_word(text_.substr(begin, end - begin), dialect_), begin, end};
}

Token Lexer::number() noexcept {
  size_t length = 1;
  while (is(peek(length), digit)) length++;
  if (peek(length) == '.') {
    length++;
    while (is(peek(length), digit)) length++;
  }
  return make(TokenType::number, length);
}

Token Lexer::dollar() noexcept {
  size_t length = 1;
  if (is(peek(1), digit)) {
    while (is(peek(length), digit)) length++;
    return make(TokenType::dollar, length);
  }
  while (is_name(peek(length))) length++;
  if (dialect_ == Dialect::sqlite) return length > 1 ? make(TokenType::foreign, length) : make(TokenType::other, 1);
  if (dialect_ == Dialect::mysql) return make(TokenType::word, length);
  if (peek(length) != '$') return make(TokenType::other, 1);
  const std::string_view tag = text_.substr(at_, length + 1);
  const size_t closing = text_.find(tag, at_ + tag.size());
  if (closing == std::string_view::npos) return fail("a dollar-quoted string does not end");
  return make(TokenType::string, closing + tag.size() - at_);
}

Token Lexer::at_sign() noexcept {
  if (dialect_ == Dialect::postgresql) return make(TokenType::other, 1);
  size_t length = 1;
  if (dialect_ == Dialect::mysql && peek(1) == '@') length++;
  while (is_identifier(peek(length))) length++;
  if (dialect_ == Dialect::mysql) return make(TokenType::variable, length);
  return length > 1 ? make(TokenType::foreign, length) : make(TokenType::other, 1);
}

Token Lexer::colon() noexcept {
  if (peek(1) == ':') return make(TokenType::cast, 2);
  if (peek(1) == '=') return make(TokenType::assign, 2);
  if (!is_name_start(peek(1))) return make(TokenType::colon, 1);
  size_t length = 2;
  while (is_name(peek(length))) length++;
  return make(TokenType::named, length);
}

}  // namespace tl::sql
