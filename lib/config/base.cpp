#include "base.hpp"

#include <algorithm>

#include "utf8.hpp"

namespace tl::config {
namespace {

void sign_node(Node& node, std::string_view file) {
  node.origin.file = file;
  for (auto& [name, value] : node.members) sign_node(value, file);
  for (Node& item : node.items) sign_node(item, file);
}

Result<void> check_name(std::string_view name, const Blame& blame) {
  if (name.empty()) return blame.at({}, "", "the name of a connection cannot be empty");
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return blame.at({}, "", "the name of a connection holds a control character");
  }
  if (!is_utf8(name.data(), name.size())) return blame.at({}, "", "the name of a connection is not valid UTF-8");
  return {};
}

// Sizes the pools in `autos`, which are of the only connection of `made`, as if it stood in the file.
Result<void> apply_base_budget(const Base& base, const std::vector<Auto>& autos, const Blame& blame, Config& made) {
  if (autos.empty()) return {};
  Config all;
  all.connections = base.connections;
  all.connections.push_back(std::move(made.connections.front()));
  std::vector<Auto> all_autos = base.autos;
  for (const Auto& own : autos) all_autos.push_back({base.connections.size(), own.replica, own.origin});
  const size_t rows = made.settings.size();
  all.settings = std::move(made.settings);
  if (Result<void> done = apply_budget(base.budget ? &*base.budget : nullptr, all_autos, blame, all); !done) {
    return done;
  }
  all.settings.resize(rows);  // without the budget's own
  made.settings = std::move(all.settings);
  made.connections.front() = std::move(all.connections.back());
  return {};
}

}  // namespace

void Base::sign() {
  sign_node(defaults, source);
  for (auto* const all : {&environment, &overrides}) {
    for (auto& [name, node] : *all) sign_node(node, source);
  }
  if (budget) sign_node(*budget, source);
  for (Auto& pool : autos) pool.origin.file = source;
}

Result<void> build_over(const Base& base, const std::string& name, const Node& own, const Blame& blame, Config& config,
                        std::vector<Auto>& autos) {
  Node settings = base.defaults;
  if (const auto driver = driver_of(own, &base.variables)) drop_foreign(settings, *driver);
  lay_over(settings, own, base.variables);
  settings.origin = own.origin;
  if (Result<void> done = expand(settings, base.variables, blame, "connections." + name); !done) return done;
  return build_connection(name, std::move(settings), blame, base.surroundings.folder, config, autos);
}

void put_in_order(std::vector<Setting>& settings) {
  std::stable_sort(settings.begin(), settings.end(),
                   [](const Setting& a, const Setting& b) { return a.path < b.path; });
  const auto twice = [](const Setting& a, const Setting& b) { return a.path == b.path; };
  settings.erase(std::unique(settings.begin(), settings.end(), twice), settings.end());
}

Result<Added> parse_connection(const Base& base, std::string_view name, std::string_view toml,
                               std::string_view source) {
  const Blame blame{source};
  if (Result<void> fine = check_name(name, blame); !fine) return fine.take_error();
  auto written = read_toml(toml, source);
  if (!written) return written.take_error();
  const std::string own_name(name);
  auto own = normalise(*written, blame, "connections." + own_name);
  if (!own) return own.take_error();
  for (const auto* const over : {&base.environment, &base.overrides}) {
    if (const auto said = over->find(name); said != over->end()) lay_over(*own, said->second, base.variables);
  }
  Config made;
  std::vector<Auto> autos;
  if (Result<void> done = build_over(base, own_name, *own, blame, made, autos); !done) return done.take_error();
  if (Result<void> done = apply_base_budget(base, autos, blame, made); !done) return done.take_error();
  put_in_order(made.settings);
  // What the file's own settings have no effect in has been told when it was read.
  const std::string mine = std::string(source) + ':';
  std::erase_if(made.warnings, [&](const std::string& warning) { return !warning.starts_with(mine); });
  return Added{std::move(made.connections.front()), std::move(made.settings), std::move(made.warnings)};
}

}  // namespace tl::config
