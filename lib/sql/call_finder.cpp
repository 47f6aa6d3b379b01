#include "call_finder.hpp"

#include "function_list.hpp"
#include "name_set.hpp"
#include "operator_list.hpp"

namespace tl::sql {

// Only PostgreSQL has operators that are not harmless.
TokenTypes CallFinder::types_that_matter(Dialect dialect) noexcept {
  using enum TokenType;
  constexpr TokenTypes always = set_of_types(open, close);
  return dialect == Dialect::postgresql ? always | set_of_types(other, equal, unequal, escaped_question) : always;
}

void CallFinder::clear() noexcept {
  clause_ = Clause::start;
  outer_.clear();
}

std::string_view CallFinder::look(const Token& token, const Recent& recent) {
  switch (token.type) {
    case TokenType::word:
      if (names_operator_ && is_foreign(token, recent)) return text_.substr(token.begin, token.end - token.begin);
      follow(token, recent);
      return {};
    case TokenType::open: return open(recent) == Meaning::unknown ? called(recent) : std::string_view();
    case TokenType::close:
      names_operator_ = false;
      if (!outer_.empty()) {
        clause_ = static_cast<Clause>(outer_.back());
        outer_.pop_back();
      }
      return {};
    case TokenType::quoted:
      if (names_operator_ && is_foreign(token, recent)) return text_.substr(token.begin, token.end - token.begin);
      return {};
    case TokenType::string:
    case TokenType::dot: return {};
    default:
      if (clause_ == Clause::name) clause_ = Clause::target;
      return operation(token);
  }
}

// With its schema.
std::string_view CallFinder::called(const Recent& recent) const noexcept {
  const Token& name = recent.back(0);
  const bool qualified = recent.back(1).type == TokenType::dot && recent.back(2).type != TokenType::end;
  const size_t begin = qualified ? recent.back(2).begin : name.begin;
  return text_.substr(begin, name.end - begin);
}

std::string_view CallFinder::operation(const Token& token) noexcept {
  if (dialect_ != Dialect::postgresql || token.begin < behind_operator_) return {};
  switch (token.type) {
    case TokenType::other:
    case TokenType::equal:
    case TokenType::unequal:
    case TokenType::escaped_question: break;
    default: return {};
  }
  const Operator found = find_operator(text_, token.begin);
  behind_operator_ = token.begin + found.length;
  return found.harmless ? std::string_view() : text_.substr(token.begin, found.length);
}

// OPERATOR(pg_catalog.+) is the server's own; in any other schema it may be anybody's.
bool CallFinder::is_foreign(const Token& schema, const Recent& recent) noexcept {
  return recent.back(0).type != TokenType::open || schema.info.word() != Word::pg_catalog;
}

void CallFinder::follow(const Token& token, const Recent& recent) noexcept {
  if (recent.follows_dot()) return;
  const bool within = clause_ != Clause::start;
  switch (token.info.word()) {
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
    case Word::operator_:  // so this is no list of tables, and what follows has no alias
      if (clause_ == Clause::from) clause_ = Clause::expression;
      break;
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
    case Word::group:
      if (within) clause_ = Clause::grouping;
      break;
    case Word::where:
    case Word::on:
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
      if (clause_ == Clause::name && token.info.syntax()) clause_ = Clause::target;
  }
}

CallFinder::Meaning CallFinder::open(const Recent& recent) {
  const Meaning found = meaning(recent);
  if (clause_ == Clause::name) clause_ = Clause::target;
  const bool tables = clause_ == Clause::from && found == Meaning::grammar;
  const bool sets = clause_ == Clause::grouping && recent.word(0) == Word::sets;
  outer_ += static_cast<char>(clause_);
  names_operator_ = recent.word(0) == Word::operator_;
  clause_ = tables || sets ? clause_ : Clause::start;
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
    if (!is_in_system_schema(recent)) return Meaning::unknown;
  } else {
    if (word.info.syntax() && is_grammar(recent)) return Meaning::grammar;
    if (word.info.word() == Word::rollup && is_grouping(recent)) return Meaning::grammar;
    if (word.info.word() == Word::columns && recent.back(1).type == TokenType::string) return Meaning::grammar;
    const bool after_call = recent.back(1).type == TokenType::close || recent.word(1) == Word::nulls;
    if (after_call && (word.info.word() == Word::over || word.info.word() == Word::filter)) return Meaning::grammar;
  }
  const std::string_view name = text_.substr(word.begin, word.end - word.begin);
  return is_harmless_function(name, dialect_) ? Meaning::harmless : Meaning::unknown;
}

// Whether nobody else has functions in the schema before the name.
bool CallFinder::is_in_system_schema(const Recent& recent) const noexcept {
  if (dialect_ != Dialect::postgresql || recent.back(3).type == TokenType::dot) return false;
  const Token& schema = recent.back(2);
  return schema.info.word() == Word::pg_catalog ||
         equal_fold(text_.substr(schema.begin, schema.end - schema.begin), "information_schema");
}

// Whether ROLLUP or CUBE is an item of GROUP BY, and not in an expression there.
bool CallFinder::is_grouping(const Recent& recent) const noexcept {
  if (clause_ != Clause::grouping) return false;
  const Token& before = recent.back(1);
  return before.type == TokenType::comma || before.type == TokenType::open || recent.word(2) == Word::group ||
         before.info.word() == Word::distinct || before.info.word() == Word::all;
}

// PostgreSQL lets functions bear the names of these, so there they are grammar in their own places only.
bool CallFinder::is_grammar(const Recent& recent) const noexcept {
  if (dialect_ != Dialect::postgresql) return true;
  const Token& before = recent.back(1);
  switch (recent.word(0)) {
    case Word::copy:
    case Word::explain: return before.type == TokenType::end;
    case Word::insert: return before.info.word() == Word::then;  // of MERGE
    case Word::set:
      return before.type == TokenType::quoted || before.info.word() == Word::update ||
             (before.type == TokenType::word && before.info.word() == Word::none);
    default: return true;
  }
}

// Whether the word or quoted identifier before "(" names a table, an alias or a type.
bool CallFinder::is_name(const Recent& recent) const noexcept {
  const Token& name = recent.back(0);
  const Token& before = recent.back(1);
  if (clause_ == Clause::name) return !name.info.syntax();
  if (name.info.syntax() || before.type == TokenType::dot) return false;
  if (before.type == TokenType::cast || before.info.word() == Word::as) return true;
  if (clause_ == Clause::with) {
    return before.info.word() == Word::with || before.info.word() == Word::recursive || before.type == TokenType::comma;
  }
  if (clause_ != Clause::from) return false;
  return before.type == TokenType::quoted || before.type == TokenType::close ||
         (before.type == TokenType::word && before.info.word() == Word::none);
}

}  // namespace tl::sql
