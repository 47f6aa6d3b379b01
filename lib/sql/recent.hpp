// The tokens just before the one at hand.
#pragma once
#include "lexer.hpp"

namespace tl::sql {

class Recent {
 public:
  // 0 is the latest. Where there is none: TokenType::end.
  [[nodiscard]] const Token& back(size_t n) const noexcept { return tokens_[(count_ - 1 - n) % size]; }
  [[nodiscard]] Word word(size_t n) const noexcept { return back(n).info.word; }
  [[nodiscard]] bool follows_dot() const noexcept { return back(0).type == TokenType::dot; }
  void push(const Token& token) noexcept { tokens_[count_++ % size] = token; }
  void clear() noexcept { *this = {}; }

 private:
  static constexpr size_t size = 4;
  Token tokens_[size];
  size_t count_ = size;
};

}  // namespace tl::sql
