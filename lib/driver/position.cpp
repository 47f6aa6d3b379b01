#include "position.hpp"

#include <algorithm>
#include <charconv>

namespace tl::driver {
namespace {

const Position::Mark* find(const Position& position, uint32_t domain) noexcept {
  const auto at = std::find_if(position.marks.begin(), position.marks.end(),
                               [domain](const Position::Mark& mark) { return mark.domain == domain; });
  return at == position.marks.end() ? nullptr : &*at;
}

bool same_line(const Position& a, const Position& b) noexcept {
  return a.kind == b.kind && a.system == b.system && a.timeline == b.timeline;
}

Failure no_token(std::string_view token) {
  constexpr size_t most_shown = 40;
  return fail(Status::misuse, "\"" + std::string(token.substr(0, most_shown)) + "\" is no consistency token");
}

// Takes a number, and the separator that follows it ('\0': the end), off the text.
template <class Number>
bool take(std::string_view& text, Number& number, int base, char separator) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (separator == '\0') return text.empty();
  if (text.empty() || text.front() != separator) return false;
  text.remove_prefix(1);
  return true;
}

std::string hexadecimal(uint64_t number) {
  char text[16];
  const auto end = std::to_chars(text, text + sizeof text, number, 16).ptr;
  return {text, end};
}

constexpr std::string_view postgresql_prefix = "pg-";
constexpr std::string_view mariadb_prefix = "my-";

}  // namespace

Standing standing(const Position& have, const Position& wanted) noexcept {
  if (wanted.empty()) return Standing::there;
  if (have.kind != wanted.kind || have.system != wanted.system) return Standing::foreign;
  if (have.timeline != wanted.timeline) return Standing::other;
  for (const Position::Mark& mark : wanted.marks) {
    const Position::Mark* const own = find(have, mark.domain);
    if (own == nullptr || own->at < mark.at) return Standing::behind;
  }
  return Standing::there;
}

void take_later(Position& into, const Position& other) {
  if (other.empty()) return;
  if (!same_line(into, other)) {
    into = other;
    return;
  }
  for (const Position::Mark& mark : other.marks) {
    const auto at = std::lower_bound(into.marks.begin(), into.marks.end(), mark.domain,
                                     [](const Position::Mark& own, uint32_t domain) { return own.domain < domain; });
    if (at == into.marks.end() || at->domain != mark.domain) {
      into.marks.insert(at, mark);
    } else if (at->at < mark.at) {
      *at = mark;
    }
  }
}

std::string token_of(const Position& position) {
  if (position.empty()) return "";
  if (position.kind == Position::Kind::postgresql) {
    return std::string(postgresql_prefix) + std::to_string(position.system) + '-' + std::to_string(position.timeline) +
           '-' + hexadecimal(position.marks.front().at);
  }
  std::string text(mariadb_prefix);
  for (const Position::Mark& mark : position.marks) {
    if (text.size() > mariadb_prefix.size()) text += '_';
    text += std::to_string(mark.domain) + '.' + std::to_string(mark.server) + '.' + std::to_string(mark.at);
  }
  return text;
}

Result<Position> read_token(std::string_view token) {
  Position position;
  if (token.empty()) return position;
  std::string_view rest = token;
  if (rest.starts_with(postgresql_prefix)) {
    rest.remove_prefix(postgresql_prefix.size());
    Position::Mark mark;
    position.kind = Position::Kind::postgresql;
    if (!take(rest, position.system, 10, '-') || !take(rest, position.timeline, 10, '-') ||
        !take(rest, mark.at, 16, '\0')) {
      return no_token(token);
    }
    position.marks.push_back(mark);
    return position;
  }
  if (!rest.starts_with(mariadb_prefix)) return no_token(token);
  rest.remove_prefix(mariadb_prefix.size());
  position.kind = Position::Kind::mariadb;
  for (bool more = true; more;) {
    more = rest.find('_') != std::string_view::npos;
    Position::Mark mark;
    if (!take(rest, mark.domain, 10, '.') || !take(rest, mark.server, 10, '.') ||
        !take(rest, mark.at, 10, more ? '_' : '\0')) {
      return no_token(token);
    }
    if (!position.marks.empty() && position.marks.back().domain >= mark.domain) return no_token(token);
    position.marks.push_back(mark);
  }
  return position;
}

}  // namespace tl::driver
