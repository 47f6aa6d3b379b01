// Tells from its tokens what a text does: its kind, whether it leaves session state, how many statements it has.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

#include "call_finder.hpp"
#include "routine_body.hpp"
#include "verb.hpp"

namespace tl::sql {

class Classifier {
 public:
  // `text` must outlive this.
  Classifier(std::string_view text, Dialect dialect) noexcept
      : text_(text), dialect_(dialect), calls_(text, dialect), body_(dialect) {}

  // Of the token that is to be taken next: it ends a statement that there is not.
  [[nodiscard]] bool ends_nothing(const Token& token) const noexcept {
    return token.type == TokenType::semicolon && !current_.begun;
  }
  void take(const Token& token);      // every token, in order
  void finish(Statement& statement);  // fills kind, plain, statements and verb

 private:
  enum class Object : uint8_t { undecided, rows, routine, rule, other };  // of CREATE

  struct Current {
    bool begun = false;
    Word first = Word::none;
    Verb verb;
    Object object = Object::undecided;
    bool explains = false;        // the explained statement is still to come
    bool analyzes = false;        // and it will be run
    bool pending_change = false;  // INSERT or REPLACE: a statement, unless "(" follows
    bool argument = false;        // of a PRAGMA
    std::string_view pragma;
  };

  void begin(const Token& token);
  void end();
  void word(const Token& token);
  void query_word(Word word);
  void create_word(Word word);
  void name(const Token& token);
  void explain_word(Word word);
  void other_token(const Token& token);
  void set_token(const Token& token);
  void pragma_token(const Token& token);
  void raise(Kind kind) noexcept;
  [[nodiscard]] bool separates(const Token& token) const noexcept;
  [[nodiscard]] bool is_autocommit(const Token& token) const noexcept;
  [[nodiscard]] std::string_view text_of(const Token& token) const noexcept {
    return text_.substr(token.begin, token.end - token.begin);
  }

  std::string_view text_;
  Dialect dialect_;
  CallFinder calls_;
  RoutineBody body_;
  Recent recent_;
  Current current_;
  uint32_t statements_ = 0;
  Kind kind_ = Kind::read;
  bool plain_ = true;
  std::string_view verb_;
};

}  // namespace tl::sql
