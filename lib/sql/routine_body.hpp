// The body of CREATE TRIGGER, FUNCTION, PROCEDURE or EVENT, whose semicolons separate no statements.
#pragma once
#include "tokens.hpp"

namespace tl::sql {

class RoutineBody {
 public:
  explicit RoutineBody(Dialect dialect) noexcept : dialect_(dialect) {}

  void take(const Token& token, const Recent& recent) noexcept;  // every token behind the routine's keyword
  void clear() noexcept { depth_ = 0; }
  [[nodiscard]] bool is_open() const noexcept { return depth_ > 0; }

 private:
  void take_sqlite(Word word, const Recent& recent) noexcept;
  void take_postgresql(Word word, const Recent& recent) noexcept;
  void take_mysql(Word word, const Recent& recent) noexcept;

  Dialect dialect_;
  size_t depth_ = 0;  // BEGINs and CASEs without their END
};

}  // namespace tl::sql
