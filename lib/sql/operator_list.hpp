// The operators that change nothing. Only PostgreSQL has others: a user's, with any function behind them.
#pragma once
#include <cstddef>
#include <string_view>

namespace tl::sql {

struct Operator {
  size_t length = 0;  // in the text
  bool harmless = false;
};

// Of PostgreSQL, the one that begins at `at`, as the server would read it; ?? in the text is its ?. As with functions
// a user's overload of a name that is in the list is not seen.
[[nodiscard]] Operator find_operator(std::string_view text, size_t at) noexcept;

}  // namespace tl::sql
