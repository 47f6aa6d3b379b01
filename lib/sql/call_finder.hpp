// Finds calls of functions that are not known to be harmless. Without a parser: a name before "(" is a call, unless the
// clause it stands in makes it something else. In doubt it is a call.
#pragma once
#include <string>
#include <string_view>

#include "recent.hpp"

namespace tl::sql {

class CallFinder {
 public:
  CallFinder(std::string_view text, Dialect dialect) noexcept : text_(text), dialect_(dialect) {}

  // Every token of a statement, in order. True: it opens the arguments of a function that is not known as harmless.
  [[nodiscard]] bool take(const Token& token, const Recent& recent);
  void clear() noexcept;
  [[nodiscard]] size_t depth() const noexcept { return outer_.size(); }  // of parentheses

 private:
  enum class Clause : char {
    start,       // no verb yet: arguments, expressions in parentheses
    with,        // names of common table expressions
    target,      // behind a name that a statement writes to
    name,        // that name, up to its columns
    from,        // tables, with aliases that name their columns
    expression,  // anything else
  };
  enum class Meaning : uint8_t { grammar, name, harmless, unknown };

  void follow(const Token& token, const Recent& recent) noexcept;
  [[nodiscard]] Meaning meaning(const Recent& recent) const noexcept;
  [[nodiscard]] Meaning meaning_of_word(const Recent& recent) const noexcept;
  [[nodiscard]] bool is_name(const Recent& recent) const noexcept;
  [[nodiscard]] Meaning open(const Recent& recent);

  std::string_view text_;
  Dialect dialect_;
  Clause clause_ = Clause::start;
  std::string outer_;  // the clauses around each open parenthesis
};

}  // namespace tl::sql
