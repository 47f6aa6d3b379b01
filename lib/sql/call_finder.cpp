#include "call_finder.hpp"

#include "function_list.hpp"

namespace tl::sql {

void CallFinder::clear() noexcept {
  clause_ = Clause::start;
  outer_.clear();
}

bool CallFinder::take(const Token& token, const Recent& recent) {
  switch (token.type) {
    case TokenType::word: follow(token, recent); return false;
    case TokenType::open: return open(recent) == Meaning::unknown;
    case TokenType::close:
      if (!outer_.empty()) {
        clause_ = static_cast<Clause>(outer_.back());
        outer_.pop_back();
      }
      return false;
    case TokenType::quoted:
    case TokenType::string:
    case TokenType::dot: return false;
    default:
      if (clause_ == Clause::name) clause_ = Clause::target;
      return false;
  }
}

void CallFinder::follow(const Token& token, const Recent& recent) noexcept {
  if (recent.follows_dot()) return;
  const bool within = clause_ != Clause::start;
  switch (token.info.word) {
    case Word::select:
    case Word::values:
    case Word::update:
    case Word::delete_: clause_ = Clause::expression; break;
    case Word::insert:
    case Word::replace:
    case Word::copy:
      if (!within) clause_ = Clause::name;
      break;
    case Word::into: clause_ = Clause::name; break;
    case Word::table: break;  // INTO TABLE t (…)
    case Word::join: clause_ = Clause::from; break;
    case Word::from:
      if (within && recent.word(0) != Word::distinct) clause_ = Clause::from;
      break;
    case Word::using_:
      if (within) clause_ = Clause::from;
      break;
    case Word::with:
      if (clause_ < Clause::from || recent.back(0).type == TokenType::open) clause_ = Clause::with;
      break;
    case Word::where:
    case Word::on:
    case Word::group:
    case Word::having:
    case Word::order:
    case Word::limit:
    case Word::offset:
    case Word::window:
    case Word::set:
    case Word::returning:
    case Word::fetch:
    case Word::setop:
      if (within) clause_ = Clause::expression;
      break;
    default:
      if (clause_ == Clause::name && token.info.syntax) clause_ = Clause::target;
  }
}

CallFinder::Meaning CallFinder::open(const Recent& recent) {
  const Meaning found = meaning(recent);
  if (clause_ == Clause::name) clause_ = Clause::target;
  const bool tables = clause_ == Clause::from && found == Meaning::grammar;
  outer_ += static_cast<char>(clause_);
  clause_ = tables ? Clause::from : Clause::start;
  return found;
}

CallFinder::Meaning CallFinder::meaning(const Recent& recent) const noexcept {
  const Token& before = recent.back(0);
  switch (before.type) {
    case TokenType::word: return meaning_of_word(recent);
    case TokenType::quoted: return is_name(recent) ? Meaning::name : Meaning::unknown;
    case TokenType::string:  // with ANSI_QUOTES this is an identifier
      return dialect_ == Dialect::mysql && text_[before.begin] == '"' ? Meaning::unknown : Meaning::grammar;
    default: return Meaning::grammar;
  }
}

CallFinder::Meaning CallFinder::meaning_of_word(const Recent& recent) const noexcept {
  const Token& word = recent.back(0);
  if (is_name(recent)) return Meaning::name;
  if (recent.back(1).type == TokenType::dot) {
    const bool built_in =
        dialect_ == Dialect::postgresql && recent.word(2) == Word::pg_catalog && recent.back(3).type != TokenType::dot;
    if (!built_in) return Meaning::unknown;
  } else {
    if (word.info.syntax) return Meaning::grammar;
    const bool after_call = recent.back(1).type == TokenType::close || recent.word(1) == Word::nulls;
    if (after_call && (word.info.word == Word::over || word.info.word == Word::filter)) return Meaning::grammar;
  }
  return is_harmless_function(text_.substr(word.begin, word.end - word.begin), dialect_) ? Meaning::harmless
                                                                                         : Meaning::unknown;
}

// Whether the word or quoted identifier before "(" names a table, an alias or a type.
bool CallFinder::is_name(const Recent& recent) const noexcept {
  const Token& name = recent.back(0);
  const Token& before = recent.back(1);
  if (clause_ == Clause::name) return !name.info.syntax;
  if (name.info.syntax || before.type == TokenType::dot) return false;
  if (before.type == TokenType::cast || before.info.word == Word::as) return true;
  if (clause_ == Clause::with) {
    return before.info.word == Word::with || before.info.word == Word::recursive || before.type == TokenType::comma;
  }
  if (clause_ != Clause::from) return false;
  return before.type == TokenType::quoted || before.type == TokenType::close ||
         (before.type == TokenType::word && before.info.word == Word::none);
}

}  // namespace tl::sql
