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
      : text_(text), dialect_(dialect), looked_at_(types_looked_at(dialect)), calls_(text, dialect), body_(dialect) {}

  [[nodiscard]] static TokenTypes types_that_matter(Dialect dialect) noexcept;
  // For now all matter, of any type.
  [[nodiscard]] bool needs_each() const noexcept { return !current_.begun || looks_at_each() || calls_.needs_each(); }
  // Of the next token: it ends a statement that there is not.
  [[nodiscard]] bool ends_nothing(const Token& token) const noexcept {
    return token.type == TokenType::semicolon && !current_.begun;
  }
  void take(const Recent& recent);    // every token that matters, in order
  void doubt_comment() noexcept;      // the text has a comment that only some servers run; behind the last token
  void finish(Statement& statement);  // fills kind, plain, statements and verb

  [[nodiscard]] const Cause& cause() const noexcept { return cause_; }  // behind finish()

 private:
  enum class Object : uint8_t { undecided, rows, routine, rule, other };  // of CREATE

  struct Current {
    bool begun = false;
    bool careful = false;     // each token matters
    bool after_temp = false;  // so the next one does
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

  [[nodiscard]] bool looks_at_each() const noexcept {
    return current_.careful || current_.after_temp || !current_.pending_change.empty();
  }
  [[nodiscard]] static TokenTypes types_looked_at(Dialect dialect) noexcept;
  [[nodiscard]] bool looks_at(const Token& token) const noexcept {
    if (looks_at_each()) return true;
    return token.type == TokenType::word ? token.info.word() != Word::none : is_in(token.type, looked_at_);
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
  TokenTypes looked_at_;
  CallFinder calls_;
  RoutineBody body_;
  Recent recent_{nullptr};
  Current current_;
  uint32_t statements_ = 0;
  Kind kind_ = Kind::read;
  Cause cause_;
  bool plain_ = true;
  std::string_view verb_;
};

}  // namespace tl::sql
