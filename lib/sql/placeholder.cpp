#include "placeholder.hpp"

#include <charconv>

namespace tl::sql {
namespace {

constexpr std::string_view operator_hint = "; the operator ? is written \?\?";
constexpr uint32_t most_parameters = 65535;  // what PostgreSQL's and MySQL's protocols can count

std::string_view dialect_name(Dialect dialect) noexcept {
  switch (dialect) {
    case Dialect::sqlite: return "SQLite";
    case Dialect::postgresql: return "PostgreSQL";
    case Dialect::mysql: return "MySQL";
  }
  return "";
}

std::string_view style_name(Style style) noexcept {
  switch (style) {
    case Style::none: return "no";
    case Style::question: return "?";
    case Style::dollar: return "$1";
    case Style::named: return ":name";
  }
  return "";
}

Failure misuse(std::string message) { return fail(Status::misuse, std::move(message)); }

std::string quoted(std::string_view text) {
  constexpr size_t most = 60;
  return "\"" + std::string(text.substr(0, most)) + (text.size() > most ? "…\"" : "\"");
}

bool is_placeholder(TokenType type) noexcept {
  return type == TokenType::question || type == TokenType::dollar || type == TokenType::named;
}

// Whether the token at hand is the last of "= ANY (?)" or "<> ALL (?)".
bool ends_list(const Recent& recent) noexcept {
  if (recent.at_hand().type != TokenType::close || !is_placeholder(recent.back(0).type)) return false;
  if (recent.back(1).type != TokenType::open || recent.back(2).type != TokenType::word) return false;
  const Word word = recent.word(2);
  switch (recent.back(3).type) {
    case TokenType::equal: return word == Word::any || word == Word::some;
    case TokenType::unequal: return word == Word::all;
    default: return false;
  }
}

}  // namespace

// Placeholders, and what may stand around them.
TokenTypes Placeholders::types_that_matter(Dialect dialect) noexcept {
  using enum TokenType;
  constexpr TokenTypes always = set_of_types(question, escaped_question, dollar, named, foreign);
  return always | (dialect == Dialect::postgresql ? set_of_types(open, close, open_bracket, close_bracket)
                                                  : set_of_types(close));
}

Failure Placeholders::look(const Recent& recent, Lexer& lexer) {
  const Token& token = recent.at_hand();
  Failure failure;
  switch (token.type) {
    case TokenType::close:
      close_bracket();
      if (dialect_ != Dialect::postgresql && ends_list(recent)) write_list(recent);
      break;
    case TokenType::open_bracket: subscripts_.push_back(++depth_); break;
    case TokenType::close_bracket: close_bracket(); break;
    case TokenType::question: failure = question(token); break;
    case TokenType::escaped_question: failure = escaped_question(token); break;
    case TokenType::dollar: failure = dollar(token); break;
    case TokenType::named: failure = colon_name(token, recent, lexer); break;
    case TokenType::foreign:
      failure =
          misuse(quoted(text_of(token)) + " is not a placeholder here: write ?, or :name where the values have names");
      break;
    default: break;
  }
  if (failure == nullptr && is_placeholder(token.type) && token.in_some_servers) {
    failure = misuse("a placeholder inside a comment that only some servers execute: " + quoted(text_of(token)));
  }
  return failure;
}

// A question mark among the other placeholders may be meant as an operator.
Failure Placeholders::use(Style style, const Token& token) {
  const Style before = named_ ? Style::named : style_;
  if (before == Style::none || before == style) {
    style_ = style;
    return nullptr;
  }
  std::string message = "the statement mixes ";
  message.append(style_name(before)).append(" and ").append(style_name(style)).append(" placeholders");
  if (named_) message += ": the call names its values, but the statement has " + quoted(text_of(token));
  const bool question = before == Style::question || style == Style::question;
  if (question && dialect_ == Dialect::postgresql) message += operator_hint;
  return misuse(std::move(message));
}

Failure Placeholders::too_many() const {
  return misuse("the statement has more than " + std::to_string(most_parameters) + " parameters");
}

Failure Placeholders::question(const Token& token) {
  if (token.end < text_.size() && text_[token.end] >= '0' && text_[token.end] <= '9') {
    return misuse(quoted(text_.substr(token.begin, 2)) +
                  " is not a placeholder here: write ? for each value in order, or :name where the values have names");
  }
  if (Failure failure = use(Style::question, token)) return failure;
  if (parameters_ == most_parameters) return too_many();
  write(token, ++parameters_);
  return nullptr;
}

Failure Placeholders::escaped_question(const Token& token) {
  if (dialect_ != Dialect::postgresql) {
    return misuse("?? is PostgreSQL's operator ?, which " + std::string(dialect_name(dialect_)) + " does not have");
  }
  replace(token.begin, token.end, "?");
  return nullptr;
}

Failure Placeholders::dollar(const Token& token) {
  if (dialect_ != Dialect::postgresql) {
    return misuse(quoted(text_of(token)) +
                  " is a placeholder on PostgreSQL only: write ?, or :name where the values have names");
  }
  if (Failure failure = use(Style::dollar, token)) return failure;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text_.data() + token.begin + 1, text_.data() + token.end, number);
  if (error != std::errc() || number > most_parameters) return too_many();
  if (number == 0) return misuse("$0 is not a placeholder: the first is $1");
  parameters_ = std::max(parameters_, number);
  return nullptr;
}

// Behind a value a colon is an operator: a[1:n], json_object('key':value), a label. SQLite has none of these.
bool Placeholders::separates(const Token& before) const noexcept {
  const bool subscript = !subscripts_.empty() && subscripts_.back() == depth_;
  switch (before.type) {
    case TokenType::string:
    case TokenType::number:
    case TokenType::quoted:
    case TokenType::close_bracket: return dialect_ != Dialect::sqlite;
    case TokenType::word:
      return dialect_ != Dialect::sqlite && before.info.word() == Word::none && (subscript || !named_);
    case TokenType::close:
    case TokenType::question:
    case TokenType::dollar:
    case TokenType::named: return subscript;
    default: return false;
  }
}

Failure Placeholders::colon_name(const Token& token, const Recent& recent, Lexer& lexer) {
  if (separates(recent.back(0))) {
    lexer.resume_at(token.begin + 1);
    return nullptr;
  }
  if (!named_) {
    if (style_ != Style::none) return use(Style::named, token);
    return misuse(quoted(text_of(token)) + " is a placeholder only in a call that names every value");
  }
  if (Failure failure = use(Style::named, token)) return failure;
  const uint32_t number = number_of(text_of(token).substr(1));
  if (number > most_parameters) return too_many();
  write(token, number);
  return nullptr;
}

uint32_t Placeholders::number_of(std::string_view name) {
  if (dialect_ != Dialect::mysql) {
    const auto [known, fresh] = numbers_.try_emplace(name, parameters_ + 1);
    if (!fresh) return known->second;
  }
  names_.emplace_back(name);
  return ++parameters_;
}

void Placeholders::write(const Token& token, uint32_t number) {
  last_ = {number, native_.size(), copied_};
  if (dialect_ == Dialect::mysql) return replace(token.begin, token.end, "?");
  replace(token.begin, token.end, (dialect_ == Dialect::sqlite ? "?" : "$") + std::to_string(number));
}

// What stood apart from its neighbours in the text still does.
void Placeholders::replace(size_t begin, size_t end, std::string_view with) {
  if (native_.empty()) native_.reserve(text_.size() + text_.size() / 8 + 32);
  native_ += text_.substr(copied_, begin - copied_);
  if (begin > 0 && is_identifier(text_[begin - 1]) && is_identifier(with.front())) native_ += ' ';
  native_ += with;
  if (end < text_.size() && is_identifier(text_[end]) && is_identifier(with.back())) native_ += ' ';
  copied_ = end;
}

void Placeholders::close_bracket() {
  if (!subscripts_.empty() && subscripts_.back() == depth_) subscripts_.pop_back();
  if (depth_ > 0) depth_--;
}

// A list reaches SQLite as JSON text: "= ANY (?)" becomes "IN (SELECT value FROM json_each(?1))". For MySQL it becomes
// "IN (?)", and the driver writes as many "?" as the list is long.
void Placeholders::write_list(const Recent& recent) {
  const Token& compared = recent.back(3);
  const size_t end = recent.at_hand().end;
  const std::string in = compared.type == TokenType::equal ? "IN" : "NOT IN";
  native_.resize(last_.native);
  copied_ = last_.copied;
  if (dialect_ == Dialect::mysql) {
    replace(compared.begin, end, in + " (?)");
    lists_.push_back({last_.number - 1, native_.size() - 2});
  } else {
    replace(compared.begin, end, in + " (SELECT value FROM json_each(?" + std::to_string(last_.number) + "))");
  }
}

void Placeholders::finish(Statement& statement) {
  native_ += text_.substr(copied_);
  statement.native = std::move(native_);
  statement.style = style_;
  statement.parameters = parameters_;
  statement.names = std::move(names_);
  statement.lists = std::move(lists_);
}

}  // namespace tl::sql
