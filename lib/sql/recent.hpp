// The token at hand and those just before it, which never change their places.
#pragma once
#include "lexer.hpp"

namespace tl::sql {

class Recent {
 public:
  // 0 is the latest. Where there is none: TokenType::end.
  [[nodiscard]] const Token& back(size_t n) const noexcept { return tokens_[(count_ - 1 - n) % size]; }
  [[nodiscard]] Word word(size_t n) const noexcept { return back(n).info.word; }
  [[nodiscard]] bool follows_dot() const noexcept { return back(0).type == TokenType::dot; }
  [[nodiscard]] Token& at_hand() noexcept { return tokens_[count_ % size]; }
  void advance() noexcept { count_++; }  // what is at hand is then the latest of those before
  void clear() noexcept { *this = {}; }

 private:
  static constexpr size_t size = 8;  // four before it, and a power of two
  Token tokens_[size];
  size_t count_ = size;
};

}  // namespace tl::sql
