// Finds functions and operators that are not known to be harmless. Without a parser: a name before "(" is a call,
// unless the clause it stands in makes it something else. In doubt it is a call.
#pragma once
#include <string>
#include <string_view>

#include "tokens.hpp"

namespace tl::sql {

class CallFinder {
 public:
  CallFinder(std::string_view text, Dialect dialect) noexcept : text_(text), dialect_(dialect) {}

  [[nodiscard]] static TokenTypes types_that_matter(Dialect dialect) noexcept;
  // For now all matter, of any type.
  [[nodiscard]] bool needs_each() const noexcept { return clause_ == Clause::name || names_operator_; }

  // Every token of a statement that matters, in order. The function whose arguments it opens, or the operator that it
  // begins, if that is not known as harmless; else "".
  [[nodiscard]] std::string_view take(const Token& token, const Recent& recent) {
    const bool quiet =
        token.type == TokenType::word ? token.info.word() == Word::none && !names_operator_ : is_in(token.type, quiet_);
    return quiet && clause_ != Clause::name ? std::string_view() : look(token, recent);
  }
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
    grouping,    // GROUP BY, where ROLLUP and CUBE are no functions
  };
  enum class Meaning : uint8_t { grammar, name, harmless, unknown };

  // Nothing follows from these but that a name ends.
  static constexpr TokenTypes quiet_ =
      set_of_types(TokenType::comma, TokenType::dot, TokenType::string, TokenType::number, TokenType::question,
                   TokenType::dollar, TokenType::named, TokenType::cast);

  [[nodiscard]] std::string_view look(const Token& token, const Recent& recent);
  void follow(const Token& token, const Recent& recent) noexcept;
  [[nodiscard]] Meaning meaning(const Recent& recent) const noexcept;
  [[nodiscard]] Meaning meaning_of_word(const Recent& recent) const noexcept;
  [[nodiscard]] bool is_in_system_schema(const Recent& recent) const noexcept;
  [[nodiscard]] bool is_name(const Recent& recent) const noexcept;
  [[nodiscard]] bool is_grouping(const Recent& recent) const noexcept;
  [[nodiscard]] bool is_grammar(const Recent& recent) const noexcept;
  [[nodiscard]] static bool is_foreign(const Token& schema, const Recent& recent) noexcept;
  [[nodiscard]] Meaning open(const Recent& recent);
  [[nodiscard]] std::string_view called(const Recent& recent) const noexcept;
  [[nodiscard]] std::string_view operation(const Token& token) noexcept;

  std::string_view text_;
  Dialect dialect_;
  Clause clause_ = Clause::start;
  std::string outer_;            // the clauses around each open parenthesis
  bool names_operator_ = false;  // within OPERATOR(…)
  size_t behind_operator_ = 0;   // the byte where the last one ends: it may be several tokens
};

}  // namespace tl::sql
