// Tokens of a text, some at a time, and those just before them.
#pragma once
#include <algorithm>
#include <array>

#include "word.hpp"

namespace tl::sql {

enum class TokenType : uint8_t {
  end,
  error,             // see Lexer::problem()
  word,              // unquoted identifier or keyword
  quoted,            // quoted identifier
  string,            // any literal in quotes
  number,            // the digits of one; an exponent may follow as a word
  variable,          // MySQL's @x and @@x
  question,          // ?
  escaped_question,  // ??
  dollar,            // $1
  named,             // :name
  foreign,           // SQLite's @x, $x
  cast,              // ::
  assign,            // :=
  colon,
  open,
  close,
  open_bracket,
  close_bracket,
  comma,
  dot,
  semicolon,
  equal,    // = and ==
  unequal,  // <> and !=
  other,    // any other operator
};

struct Token {
  TokenType type = TokenType::end;
  bool in_some_servers = false;  // within a comment that only some servers run
  WordInfo info;
  uint32_t begin = 0, end = 0;  // bytes in the text
};

// What one bit for each TokenType holds: sets of them.
using TokenTypes = uint32_t;
template <class... Types>
[[nodiscard]] constexpr TokenTypes set_of_types(Types... types) noexcept {
  return ((TokenTypes{1} << static_cast<int>(types)) | ... | 0);
}
[[nodiscard]] constexpr bool is_in(TokenType type, TokenTypes types) noexcept {
  return (types >> static_cast<int>(type) & 1) != 0;
}

// A token and those before it.
class Recent {
 public:
  explicit Recent(Token* at_hand) noexcept : at_hand_(at_hand) {}
  [[nodiscard]] const Token& at_hand() const noexcept { return *at_hand_; }
  // At most 3; 0 is the one before. Where its statement has none: TokenType::end.
  [[nodiscard]] const Token& back(size_t n) const noexcept { return at_hand_[-1 - static_cast<ptrdiff_t>(n)]; }
  [[nodiscard]] Word word(size_t n) const noexcept { return back(n).info.word(); }
  [[nodiscard]] bool follows_dot() const noexcept { return back(0).type == TokenType::dot; }
  // The token at hand ends its statement: whoever looks back from the next sees none.
  void forget() const noexcept { std::fill(at_hand_ - 3, at_hand_ + 1, Token()); }

 private:
  Token* at_hand_;
};

class Tokens {
 public:
  static constexpr size_t most = 64;

  // Of these types, and of the words that are marked so, each token matters. The others are only looked back at.
  explicit Tokens(TokenTypes types) noexcept : types_(types) {}

  void start_batch() noexcept {
    std::copy_n(tokens_.begin() + count_, before, tokens_.begin());
    count_ = 0;
    matters_ = 0;
  }
  void add(const Token& token, bool matters) noexcept {
    tokens_[before + count_] = token;
    matters_ |= uint64_t{matters} << count_;
    count_++;
  }
  [[nodiscard]] bool matters(TokenType type) const noexcept { return is_in(type, types_); }

  [[nodiscard]] bool full() const noexcept { return count_ == most; }
  [[nodiscard]] bool end_with(TokenTypes types) const noexcept {
    return count_ > 0 && is_in(tokens_[before + count_ - 1].type, types);
  }
  [[nodiscard]] Recent recent(size_t number) noexcept { return Recent(tokens_.data() + before + number); }
  // One bit for each token: those that matter, or every one. There is one at least.
  [[nodiscard]] uint64_t wanted(bool each) const noexcept { return each ? ~uint64_t{0} >> (most - count_) : matters_; }

 private:
  static constexpr size_t before = 4;
  TokenTypes types_;
  size_t count_ = 0;
  uint64_t matters_ = 0;
  std::array<Token, before + most> tokens_{};
};

}  // namespace tl::sql
