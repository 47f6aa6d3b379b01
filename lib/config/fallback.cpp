// Which connection serves where another cannot.
#include <algorithm>

#include "templates.hpp"

namespace tl::config {
namespace {

bool holds(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "" : nothing.
std::string fault_of(const Connection& connection, const FallbackOf& fallback_of) {
  if (!fallback_of(connection.fallback)) return "names a connection that is not there";
  std::vector<std::string> way;
  for (std::string next = connection.fallback; !next.empty();) {
    if (next == connection.name) {
      std::string told = "leads back to its own connection";
      for (const std::string& by : way) told.append(&by == &way.front() ? ", by " : ", ").append('"' + by + '"');
      return told;
    }
    if (holds({way.begin(), way.end()}, next)) break;  // that is told of them
    way.push_back(next);
    next = fallback_of(next).value_or("");
  }
  return "";
}

// Where the connection, its template or the defaults say it.
Result<Origin> origin_of(const Base& base, const std::string& name, const Node& own, const Blame& blame) {
  auto said = over_template(base, name, own, blame);
  if (!said) return said.take_error();
  const Node* const found = said->find("fallback");
  return found == nullptr ? base.defaults.find("fallback")->origin : found->origin;
}

std::string_view meant(const Base& base, const Connection& connection) {
  std::vector<std::string_view> names;
  for (const auto& [name, node] : base.own) {
    if (name != connection.name) names.push_back(name);
  }
  return holds(names, connection.fallback) ? "" : nearest(connection.fallback, names);
}

}  // namespace

Result<void> check_fallback(const Base& base, const Connection& connection, const Node& own,
                            const FallbackOf& fallback_of, std::string_view source) {
  if (connection.fallback.empty()) return {};
  const std::string fault =
      connection.fallback == connection.name ? "names its own connection" : fault_of(connection, fallback_of);
  if (fault.empty()) return {};
  const Blame blame{source};
  auto origin = origin_of(base, connection.name, own, blame);
  if (!origin) return origin.take_error();
  return blame.at(*origin, "connections." + connection.name + ".fallback", fault, meant(base, connection));
}

}  // namespace tl::config
