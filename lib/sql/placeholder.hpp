// Placeholders: their style, their numbers, and the text as the database's own protocol wants it.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lexer.hpp"

namespace tl::sql {

class Placeholders {
 public:
  // `text` must outlive this.
  Placeholders(std::string_view text, Dialect dialect, bool named) noexcept
      : text_(text), dialect_(dialect), named_(named), matters_(types_that_matter(dialect)) {}

  [[nodiscard]] static TokenTypes types_that_matter(Dialect dialect) noexcept;

  // Every token of `lexer` that matters, in order. What it refuses is misuse; null: none of that.
  [[nodiscard]] Failure take(const Recent& recent, Lexer& lexer) {
    const TokenType type = recent.at_hand().type;
    if (type == TokenType::open) {
      depth_++;
      return nullptr;
    }
    return is_in(type, matters_) ? look(recent, lexer) : nullptr;
  }

  // A semicolon before or behind which there is no statement. MySQL takes it for one that is wrong.
  void empty_statement(const Token& token) {
    if (dialect_ == Dialect::mysql) replace(token.begin, token.end, " ");
  }

  // Fills native, style, parameters, names and lists.
  void finish(Statement& statement);

 private:
  // native_ and copied_ as they were before the last placeholder, and its number.
  struct Written {
    uint32_t number = 0;
    size_t native = 0;
    size_t copied = 0;
  };

  [[nodiscard]] Failure look(const Recent& recent, Lexer& lexer);
  [[nodiscard]] Failure question(const Token& token);
  [[nodiscard]] Failure escaped_question(const Token& token);
  [[nodiscard]] Failure dollar(const Token& token);
  [[nodiscard]] Failure colon_name(const Token& token, const Recent& recent, Lexer& lexer);
  [[nodiscard]] Failure use(Style style, const Token& token);
  [[nodiscard]] Failure too_many() const;

  [[nodiscard]] bool separates(const Token& before) const noexcept;
  [[nodiscard]] uint32_t number_of(std::string_view name);
  void write(const Token& token, uint32_t number);
  void replace(size_t begin, size_t end, std::string_view with);
  void close_bracket();
  void write_list(const Recent& recent);
  [[nodiscard]] std::string_view text_of(const Token& token) const noexcept {
    return text_.substr(token.begin, token.end - token.begin);
  }

  std::string_view text_;
  Dialect dialect_;
  bool named_;
  TokenTypes matters_;
  Style style_ = Style::none;
  uint32_t parameters_ = 0;
  std::vector<std::string> names_;
  std::vector<ListPlace> lists_;
  std::unordered_map<std::string_view, uint32_t> numbers_;
  std::string native_;
  size_t copied_ = 0;               // bytes of the text that native_ covers
  size_t depth_ = 0;                // open "(" and "["
  std::vector<size_t> subscripts_;  // how many are open within each "["
  Written last_;
};

}  // namespace tl::sql
