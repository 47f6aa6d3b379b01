#include "base.hpp"

#include <algorithm>

#include "templates.hpp"
#include "utf8.hpp"

namespace tl::config {
namespace {

Result<void> check_name(std::string_view name, const Blame& blame) {
  if (name.empty()) return blame.at({}, "", "the name of a connection cannot be empty");
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return blame.at({}, "", "the name of a connection holds a control character");
  }
  if (!is_utf8(name.data(), name.size())) return blame.at({}, "", "the name of a connection is not valid UTF-8");
  return {};
}

// Sizes the pools in `autos`, which are of the only connection of `made`, as if it stood in the file: in the place of
// the one that has its name there.
Result<void> apply_base_budget(const Base& base, const std::vector<Auto>& autos, const Blame& blame, Config& made) {
  if (autos.empty()) return {};
  Config all;
  all.connections = base.connections;
  const auto place = std::find_if(all.connections.begin(), all.connections.end(), [&](const Connection& connection) {
    return connection.name == made.connections.front().name;
  });
  const auto at = static_cast<size_t>(place - all.connections.begin());
  if (place == all.connections.end()) all.connections.emplace_back();
  all.connections[at] = std::move(made.connections.front());
  std::vector<Auto> all_autos = base.autos;
  std::erase_if(all_autos, [at](const Auto& pool) { return pool.connection == at; });
  for (const Auto& own : autos) all_autos.push_back({at, own.replica, own.origin});
  const size_t rows = made.settings.size();
  all.settings = std::move(made.settings);
  if (Result<void> done = apply_budget(base.budget ? &*base.budget : nullptr, all_autos, blame, all); !done) {
    return done;
  }
  all.settings.resize(rows);  // without the budget's own
  made.settings = std::move(all.settings);
  made.connections.front() = std::move(all.connections[at]);
  return {};
}

// An entry of `replicas.read` that is the name of another connection of the file: what that says of its address and its
// pool stands for it.
Result<void> find_replica(const Base& base, const std::string& name, size_t position, Node& entry, const Blame& blame) {
  const std::string path = "connections." + name + ".replicas.read." + std::to_string(position);
  const auto other = base.own.find(entry.text);
  if (entry.text == name || other == base.own.end()) {
    std::vector<std::string_view> names;
    for (const auto& [known, node] : base.own) {
      if (known != name) names.push_back(known);
    }
    const char* const why =
        entry.text == name ? "names its own connection" : "names a connection that the file does not have";
    return blame.at(entry.origin, path, why, nearest(entry.text, names));
  }
  auto said = over_template(base, entry.text, other->second, blame);
  if (!said) return said.take_error();
  Node found = Node::table(entry.origin);
  for (const auto& [key, value] : said->members) {
    if (is_of_replica(key)) found.set(key, value);
  }
  entry = std::move(found);
  return {};
}

Result<void> find_replicas(const Base& base, const std::string& name, Node& settings, const Blame& blame) {
  Node* const replicas = settings.find("replicas");
  Node* const read = replicas == nullptr ? nullptr : replicas->find("read");
  if (read == nullptr) return {};
  for (size_t i = 0; i < read->items.size(); ++i) {
    if (read->items[i].kind != Node::Kind::string) continue;
    if (Result<void> found = find_replica(base, name, i, read->items[i], blame); !found) return found;
  }
  return {};
}

}  // namespace

void Base::sign() {
  const auto file = std::make_shared<const std::string>(source);
  config::sign(defaults, file);
  for (auto* const all : {&environment, &overrides, &own}) {
    for (auto& [name, node] : *all) config::sign(node, file);
  }
  for (auto& [name, pattern] : templates) config::sign(pattern.settings, file);
  if (budget) config::sign(*budget, file);
  for (Auto& pool : autos) pool.origin.file = file;
}

Result<void> build_over(const Base& base, const std::string& name, const Node& own, const Blame& blame, Config& config,
                        std::vector<Auto>& autos) {
  auto said = over_template(base, name, own, blame);
  if (!said) return said.take_error();
  Node settings = base.defaults;
  if (const auto driver = driver_of(*said, &base.variables)) drop_foreign(settings, *driver);
  lay_over(settings, *said, base.variables);
  settings.origin = own.origin;
  if (Result<void> done = find_replicas(base, name, settings, blame); !done) return done;
  if (Result<void> done = expand(settings, base.variables, blame, "connections." + name); !done) return done;
  return build_connection(name, std::move(settings), blame, base.surroundings.folder, config, autos);
}

void put_in_order(std::vector<Setting>& settings) {
  std::stable_sort(settings.begin(), settings.end(),
                   [](const Setting& a, const Setting& b) { return a.path < b.path; });
  const auto twice = [](const Setting& a, const Setting& b) { return a.path == b.path; };
  settings.erase(std::unique(settings.begin(), settings.end(), twice), settings.end());
}

namespace {

// A text as a tree of the library's own keys, which says whose it is.
Result<Node> read_own(std::string_view name, std::string_view toml, std::string_view source) {
  const Blame blame{source};
  auto written = read_toml(toml, source);
  if (!written) return written.take_error();
  auto own = normalise(*written, blame, "connections." + std::string(name));
  if (own) sign(*own, std::make_shared<const std::string>(source));
  return own;
}

}  // namespace

Result<Node> read_connection(const Base& base, std::string_view name, std::string_view toml, std::string_view source) {
  if (Result<void> fine = check_name(name, Blame{source}); !fine) return fine.take_error();
  auto own = read_own(name, toml, source);
  if (!own) return own;
  for (const auto* const over : {&base.environment, &base.overrides}) {
    if (const auto said = over->find(name); said != over->end()) lay_over(*own, said->second, base.variables);
  }
  return own;
}

Result<Node> patch_connection(const Base& base, Node own, std::string_view name, std::string_view toml,
                              std::string_view source) {
  auto over = read_own(name, toml, source);
  if (!over) return over;
  say_driver(own, *over, base, name);
  lay_over(own, *over, base.variables);
  return own;
}

Result<Built> make_connection(const Base& base, std::string_view name, const Node& own, std::string_view source) {
  const Blame blame{source};
  Config made;
  std::vector<Auto> autos;
  if (Result<void> done = build_over(base, std::string(name), own, blame, made, autos); !done) return done.take_error();
  if (Result<void> done = apply_base_budget(base, autos, blame, made); !done) return done.take_error();
  put_in_order(made.settings);
  // What the file's own settings have no effect in has been told when it was read.
  const std::string mine = std::string(source) + ':';
  std::erase_if(made.warnings, [&](const std::string& warning) { return !warning.starts_with(mine); });
  return Built{std::move(made.connections.front()), std::move(made.settings), std::move(made.warnings)};
}

std::optional<std::string> chosen_environment(const Base& base) { return base.surroundings.environment; }

const Node* file_connection(const Base& base, std::string_view name) {
  const auto found = base.own.find(name);
  return found == base.own.end() ? nullptr : &found->second;
}

}  // namespace tl::config
