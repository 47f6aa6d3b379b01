#include "classifier.hpp"

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

Kind stronger(Kind a, Kind b) noexcept { return strength(a) < strength(b) ? b : a; }

}  // namespace

void Classifier::raise(Kind kind) noexcept { current_.verb.kind = stronger(current_.verb.kind, kind); }

bool Classifier::separates(const Token& token) const noexcept {
  if (token.type != TokenType::semicolon || body_.is_open()) return false;
  return current_.object != Object::rule || calls_.depth() == 0;  // DO ALSO (INSERT …; DELETE …)
}

void Classifier::take(const Token& token) {
  if (separates(token)) return end();
  if (!current_.begun && token.type != TokenType::open) begin(token);
  if (current_.object == Object::routine) body_.take(token, recent_);
  name(token);
  if (token.type == TokenType::word && !recent_.follows_dot()) {
    word(token);
  } else {
    other_token(token);
  }
  if (calls_.take(token, recent_) && current_.verb.calls) {
    current_.verb.plain = false;
    raise(Kind::unknown);
  }
  recent_.push(token);
}

void Classifier::begin(const Token& token) {
  current_.begun = true;
  current_.first = token.info.word;
  current_.verb = find_verb(token.info.word, dialect_);
  current_.explains =
      token.info.word == Word::explain || token.info.word == Word::describe || token.info.word == Word::desc;
  if (verb_.empty() && token.type == TokenType::word) verb_ = text_of(token);
}

void Classifier::end() {
  if (current_.begun) {
    if (current_.pending_change) raise(Kind::write);
    if (current_.first == Word::pragma && is_harmless_pragma(current_.pragma, current_.argument)) {
      current_.verb.kind = Kind::read;
      current_.verb.plain = true;
    }
    statements_++;
    kind_ = stronger(kind_, current_.verb.kind);
    plain_ = plain_ && current_.verb.plain;
  }
  current_ = {};
  calls_.clear();
  body_.clear();
  recent_.clear();
}

void Classifier::word(const Token& token) {
  const Word word = token.info.word;
  if (current_.pending_change) raise(Kind::write);
  current_.pending_change = false;
  if (current_.first == Word::pragma) return pragma_token(token);
  if (word == Word::none) return;
  const Word before = recent_.word(0);
  if (current_.explains) return explain_word(word);
  if (current_.verb.query) return query_word(word);
  if (current_.first == Word::create) return create_word(word);
  if (current_.first == Word::drop && word == Word::temp) current_.verb.plain = false;
  if (current_.first == Word::alter && (word == Word::default_ || word == Word::using_)) current_.verb.calls = true;
  if (word == Word::transaction && before == current_.first &&
      (before == Word::start || (before == Word::prepare && dialect_ == Dialect::postgresql))) {
    current_.verb.kind = Kind::control;
    current_.verb.plain = before == Word::start;
  }
}

// What a schema or table is called, in quotes or not: a change of pg_settings is one of the session's settings, and
// quotes hide no temporary schema.
void Classifier::name(const Token& token) {
  Word name = token.info.word;
  const bool in_quotes = token.type == TokenType::quoted || token.type == TokenType::string;
  if (in_quotes) name = find_word(text_.substr(token.begin + 1, token.end - token.begin - 2), dialect_).word;
  if (name == Word::pg_settings && current_.verb.kind == Kind::write) current_.verb.plain = false;
  if (!in_quotes || (name != Word::temp && name != Word::pg_temp)) return;
  if (current_.verb.query) return query_word(name);
  if (current_.first == Word::create) create_word(name);
}

// A query that changes or locks something. PostgreSQL lets columns bear these names: taken for a write, they only miss
// a replica.
void Classifier::query_word(Word word) {
  const Word before = recent_.word(0);
  switch (word) {
    case Word::into:
      raise(Kind::write);
      if (dialect_ == Dialect::mysql) current_.verb.plain = false;  // it may set a variable
      break;
    case Word::temp:
    case Word::pg_temp:
      if (before == Word::into || recent_.word(1) == Word::into) current_.verb.plain = false;
      break;
    case Word::update:
    case Word::delete_:
    case Word::merge: raise(Kind::write); break;
    case Word::insert:
    case Word::replace: current_.pending_change = true; break;
    case Word::share:
    case Word::no:
    case Word::key:
      if (before == Word::for_) raise(Kind::write);
      break;
    case Word::in:
      if (before == Word::lock && dialect_ == Dialect::mysql) raise(Kind::write);
      break;
    default: break;
  }
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

void Classifier::explain_word(Word word) {
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
  if (current_.analyzes) {
    current_.verb = find_verb(word, dialect_);
    current_.first = word;
  }
}

void Classifier::other_token(const Token& token) {
  if (current_.pending_change && token.type != TokenType::open) raise(Kind::write);
  current_.pending_change = false;
  if (current_.first == Word::set && dialect_ == Dialect::mysql) set_token(token);
  if (current_.first == Word::pragma) pragma_token(token);
  if (token.type == TokenType::assign && dialect_ == Dialect::mysql && current_.verb.calls) {
    current_.verb.plain = false;
    raise(Kind::unknown);
  }
}

void Classifier::set_token(const Token& token) {
  const bool assigns = token.type == TokenType::equal || token.type == TokenType::assign;
  if (assigns && is_autocommit(recent_.back(0))) current_.verb.kind = Kind::control;
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
  if (token.type == TokenType::word || token.type == TokenType::quoted) current_.pragma = text_of(token);
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
