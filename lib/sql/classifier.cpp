#include "classifier.hpp"

#include <algorithm>

#include "function_list.hpp"
#include "name_set.hpp"

namespace tl::sql {
namespace {

int strength(Kind kind) noexcept {
  switch (kind) {
    case Kind::read: return 0;
    case Kind::unknown: return 1;
    case Kind::write: return 2;
    case Kind::control: return 3;
  }
  return 1;
}

bool is_name_token(const Token& token) noexcept {
  return token.type == TokenType::word || token.type == TokenType::quoted;
}

bool is_in_quotes(const Token& token) noexcept {
  return token.type == TokenType::quoted || token.type == TokenType::string;
}

std::string_view without_quotes(std::string_view name) noexcept {
  const bool quoted = name.size() >= 2 && name.front() == '`';
  return quoted ? name.substr(1, name.size() - 2) : name;
}

}  // namespace

// The first that makes it this kind is the reason.
void Classifier::raise(Kind kind, Reason reason, std::string_view what) noexcept {
  if (strength(kind) <= strength(current_.verb.kind)) return;
  current_.verb.kind = kind;
  current_.cause.reason = reason;
  current_.cause.what = what;
}

// It leaves something in the session, too.
void Classifier::dirty(Kind kind, Reason reason, std::string_view what) noexcept {
  current_.verb.plain = false;
  raise(kind, reason, what);
}

bool Classifier::separates(const Token& token) const noexcept {
  if (token.type != TokenType::semicolon || body_.is_open()) return false;
  return current_.object != Object::rule || calls_.depth() == 0;  // DO ALSO (INSERT …; DELETE …)
}

void Classifier::take(const Recent& recent) {
  recent_ = recent;
  const Token& token = recent.at_hand();
  if (separates(token)) {
    end();
    return recent.forget();
  }
  if (!current_.begun && token.type != TokenType::open) begin(token);
  if (looks_at(token)) look(token);
  const std::string_view called = calls_.take(token, recent);
  if (!called.empty() && current_.verb.calls && !is_only_planned(called)) {
    dirty(Kind::unknown, token.type == TokenType::open ? Reason::calls : Reason::operates, called);
  }
}

// Beside keywords.
TokenTypes Classifier::types_looked_at(Dialect dialect) noexcept {
  using enum TokenType;
  constexpr TokenTypes always = set_of_types(quoted);
  switch (dialect) {
    case Dialect::sqlite: return always | set_of_types(string);
    case Dialect::postgresql: return always;
    case Dialect::mysql: return always | set_of_types(variable, assign);
  }
  return always;
}

TokenTypes Classifier::types_that_matter(Dialect dialect) noexcept {
  return set_of_types(TokenType::semicolon) | types_looked_at(dialect) | CallFinder::types_that_matter(dialect);
}

void Classifier::look(const Token& token) {
  current_.after_temp = false;
  if (current_.object == Object::routine) body_.take(token, recent_);
  name(token);
  if (token.type == TokenType::word && !recent_.follows_dot()) {
    word(token);
  } else {
    other_token(token);
  }
}

// PostgreSQL's EXPLAIN runs no function that is known to do something.
bool Classifier::is_only_planned(std::string_view function) const {
  return dialect_ == Dialect::postgresql && current_.first == Word::explain && !current_.analyzes &&
         !effect_of_function(function, dialect_).empty();
}

// MariaDB refuses to explain what it would refuse to run, so there it counts as if it were run.
void Classifier::begin(const Token& token) {
  const Word word = token.info.word();
  const bool mysql = dialect_ == Dialect::mysql;
  current_.begun = true;
  current_.first = word;
  current_.verb = find_verb(word, dialect_);
  current_.cause.verb = current_.cause.what = text_of(token);
  if (current_.verb.kind != Kind::read) current_.cause.reason = Reason::verb;
  current_.explains =
      word == Word::explain || word == Word::describe || word == Word::desc || (mysql && word == Word::analyze);
  current_.analyzes = mysql;
  current_.careful = word == Word::pragma || word == Word::show || word == Word::set;
  if (verb_.empty() && token.type == TokenType::word) verb_ = text_of(token);
}

void Classifier::settle_change() noexcept {
  if (!current_.pending_change.empty()) raise(Kind::write, Reason::contains, current_.pending_change);
  current_.pending_change = {};
}

void Classifier::end() {
  if (current_.begun) {
    settle_change();
    if (current_.first == Word::pragma) {
      const bool harmless = is_harmless_pragma(current_.pragma, current_.argument);
      current_.verb.kind = harmless ? Kind::read : Kind::unknown;
      current_.verb.plain = harmless;
      current_.cause.reason = harmless ? Reason::reads : Reason::pragma;
      current_.cause.what = current_.pragma;
    }
    statements_++;
    if (strength(current_.verb.kind) > strength(kind_)) {
      kind_ = current_.verb.kind;
      cause_ = current_.cause;
      cause_.statement = statements_;
    }
    plain_ = plain_ && current_.verb.plain;
  }
  current_ = {};
  calls_.clear();
  body_.clear();
}

void Classifier::word(const Token& token) {
  const Word word = token.info.word();
  settle_change();
  if (current_.first == Word::pragma) return pragma_token(token);
  const Word before = recent_.word(0);
  if (current_.first == Word::show && before == Word::show && dialect_ == Dialect::mysql) {
    if (shows_session(text_of(token))) raise(Kind::unknown, Reason::remembers, text_from(recent_.back(0), token));
  }
  if (word == Word::none) return;
  if (current_.explains) return explain_word(token);
  if (current_.verb.query) return query_word(token, word);
  if (current_.first == Word::create) return create_word(word);
  if (current_.first == Word::drop && word == Word::temp) current_.verb.plain = false;
  if (current_.first == Word::alter && (word == Word::default_ || word == Word::using_)) current_.verb.calls = true;
  if (word == Word::transaction && before == current_.first &&
      (before == Word::start || (before == Word::prepare && dialect_ == Dialect::postgresql))) {
    raise(Kind::control, Reason::verb, text_from(recent_.back(0), token));
    current_.verb.plain = before == Word::start;
  }
}

// The keyword that the token is, or would be without its quotes.
Word Classifier::name_of(const Token& token) const noexcept {
  if (!is_in_quotes(token)) return token.info.word();
  return find_word(text_.substr(token.begin + 1, token.end - token.begin - 2), dialect_).word();
}

// What a schema or table is called, in quotes or not: a change of pg_settings is one of the session's settings, and
// quotes hide no temporary schema.
void Classifier::name(const Token& token) {
  const Word name = name_of(token);
  if (name == Word::none) return;
  current_.after_temp = name == Word::temp && dialect_ == Dialect::sqlite;
  if (name == Word::pg_settings && current_.verb.kind == Kind::write) current_.verb.plain = false;
  if (name == Word::pragma_optimize && current_.verb.query) dirty(Kind::unknown, Reason::calls, text_of(token));
  if (!is_in_quotes(token) || (name != Word::temp && name != Word::pg_temp)) return;
  if (current_.verb.query) return query_word(token, name);
  if (current_.first == Word::create) create_word(name);
}

// A query that changes or locks something. PostgreSQL lets columns bear these names: taken for a write, they only miss
// a replica. Behind AS they are names.
void Classifier::query_word(const Token& token, Word word) {
  const Word before = recent_.word(0);
  if (before == Word::as) return;
  switch (word) {
    case Word::into:
      raise(Kind::write, Reason::keeps, text_of(token));
      if (dialect_ == Dialect::mysql) current_.verb.plain = false;  // it may set a variable
      break;
    case Word::temp:
    case Word::pg_temp:
      if (before == Word::into || recent_.word(1) == Word::into) current_.verb.plain = false;
      if (word == Word::pg_temp) raise(Kind::unknown, Reason::remembers, text_of(token));
      break;
    case Word::update:
      if (before == Word::for_ || before == Word::key) {
        raise(Kind::write, Reason::locks, text_from(recent_.back(0), token));
        break;
      }
      [[fallthrough]];
    case Word::delete_:
    case Word::merge: raise(Kind::write, Reason::contains, text_of(token)); break;
    case Word::insert:
    case Word::replace: current_.pending_change = text_of(token); break;
    case Word::share:
    case Word::no:
    case Word::key:
      if (before == Word::for_) raise(Kind::write, Reason::locks, text_from(recent_.back(0), token));
      break;
    case Word::in:
      if (before == Word::lock && dialect_ == Dialect::mysql) {
        raise(Kind::write, Reason::locks, text_from(recent_.back(0), token));
      }
      break;
    case Word::for_:
      if (before == Word::value && dialect_ == Dialect::mysql) value_for(token);
      break;
    default: break;
  }
}

// NEXT VALUE FOR and PREVIOUS VALUE FOR a sequence.
void Classifier::value_for(const Token& token) {
  const Token& which = recent_.back(1);
  if (which.info.word() == Word::next) dirty(Kind::write, Reason::sequence, text_from(which, token));
  if (which.info.word() == Word::previous) raise(Kind::unknown, Reason::remembers, text_from(which, token));
}

void Classifier::create_word(Word word) {
  Object object = Object::undecided;
  switch (word) {
    case Word::table:
    case Word::materialized: object = Object::rows; break;
    case Word::trigger:
    case Word::function:
    case Word::procedure:
    case Word::event: object = Object::routine; break;
    case Word::rule: object = Object::rule; break;
    case Word::view: object = Object::other; break;
    case Word::extension:
      object = Object::other;
      current_.verb.plain = false;
      break;
    case Word::temp:
    case Word::pg_temp:
      if (calls_.depth() == 0) current_.verb.plain = false;
      return;
    case Word::execute:
      if (current_.object == Object::rows) current_.verb.plain = false;
      return;
    case Word::select:
    case Word::values:
      if (current_.object == Object::rows && (word == Word::select || recent_.word(0) == Word::as))
        current_.verb.calls = true;
      return;
    default: return;
  }
  if (current_.object == Object::undecided) current_.object = object;
}

void Classifier::explain_word(const Token& token) {
  const Word word = token.info.word();
  switch (word) {
    case Word::analyze: current_.analyzes = true; return;
    case Word::select:
    case Word::values:
    case Word::table:
    case Word::with:
    case Word::insert:
    case Word::update:
    case Word::delete_:
    case Word::replace:
    case Word::merge:
    case Word::create:
    case Word::refresh:
    case Word::execute: break;
    default: return;
  }
  current_.explains = false;
  if (!current_.analyzes || (current_.first == Word::analyze && word == Word::table)) return;
  current_.verb = find_verb(word, dialect_);
  current_.cause.reason = current_.verb.kind == Kind::read ? Reason::reads : Reason::runs;
  current_.cause.what = text_of(token);
  current_.first = word;
}

void Classifier::other_token(const Token& token) {
  if (token.type == TokenType::open) current_.pending_change = {};
  settle_change();
  switch (token.type) {
    case TokenType::quoted:
      if (current_.explains) current_.analyzes = true;  // EXPLAIN ("analyze")
      break;
    case TokenType::dot:
      if (dialect_ == Dialect::sqlite && current_.verb.query && name_of(recent_.back(0)) == Word::temp) {
        raise(Kind::unknown, Reason::remembers, text_of(recent_.back(0)));
      }
      break;
    case TokenType::assign:
      if (dialect_ == Dialect::mysql && current_.verb.calls) dirty(Kind::unknown, Reason::assigns, text_of(token));
      break;
    default: break;
  }
  if (dialect_ == Dialect::mysql && current_.verb.query) variable_token(token);
  if (current_.first == Word::set && dialect_ == Dialect::mysql) set_token(token);
  if (current_.first == Word::pragma) pragma_token(token);
}

// @a, which is the session's, and of @@x and @@session.x those that tell what it did before.
void Classifier::variable_token(const Token& token) {
  std::string_view name;
  if (token.type == TokenType::variable) {
    name = text_of(token);
    current_.careful = true;  // @@session.x
    if (!name.starts_with("@@")) return raise(Kind::unknown, Reason::remembers, name);
    name.remove_prefix(2);
  } else if (is_name_token(token)) {
    const Token& before = recent_.back(recent_.follows_dot() ? 1 : 0);
    if (before.type == TokenType::variable) name = without_quotes(text_of(token));
  }
  if (is_of_session(name)) raise(Kind::unknown, Reason::remembers, name);
}

void Classifier::set_token(const Token& token) {
  const bool assigns = token.type == TokenType::equal || token.type == TokenType::assign;
  if (assigns && is_autocommit(recent_.back(0))) raise(Kind::control, Reason::verb, text_of(recent_.back(0)));
}

bool Classifier::is_autocommit(const Token& token) const noexcept {
  std::string_view name = text_of(token);
  while (!name.empty() && (name.front() == '@' || name.front() == '`')) name.remove_prefix(1);
  if (!name.empty() && name.back() == '`') name.remove_suffix(1);
  return equal_fold(name, "autocommit");
}

// PRAGMA name, PRAGMA schema.name, with (argument) or = argument.
void Classifier::pragma_token(const Token& token) {
  if (current_.argument) return;
  if (token.type == TokenType::open || token.type == TokenType::equal) current_.argument = true;
  if (is_name_token(token)) current_.pragma = text_of(token);
}

void Classifier::doubt_comment() noexcept {
  end();
  plain_ = false;
  if (kind_ != Kind::read) return;
  kind_ = Kind::unknown;
  cause_.reason = Reason::comment;
}

void Classifier::finish(Statement& statement) {
  end();
  statement.kind = kind_;
  statement.plain = plain_;
  statement.statements = statements_;
  statement.verb.resize(verb_.size());
  std::transform(verb_.begin(), verb_.end(), statement.verb.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
}

}  // namespace tl::sql
