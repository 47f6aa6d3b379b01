#include "lexer.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "name_set.hpp"

namespace tl::sql {
namespace {

enum : uint8_t { name_start = 1, digit = 2, dollar_sign = 4, blank = 8, single = 16 };

struct Single {
  char character;
  TokenType type;
};

// They are a token whatever follows.
constexpr Single singles[] = {
    {'(', TokenType::open},  {')', TokenType::close},     {']', TokenType::close_bracket}, {',', TokenType::comma},
    {'.', TokenType::dot},   {';', TokenType::semicolon}, {'+', TokenType::other},         {'%', TokenType::other},
    {'|', TokenType::other}, {'&', TokenType::other},     {'~', TokenType::other},         {'^', TokenType::other},
};

// blank: white space, and what a comment may begin with.
constexpr auto classes = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; c++) table[c] = table[c - 'a' + 'A'] = name_start;
  for (int c = 0x80; c <= 0xff; c++) table[c] = name_start;
  table['_'] = name_start;
  for (int c = '0'; c <= '9'; c++) table[c] = digit;
  table['$'] = dollar_sign;
  for (const char c : {' ', '\t', '\n', '\r', '\f', '\v', '-', '/', '#', '*'}) table[static_cast<uint8_t>(c)] = blank;
  for (const Single& one : singles) table[static_cast<uint8_t>(one.character)] = single;
  return table;
}();

constexpr auto single_types = [] {
  std::array<TokenType, 128> table{};
  for (const Single& one : singles) table[static_cast<uint8_t>(one.character)] = one.type;
  return table;
}();

// Sixteen bytes that are worked on together.
using Bytes = uint8_t __attribute__((vector_size(16)));
using Halves = std::array<uint64_t, 2>;

// How many of the bytes, from the first on, may be within an identifier: what is_identifier() says of each.
size_t count_identifier(Bytes bytes) noexcept {
  const Bytes letters = (bytes | 0x20) - 'a' < 26, digits = bytes - '0' < 10;
  const auto others = std::bit_cast<Halves>(~(letters | digits | (bytes == '_') | (bytes == '$') | (bytes >= 0x80)));
  const int front = std::countr_zero(others[0]), back = std::countr_zero(others[1]);
  return static_cast<size_t>(front + (front == 64 ? back : 0)) / 8;
}

bool is(char c, int mask) noexcept { return (classes[static_cast<uint8_t>(c)] & mask) != 0; }

}  // namespace

bool is_name_start(char c) noexcept { return is(c, name_start); }
bool is_name(char c) noexcept { return is(c, name_start | digit); }
bool is_identifier(char c) noexcept { return is(c, name_start | digit | dollar_sign); }

void Lexer::since(Token& token, size_t begin, TokenType type, WordInfo info) const noexcept {
  token.type = type;
  token.info = info;
  token.begin = static_cast<uint32_t>(begin);
  token.end = static_cast<uint32_t>(at_);
}

void Lexer::make(Token& token, TokenType type, size_t length) noexcept {
  const size_t begin = at_;
  at_ += length;
  return since(token, begin, type);
}

void Lexer::fail(Token& token, std::string_view problem) noexcept {
  problem_ = problem;
  at_ = text_.size();
  return make(token, TokenType::error, 0);
}

// Mostly there is one space or none before a token.
void Lexer::next(Token& token) noexcept {
  if (at_ < text_.size() && text_[at_] == ' ') at_++;
  if (at_ < text_.size() && !is(text_[at_], blank)) return token_at(token, text_[at_]);
  if (!skip_blank()) return fail(token, "a comment does not end");
  if (at_ >= text_.size())
    return in_executable_ ? fail(token, "a comment does not end") : make(token, TokenType::end, 0);
  return token_at(token, text_[at_]);
}

void Lexer::token_at(Token& token, char c) noexcept {
  if (is(c, name_start)) return word(token);
  if (is(c, single)) return make(token, single_types[static_cast<uint8_t>(c)], 1);
  if (is(c, digit)) return number(token);
  switch (c) {
    case '\'': return quote(token, c, TokenType::string, dialect_ == Dialect::mysql);
    case '"':
      if (dialect_ == Dialect::mysql) return quote(token, c, TokenType::string, true);
      return quote(token, c, TokenType::quoted, false);
    case '`':
      return dialect_ == Dialect::postgresql ? make(token, TokenType::other, 1)
                                             : quote(token, c, TokenType::quoted, false);
    case '[': return dialect_ == Dialect::sqlite ? bracketed(token) : make(token, TokenType::open_bracket, 1);
    case '$': return dollar(token);
    case '@': return at_sign(token);
    case ':': return colon(token);
    default: return symbol(token, c);
  }
}

void Lexer::symbol(Token& token, char c) noexcept {
  const char after = peek(1);
  switch (c) {
    case '?': return after == '?' ? make(token, TokenType::escaped_question, 2) : make(token, TokenType::question, 1);
    case '=': return make(token, TokenType::equal, after == '=' ? 2 : 1);
    case '<':
      return after == '>' ? make(token, TokenType::unequal, 2) : make(token, TokenType::other, after == '=' ? 2 : 1);
    case '>': return make(token, TokenType::other, after == '=' ? 2 : 1);
    case '!': return after == '=' ? make(token, TokenType::unequal, 2) : make(token, TokenType::other, 1);
    default: return make(token, TokenType::other, 1);
  }
}

// Most words are shorter than sixteen bytes: their end and their key come from one load.
void Lexer::word(Token& token) noexcept {
  const size_t begin = at_;
  if (begin + 16 > text_.size()) return last_word(token);
  Bytes bytes;
  std::memcpy(&bytes, text_.data() + begin, sizeof bytes);
  const size_t length = count_identifier(bytes);
  if (length == 1 && dialect_ == Dialect::postgresql && text_[begin + 1] == '\'' && (text_[begin] | 0x20) == 'e') {
    return escape_string(token);
  }
  at_ += length;
  if (length < 16)
    return since(token, begin, TokenType::word, find_word(NameKey(text_.data() + begin, length), dialect_));
  while (at_ < text_.size() && is_identifier(text_[at_])) at_++;
  since(token, begin, TokenType::word);  // longer than any keyword
}

// Near the end of the text.
void Lexer::last_word(Token& token) noexcept {
  const size_t begin = at_;
  while (at_ < text_.size() && is_identifier(text_[at_])) at_++;
  const std::string_view word = text_.substr(begin, at_ - begin);
  if ((word == "e" || word == "E") && dialect_ == Dialect::postgresql && peek(0) == '\'') {
    at_ = begin;
    return escape_string(token);
  }
  since(token, begin, TokenType::word, find_word(word, dialect_));
}

void Lexer::number(Token& token) noexcept {
  size_t length = 1;
  while (is(peek(length), digit)) length++;
  if (peek(length) == '.') {
    length++;
    while (is(peek(length), digit)) length++;
  }
  return make(token, TokenType::number, length);
}

void Lexer::dollar(Token& token) noexcept {
  size_t length = 1;
  if (is(peek(1), digit)) {
    while (is(peek(length), digit)) length++;
    return make(token, TokenType::dollar, length);
  }
  while (is_name(peek(length))) length++;
  if (dialect_ == Dialect::sqlite)
    return length > 1 ? make(token, TokenType::foreign, length) : make(token, TokenType::other, 1);
  if (dialect_ == Dialect::mysql) return make(token, TokenType::word, length);
  if (peek(length) != '$') return make(token, TokenType::other, 1);
  const std::string_view tag = text_.substr(at_, length + 1);
  const size_t closing = text_.find(tag, at_ + tag.size());
  if (closing == std::string_view::npos) return fail(token, "a dollar-quoted string does not end");
  return make(token, TokenType::string, closing + tag.size() - at_);
}

void Lexer::at_sign(Token& token) noexcept {
  if (dialect_ == Dialect::postgresql) return make(token, TokenType::other, 1);
  size_t length = 1;
  if (dialect_ == Dialect::mysql && peek(1) == '@') length++;
  while (is_identifier(peek(length))) length++;
  if (dialect_ == Dialect::mysql) return make(token, TokenType::variable, length);
  return length > 1 ? make(token, TokenType::foreign, length) : make(token, TokenType::other, 1);
}

void Lexer::colon(Token& token) noexcept {
  if (peek(1) == ':') return make(token, TokenType::cast, 2);
  if (peek(1) == '=') return make(token, TokenType::assign, 2);
  if (!is_name_start(peek(1))) return make(token, TokenType::colon, 1);
  size_t length = 2;
  while (is_name(peek(length))) length++;
  return make(token, TokenType::named, length);
}

}  // namespace tl::sql
