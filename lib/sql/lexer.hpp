// One SQL text as tokens. Comments and white space are skipped; literals are one token, whatever they contain.
#pragma once
#include <cstddef>
#include <string_view>

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

constexpr size_t longest_text = UINT32_MAX;  // that a lexer can read

// Takes time in proportion to the text, whatever the text is.
class Lexer {
 public:
  Lexer(std::string_view text, Dialect dialect) noexcept : text_(text), dialect_(dialect) {}

  // Written where the caller keeps it: a token that is handed on in pieces and copied whole stalls the processor.
  void next(Token& token) noexcept;

  // Continues at byte `at` of the token just given: the second look at ":name" where ":" is an operator.
  void resume_at(size_t at) noexcept { at_ = at; }

  [[nodiscard]] std::string_view problem() const noexcept { return problem_; }  // after TokenType::error
  [[nodiscard]] bool in_executable_comment() const noexcept { return in_executable_; }
  [[nodiscard]] bool had_executable_comment() const noexcept { return had_executable_; }

 private:
  [[nodiscard]] char peek(size_t ahead) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void make(Token& token, TokenType type, size_t length) noexcept;
  void since(Token& token, size_t begin, TokenType type, WordInfo info = {}) const noexcept;
  void fail(Token& token, std::string_view problem) noexcept;

  void token_at(Token& token, char c) noexcept;
  [[nodiscard]] bool skip_blank() noexcept;  // false: a comment that does not end
  [[nodiscard]] bool at_line_comment() const noexcept;
  void skip_line() noexcept;
  [[nodiscard]] size_t line_end(size_t at) const noexcept;
  [[nodiscard]] bool skip_block_comment() noexcept;
  [[nodiscard]] bool enter_executable_comment() noexcept;

  void word(Token& token) noexcept;
  void last_word(Token& token) noexcept;
  void number(Token& token) noexcept;
  void quote(Token& token, char mark, TokenType type, bool backslash) noexcept;
  void escape_string(Token& token) noexcept;
  void bracketed(Token& token) noexcept;
  void dollar(Token& token) noexcept;
  void at_sign(Token& token) noexcept;
  void colon(Token& token) noexcept;
  void symbol(Token& token, char c) noexcept;
  [[nodiscard]] bool skip_quoted(char mark, bool backslash) noexcept;
  [[nodiscard]] size_t string_continuation() const noexcept;

  std::string_view text_;
  size_t at_ = 0;
  Dialect dialect_;
  bool in_executable_ = false;
  bool had_executable_ = false;
  std::string_view problem_;
};

[[nodiscard]] bool is_name_start(char c) noexcept;  // a letter, "_" or any byte of a character beyond ASCII
[[nodiscard]] bool is_name(char c) noexcept;        // or a digit
[[nodiscard]] bool is_identifier(char c) noexcept;  // or "$"

}  // namespace tl::sql
