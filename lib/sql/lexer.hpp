// One SQL text as tokens. Comments and white space are skipped; literals are one token, whatever they contain.
#pragma once
#include <string_view>

#include "block.hpp"
#include "tokens.hpp"

namespace tl::sql {

constexpr size_t longest_text = UINT32_MAX;  // that a lexer can read

// Looks at sixty-four bytes at a time: where words begin and end is known before they are read. Takes time in
// proportion to the text, whatever the text is.
class Lexer {
 public:
  // `text` must outlive this.
  Lexer(std::string_view text, Dialect dialect) noexcept;

  // The next tokens. Those behind an `end`, an `error` or a `named` are none of the same batch.
  void read(Tokens& tokens) noexcept;

  // Continues at byte `at` of the last token: the second look at ":name" where ":" is an operator.
  void resume_at(size_t at) noexcept { look_from(at); }

  [[nodiscard]] std::string_view problem() const noexcept { return problem_; }  // after TokenType::error
  [[nodiscard]] bool had_executable_comment() const noexcept { return had_executable_; }

 private:
  [[nodiscard]] char peek(size_t ahead) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void look_from(size_t at) noexcept;
  void go_on() noexcept;
  [[nodiscard]] uint64_t starts_from(uint64_t starts, size_t offset) const noexcept;
  [[nodiscard]] size_t end_of_number(size_t offset) const noexcept;
  void take_plain(Tokens& tokens) noexcept;
  void take_other(Tokens& tokens) noexcept;
  void next_block(Tokens& tokens) noexcept;

  void make(Tokens& tokens, TokenType type, size_t length) noexcept;
  void since(Tokens& tokens, size_t begin, TokenType type) const noexcept;
  void add(Tokens& tokens, size_t begin, TokenType type, WordInfo info, bool matters) const noexcept;
  void fail(Tokens& tokens, std::string_view problem) noexcept;

  void token_at(Tokens& tokens, char c) noexcept;
  void word(Tokens& tokens) noexcept;
  void number(Tokens& tokens) noexcept;
  void quote(Tokens& tokens, char mark, TokenType type, bool backslash) noexcept;
  void escape_string(Tokens& tokens) noexcept;
  void bracketed(Tokens& tokens) noexcept;
  void dollar(Tokens& tokens) noexcept;
  void at_sign(Tokens& tokens) noexcept;
  void colon(Tokens& tokens) noexcept;
  void symbol(Tokens& tokens, char c) noexcept;
  void sign(Tokens& tokens, TokenType type, size_t length) noexcept;
  void comment_or_symbol(Tokens& tokens, char c) noexcept;

  [[nodiscard]] bool at_line_comment() const noexcept;
  [[nodiscard]] size_t line_end(size_t at) const noexcept;
  [[nodiscard]] bool enter_executable_comment() noexcept;
  [[nodiscard]] bool skip_block_comment() noexcept;
  [[nodiscard]] bool skip_quoted(char mark, bool backslash) noexcept;
  [[nodiscard]] size_t string_continuation() const noexcept;

  std::string_view text_;
  Dialect dialect_;
  size_t at_ = 0;  // of the token that is looked at closer
  bool in_executable_ = false;
  bool had_executable_ = false;
  std::string_view problem_;

  size_t base_ = 0;      // the byte where the block begins
  size_t length_ = 0;    // of the block, up to the name that goes on behind it
  uint64_t starts_ = 0;  // where tokens begin that have not been read
  Block block_;
  const char* bytes_ = nullptr;  // the block's, and those that a name at its end may have
  char last_[80];                // of the text, with blanks behind them
};

[[nodiscard]] bool is_name_start(char c) noexcept;  // a letter, "_" or any byte of a character beyond ASCII
[[nodiscard]] bool is_name(char c) noexcept;        // or a digit
[[nodiscard]] bool is_identifier(char c) noexcept;  // or "$"

}  // namespace tl::sql
