#include "lexer.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "name_set.hpp"

namespace tl::sql {
namespace {

enum : uint8_t { name_start = 1, digit = 2, dollar_sign = 4, operation = 8 };

constexpr auto classes = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; c++) table[c] = table[c - 'a' + 'A'] = name_start;
  for (int c = 0x80; c <= 0xff; c++) table[c] = name_start;
  table['_'] = name_start;
  for (int c = '0'; c <= '9'; c++) table[c] = digit;
  table['$'] = dollar_sign;
  for (const char c : std::string_view("+-*/<>=~!@#%^&|`?")) table[static_cast<uint8_t>(c)] = operation;
  return table;
}();

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

constexpr TokenType look_closer = TokenType::end;

// What a token is that begins with the character. PostgreSQL's E may begin a literal.
constexpr auto types = [] {
  std::array<std::array<TokenType, 256>, 3> tables{};
  for (auto& table : tables) {
    for (size_t c = 0; c < table.size(); c++) table[c] = classes[c] == name_start ? TokenType::word : look_closer;
    for (int c = '0'; c <= '9'; c++) table[c] = TokenType::number;
    for (const Single& one : singles) table[static_cast<uint8_t>(one.character)] = one.type;
  }
  auto& postgresql = tables[static_cast<size_t>(Dialect::postgresql)];
  postgresql['e'] = postgresql['E'] = look_closer;
  return tables;
}();

bool is(char c, int mask) noexcept { return (classes[static_cast<uint8_t>(c)] & mask) != 0; }

}  // namespace

bool is_name_start(char c) noexcept { return is(c, name_start); }
bool is_name(char c) noexcept { return is(c, name_start | digit); }
bool is_identifier(char c) noexcept { return is(c, name_start | digit | dollar_sign); }

Lexer::Lexer(std::string_view text, Dialect dialect) noexcept : text_(text), dialect_(dialect) { look_from(0); }

void Lexer::read(Tokens& tokens) noexcept {
  tokens.start_batch();
  while (!tokens.full() && !tokens.end_with(set_of_types(TokenType::end, TokenType::error, TokenType::named))) {
    if (length_ > 0) take_plain(tokens);
    if (tokens.full()) return;
    if (starts_ != 0) {
      take_other(tokens);
    } else {
      next_block(tokens);
    }
  }
}

// The block that begins at `at`. A name at its end, which may go on, is left to the next one.
void Lexer::look_from(size_t at) noexcept {
  base_ = at;
  bytes_ = text_.data() + at;
  const size_t left = text_.size() - at;
  if (left < sizeof last_) {
    std::memset(last_, ' ', sizeof last_);
    text_.copy(last_, left, at);
    bytes_ = last_;
  }
  block_ = look_at(bytes_);
  length_ = 64 - static_cast<size_t>(std::countl_one(block_.identifiers));
  starts_ = ~block_.blanks & ~(block_.identifiers & block_.identifiers << 1);
  if (length_ < 64) starts_ &= (uint64_t{1} << std::max<size_t>(length_, 1)) - 1;
}

// Behind a token that has been looked at closer.
void Lexer::go_on() noexcept {
  const size_t offset = at_ - base_;
  if (offset >= length_) return look_from(at_);
  starts_ = starts_from(starts_, offset);
}

// Where a token ends another begins, or white space.
uint64_t Lexer::starts_from(uint64_t starts, size_t offset) const noexcept {
  return (starts & ~uint64_t{0} << offset) | (~block_.blanks & uint64_t{1} << offset);
}

void Lexer::next_block(Tokens& tokens) noexcept {
  if (base_ + length_ < text_.size()) return look_from(base_ + length_);
  at_ = text_.size();
  return in_executable_ ? fail(tokens, "a comment does not end") : make(tokens, TokenType::end, 0);
}

// Words, numbers and what is a token whatever follows: most of a text.
void Lexer::take_plain(Tokens& tokens) noexcept {
  const auto& type_of = types[static_cast<size_t>(dialect_)];
  const Dialect dialect = dialect_;
  const size_t base = base_;
  const char* const bytes = bytes_;
  const uint64_t others = ~block_.identifiers;
  uint64_t starts = starts_;
  while (starts != 0 && !tokens.full()) {
    const auto offset = static_cast<uint32_t>(std::countr_zero(starts));
    const auto begin = static_cast<uint32_t>(base + offset);
    const TokenType type = type_of[static_cast<uint8_t>(bytes[offset])];
    if (type == TokenType::word) {
      const auto length = static_cast<uint32_t>(__builtin_ctzll(others >> offset));
      const WordInfo info = find_identifier(NameKey(bytes + offset, length), dialect);
      tokens.add({type, false, info, begin, begin + length}, info.matters());
      starts &= starts - 1;
    } else if (type == TokenType::number) {
      const auto length = static_cast<uint32_t>(end_of_number(offset) - offset);
      if (offset + length >= length_) break;
      tokens.add({type, false, {}, begin, begin + length}, false);
      starts = starts_from(starts, offset + length);
    } else if (type == look_closer) {
      break;
    } else {
      tokens.add({type, false, {}, begin, begin + 1}, tokens.matters(type));
      starts &= starts - 1;
    }
  }
  starts_ = starts;
}

// 64: not in this block.
size_t Lexer::end_of_number(size_t offset) const noexcept {
  const auto digits_end = [&](size_t at) { return at + static_cast<size_t>(std::countr_one(block_.digits >> at)); };
  const size_t end = digits_end(offset);
  if (end >= 63) return 64;
  return bytes_[end] == '.' ? digits_end(end + 1) : end;
}

void Lexer::take_other(Tokens& tokens) noexcept {
  at_ = base_ + static_cast<size_t>(std::countr_zero(starts_));
  token_at(tokens, text_[at_]);
  go_on();
}

void Lexer::add(Tokens& tokens, size_t begin, TokenType type, WordInfo info, bool matters) const noexcept {
  tokens.add({type, in_executable_, info, static_cast<uint32_t>(begin), static_cast<uint32_t>(at_)}, matters);
}

void Lexer::since(Tokens& tokens, size_t begin, TokenType type) const noexcept {
  add(tokens, begin, type, {}, tokens.matters(type));
}

void Lexer::make(Tokens& tokens, TokenType type, size_t length) noexcept {
  const size_t begin = at_;
  at_ += length;
  since(tokens, begin, type);
}

void Lexer::fail(Tokens& tokens, std::string_view problem) noexcept {
  problem_ = problem;
  at_ = text_.size();
  make(tokens, TokenType::error, 0);
}

void Lexer::token_at(Tokens& tokens, char c) noexcept {
  if (is(c, name_start)) return word(tokens);
  if (is(c, digit)) return number(tokens);
  switch (c) {
    case '\'': return quote(tokens, c, TokenType::string, dialect_ == Dialect::mysql);
    case '"':
      if (dialect_ == Dialect::mysql) return quote(tokens, c, TokenType::string, true);
      return quote(tokens, c, TokenType::quoted, false);
    case '`':
      return dialect_ == Dialect::postgresql ? make(tokens, TokenType::other, 1)
                                             : quote(tokens, c, TokenType::quoted, false);
    case '[': return dialect_ == Dialect::sqlite ? bracketed(tokens) : make(tokens, TokenType::open_bracket, 1);
    case '$': return dollar(tokens);
    case '@': return at_sign(tokens);
    case ':': return colon(tokens);
    case '-':
    case '/':
    case '#':
    case '*': return comment_or_symbol(tokens, c);
    default: return symbol(tokens, c);
  }
}

void Lexer::symbol(Tokens& tokens, char c) noexcept {
  const char after = peek(1);
  switch (c) {
    case '?': return after == '?' ? make(tokens, TokenType::escaped_question, 2) : make(tokens, TokenType::question, 1);
    case '=': return sign(tokens, TokenType::equal, after == '=' ? 2 : 1);
    case '<':
      if (after == '>') return make(tokens, TokenType::unequal, 2);
      return sign(tokens, TokenType::other, after == '=' ? 2 : 1);
    case '>': return sign(tokens, TokenType::other, after == '=' ? 2 : 1);
    case '!': return after == '=' ? make(tokens, TokenType::unequal, 2) : make(tokens, TokenType::other, 1);
    default: return make(tokens, TokenType::other, 1);
  }
}

// One of - * / < > =. By itself it is harmless; PostgreSQL may have a longer operator that begins so.
void Lexer::sign(Tokens& tokens, TokenType type, size_t length) noexcept {
  const bool goes_on = is(peek(1), operation);
  const size_t begin = at_;
  at_ += length;
  add(tokens, begin, type, {}, goes_on && tokens.matters(type));
}

// One that may be something else, or is longer than a block.
void Lexer::word(Tokens& tokens) noexcept {
  if (dialect_ == Dialect::postgresql && (text_[at_] | 0x20) == 'e' && peek(1) == '\'') return escape_string(tokens);
  const size_t begin = at_;
  while (at_ < text_.size() && is_identifier(text_[at_])) at_++;
  const WordInfo info = find_word(text_.substr(begin, at_ - begin), dialect_);
  add(tokens, begin, TokenType::word, info, info.matters());
}

// One that the block may not have as a whole.
void Lexer::number(Tokens& tokens) noexcept {
  size_t length = 1;
  while (is(peek(length), digit)) length++;
  if (peek(length) == '.') {
    length++;
    while (is(peek(length), digit)) length++;
  }
  return make(tokens, TokenType::number, length);
}

void Lexer::dollar(Tokens& tokens) noexcept {
  size_t length = 1;
  if (is(peek(1), digit)) {
    while (is(peek(length), digit)) length++;
    return make(tokens, TokenType::dollar, length);
  }
  while (is_name(peek(length))) length++;
  if (dialect_ == Dialect::sqlite)
    return length > 1 ? make(tokens, TokenType::foreign, length) : make(tokens, TokenType::other, 1);
  if (dialect_ == Dialect::mysql) return make(tokens, TokenType::word, length);
  if (peek(length) != '$') return make(tokens, TokenType::other, 1);
  const std::string_view tag = text_.substr(at_, length + 1);
  const size_t closing = text_.find(tag, at_ + tag.size());
  if (closing == std::string_view::npos) return fail(tokens, "a dollar-quoted string does not end");
  return make(tokens, TokenType::string, closing + tag.size() - at_);
}

void Lexer::at_sign(Tokens& tokens) noexcept {
  if (dialect_ == Dialect::postgresql) return make(tokens, TokenType::other, 1);
  size_t length = 1;
  if (dialect_ == Dialect::mysql && peek(1) == '@') length++;
  while (is_identifier(peek(length))) length++;
  if (dialect_ == Dialect::mysql) return make(tokens, TokenType::variable, length);
  return length > 1 ? make(tokens, TokenType::foreign, length) : make(tokens, TokenType::other, 1);
}

void Lexer::colon(Tokens& tokens) noexcept {
  if (peek(1) == ':') return make(tokens, TokenType::cast, 2);
  if (peek(1) == '=') return make(tokens, TokenType::assign, 2);
  if (!is_name_start(peek(1))) return make(tokens, TokenType::colon, 1);
  size_t length = 2;
  while (is_name(peek(length))) length++;
  return make(tokens, TokenType::named, length);
}

}  // namespace tl::sql
