// Tells from its tokens what a text does: its kind, whether it leaves session state, how many statements it has.
#pragma once
#include <string_view>

#include "call_finder.hpp"
#include "routine_body.hpp"
#include "verb.hpp"

namespace tl::sql {

// What makes a statement the kind that it is.
enum class Reason : uint8_t {
  reads,
  verb,       // its first keyword
  runs,       // the statement that is explained
  contains,   // a statement in a query
  locks,      // FOR UPDATE and the like
  keeps,      // SELECT … INTO
  calls,      // a function
  operates,   // an operator
  assigns,    // :=
  sequence,   // NEXT VALUE FOR
  remembers,  // what is the session's own
  pragma,
  comment,  // one that only some servers run
};

struct Cause {
  Reason reason = Reason::reads;
  std::string_view what;   // the place in the text
  std::string_view verb;   // its statement's first word
  uint32_t statement = 0;  // which of the text's it is, from 1
};

class Classifier {
 public:
  // `text` must outlive this.
  Classifier(std::string_view text, Dialect dialect) noexcept
      : text_(text), dialect_(dialect), matters_(types_that_matter(dialect)), calls_(text, dialect), body_(dialect) {}

  [[nodiscard]] Token& at_hand() noexcept { return recent_.at_hand(); }    // where the next token is to be written
  [[nodiscard]] const Recent& recent() const noexcept { return recent_; }  // those of its statement before it
  // Of the token at hand: it ends a statement that there is not.
  [[nodiscard]] bool ends_nothing(const Token& token) const noexcept {
    return token.type == TokenType::semicolon && !current_.begun;
  }
  void take();                        // the token at hand: every one, in order
  void doubt_comment() noexcept;      // the text has a comment that only some servers run; behind the last token
  void finish(Statement& statement);  // fills kind, plain, statements and verb

  [[nodiscard]] const Cause& cause() const noexcept { return cause_; }  // behind finish()

 private:
  enum class Object : uint8_t { undecided, rows, routine, rule, other };  // of CREATE

  struct Current {
    bool begun = false;
    bool careful = false;  // each token matters
    Word first = Word::none;
    Verb verb;
    Cause cause;
    Object object = Object::undecided;
    bool explains = false;            // the explained statement is still to come
    bool analyzes = false;            // and it counts as if it were run
    std::string_view pending_change;  // INSERT or REPLACE: a statement, unless "(" follows
    bool argument = false;            // of a PRAGMA
    std::string_view pragma;
  };

  // Beside keywords.
  [[nodiscard]] static TokenTypes types_that_matter(Dialect dialect) noexcept;
  [[nodiscard]] bool matters(const Token& token) const noexcept {
    if (current_.careful || !current_.pending_change.empty()) return true;
    return token.type == TokenType::word ? token.info.word != Word::none : is_in(token.type, matters_);
  }
  void look(const Token& token);
  void begin(const Token& token);
  void end();
  void word(const Token& token);
  void query_word(const Token& token, Word word);
  void value_for(const Token& token);
  void create_word(Word word);
  void name(const Token& token);
  void explain_word(const Token& token);
  void other_token(const Token& token);
  void variable_token(const Token& token);
  void set_token(const Token& token);
  void pragma_token(const Token& token);
  void settle_change() noexcept;
  [[nodiscard]] bool is_only_planned(std::string_view function) const;
  void raise(Kind kind, Reason reason, std::string_view what) noexcept;
  void dirty(Kind kind, Reason reason, std::string_view what) noexcept;
  [[nodiscard]] bool separates(const Token& token) const noexcept;
  [[nodiscard]] bool is_autocommit(const Token& token) const noexcept;
  [[nodiscard]] Word name_of(const Token& token) const noexcept;
  [[nodiscard]] std::string_view text_of(const Token& token) const noexcept {
    return text_.substr(token.begin, token.end - token.begin);
  }
  [[nodiscard]] std::string_view text_from(const Token& token, const Token& to) const noexcept {
    return text_.substr(token.begin, to.end - token.begin);
  }

  std::string_view text_;
  Dialect dialect_;
  TokenTypes matters_;
  CallFinder calls_;
  RoutineBody body_;
  Recent recent_;
  Current current_;
  uint32_t statements_ = 0;
  Kind kind_ = Kind::read;
  Cause cause_;
  bool plain_ = true;
  std::string_view verb_;
};

}  // namespace tl::sql
