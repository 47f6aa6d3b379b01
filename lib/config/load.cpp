// A whole configuration: which environment, what lies over what, and in which order things are looked at.
#include <algorithm>

#include "templates.hpp"

namespace tl::config {
namespace {

constexpr std::string_view override_prefix = "TRUNKLINE__";

bool same_word(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_override(std::string_view variable) noexcept {
  return variable.size() > override_prefix.size() &&
         same_word(variable.substr(0, override_prefix.size()), override_prefix);
}

class Loader {
 public:
  Loader(std::string_view source, Surroundings surroundings)
      : base_(std::make_shared<Base>(source, std::move(surroundings))), blame_{base_->source} {
    config_.source = source;
  }

  Result<Config> load(std::string_view toml) {
    auto root = read_toml(toml, blame_.file);
    if (!root) return root.take_error();
    root_ = root.take();
    for (const auto step :
         {&Loader::check_top, &Loader::read_env_file, &Loader::choose_environment, &Loader::normalise_all,
          &Loader::override_from_variables, &Loader::build, &Loader::choose_default}) {
      if (Result<void> done = (this->*step)(); !done) return done.take_error();
    }
    put_in_order(config_.settings);
    base_->sign();
    config_.base = std::move(base_);
    return std::move(config_);
  }

 private:
  Result<void> table_or_nothing(const Node& parent, std::string_view name, const std::string& path) {
    const Node* node = parent.find(name);
    if (node == nullptr || node->is_table()) return {};
    return blame_.at(node->origin, path, std::string("must be a table, not ").append(kind_name(node->kind)));
  }

  Result<void> check_members(const Node& node, const std::string& prefix, const std::vector<std::string_view>& known) {
    for (const auto& [name, value] : node.members) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        return blame_.at(value.origin, prefix + name, "unknown key", nearest(name, known));
      }
    }
    for (const std::string_view name : {"defaults", "templates", "connections", "environments", "budget", "limits"}) {
      if (Result<void> fine = table_or_nothing(node, name, prefix + std::string(name)); !fine) return fine;
    }
    return {};
  }

  Result<void> check_top() {
    return check_members(root_, "",
                         {"default", "defaults", "templates", "connections", "environments", "environment_from",
                          "env_file", "budget", "limits"});
  }

  Result<std::string> top_text(const Node& node, const std::string& prefix, std::string_view name) {
    const Node* value = node.find(name);
    if (value == nullptr) return std::string();
    if (value->kind == Node::Kind::string) return value->text;
    return blame_.at(value->origin, prefix + std::string(name),
                     std::string("must be a string, not ").append(kind_name(value->kind)));
  }

  Result<void> read_env_file() {
    auto name = top_text(root_, "", "env_file");
    if (!name) return name.take_error();
    if (name->empty()) return {};
    const Origin& origin = root_.find("env_file")->origin;
    auto values = config::read_env_file(absolute(*name, base_->surroundings.folder));
    if (!values) return blame_.at(origin, "env_file", "the file cannot be read");
    for (const auto& [variable, value] : *values) {
      if (!is_override(variable)) continue;
      config_.warnings.push_back(blame_.source(origin) + ": env_file: " + variable +
                                 " has no effect in it; only the process's own variables override settings");
    }
    base_->variables = Variables(base_->surroundings.variables, std::move(*values));
    return {};
  }

  Result<void> choose_environment() {
    auto from = top_text(root_, "", "environment_from");
    if (!from) return from.take_error();
    const Node* environments = root_.find("environments");
    const std::string variable = from->empty() ? "TRUNKLINE_ENV" : *from;
    const std::string* said = base_->variables.find(variable);
    if (base_->surroundings.environment) {
      config_.environment = *base_->surroundings.environment;
    } else if (said != nullptr && !said->empty()) {
      config_.environment = *said;
    } else if (environments != nullptr && environments->find("development") != nullptr) {
      config_.environment = "development";
    }
    if (environments == nullptr) return {};
    for (const auto& [name, node] : environments->members) {
      const std::string path = "environments." + name;
      if (Result<void> fine = table_or_nothing(*environments, name, path); !fine) return fine;
      Result<void> fine =
          check_members(node, path + '.', {"default", "defaults", "templates", "connections", "budget", "limits"});
      if (!fine) return fine;
      if (name == config_.environment) overlay_ = &node;
    }
    // A misspelt environment must not quietly become the base configuration.
    if (!config_.environment.empty() && overlay_ == nullptr && !environments->members.empty()) {
      std::vector<std::string_view> names;
      for (const auto& [name, node] : environments->members) names.push_back(name);
      const std::string_view near = nearest(config_.environment, names);
      if (!near.empty()) {
        return blame_.at(environments->origin, "environments",
                         "has no table for the chosen environment \"" + config_.environment + '"', near);
      }
    }
    return {};
  }

  using Named = std::vector<std::pair<std::string, Node>>;

  // What lies beneath connections, in the library's own names.
  Result<Node> beneath_connections(const Node& written, const std::string& path) {
    auto settings = normalise(written, blame_, path);
    for (const std::string_view never : {"template", "parameters"}) {
      const Node* const node = settings ? settings->find(never) : nullptr;
      if (node != nullptr) return blame_.at(node->origin, below(path, never), "belongs to a connection");
    }
    return settings;
  }

  Result<Node> defaults_of(const Node& node, const std::string& prefix) {
    const Node* const defaults = node.find("defaults");
    return defaults == nullptr ? Result<Node>(Node()) : beneath_connections(*defaults, prefix + "defaults");
  }

  Result<void> read_templates(const Node& node, const std::string& prefix, bool counts) {
    const Node* const templates = node.find("templates");
    if (templates == nullptr) return {};
    for (const auto& [name, written] : templates->members) {
      auto settings = beneath_connections(written, below(prefix + "templates", name));
      if (!settings) return settings.take_error();
      Template& pattern = base_->templates[name];
      collect_places(*settings, pattern.places);
      if (counts) lay_over(pattern.settings, *settings, base_->variables);
    }
    return {};
  }

  // Every connection of the tables, in the library's own names; also those of environments that were not chosen.
  Result<Named> connections_of(const Node& node, const std::string& prefix) {
    Named result;
    const Node* connections = node.find("connections");
    if (connections == nullptr) return result;
    for (const auto& [name, written] : connections->members) {
      const std::string path = below(prefix + "connections", name);
      if (name.empty()) return blame_.at(written.origin, path, "the name of a connection cannot be empty");
      auto settings = normalise(written, blame_, path);
      if (!settings) return settings.take_error();
      result.emplace_back(name, settings.take());
    }
    return result;
  }

  Result<void> normalise_all() {
    auto base = connections_of(root_, "");
    if (!base) return base.take_error();
    connections_ = base.take();
    if (Result<void> done = read_templates(root_, "", true); !done) return done;
    auto defaults = defaults_of(root_, "");
    if (!defaults) return defaults.take_error();
    base_->defaults = defaults.take();
    if (const Node* budget = root_.find("budget")) base_->budget = *budget;
    if (const Node* limits = root_.find("limits")) limits_ = *limits;
    const Node* environments = root_.find("environments");
    if (environments == nullptr) return {};
    for (const auto& [name, node] : environments->members) {
      const std::string prefix = "environments." + name + '.';
      auto over = connections_of(node, prefix);
      if (!over) return over.take_error();
      auto over_defaults = defaults_of(node, prefix);
      if (!over_defaults) return over_defaults.take_error();
      if (Result<void> done = read_templates(node, prefix, &node == overlay_); !done) return done;
      if (&node != overlay_) continue;
      for (const auto& [connection, settings] : *over) {
        Node& beneath = connection_named(connection, settings.origin);
        say_driver(beneath, settings, *base_, connection);
        lay_over(beneath, settings, base_->variables);
        base_->environment.emplace(connection, settings);
      }
      merge_address(base_->defaults, *over_defaults, &base_->variables);
      if (const Node* budget = node.find("budget")) {
        if (!base_->budget) base_->budget.emplace();
        merge(*base_->budget, *budget);
      }
      if (const Node* limits = node.find("limits")) {
        if (!limits_) limits_.emplace();
        merge(*limits_, *limits);
      }
    }
    return {};
  }

  Node& connection_named(const std::string& name, const Origin& origin) {
    for (auto& [present, node] : connections_) {
      if (present == name) return node;
    }
    return connections_.emplace_back(name, Node::table(origin)).second;
  }

  Result<void> override_from_variables() {
    for (const auto& [name, value] : base_->variables.process()) {
      if (!is_override(name)) continue;
      if (Result<void> done = override_one(name, value); !done) return done;
    }
    // Together, as one table: a url among them goes beneath the keys beside it.
    for (auto& [name, node] : connections_) lay_over(node, base_->overrides[name], base_->variables);
    return {};
  }

  // TRUNKLINE__CONNECTIONS__PRIMARY__POOL__MAX: names in any case.
  Result<void> override_one(const std::string& variable, const std::string& value) {
    std::vector<std::string> parts;
    for (size_t at = override_prefix.size(); at <= variable.size();) {
      const size_t end = std::min(variable.find("__", at), variable.size());
      parts.push_back(variable.substr(at, end - at));
      at = end + 2;
    }
    Node leaf = Node::string(value, {0, variable});
    leaf.from_variable = true;
    if (parts.size() == 1 && same_word(parts[0], "default")) {
      default_override_ = leaf;
      return {};
    }
    if (parts.size() == 2 && same_word(parts[0], "budget")) {
      if (!base_->budget) base_->budget.emplace();
      base_->budget->set(lower(parts[1]), std::move(leaf));
      return {};
    }
    if (parts.size() == 2 && same_word(parts[0], "limits")) {
      if (!limits_) limits_.emplace();
      limits_->set(lower(parts[1]), std::move(leaf));
      return {};
    }
    if (parts.size() < 3 || !same_word(parts[0], "connections")) {
      return blame_.at({0, variable}, "", "names no setting; it begins with connections, budget, limits or default");
    }
    for (auto& [name, node] : connections_) {
      if (!same_word(name, parts[1])) continue;
      return lay_variable(name, {parts.begin() + 2, parts.end()}, std::move(leaf));
    }
    std::vector<std::string_view> names;
    for (const auto& [name, node] : connections_) names.push_back(name);
    return blame_.at({0, variable}, "connections." + lower(parts[1]), "there is no such connection",
                     nearest(parts[1], names));
  }

  static std::string lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return text;
  }

  // As if the key had been written in the file, in the spelling that the tables of keys and aliases know.
  Result<void> lay_variable(const std::string& name, std::vector<std::string> parts, Node leaf) {
    std::string table;
    for (std::string& part : parts) {
      part = spelling(table, part);
      table = part;
    }
    for (size_t i = parts.size(); i-- > 0;) {
      Node parent = Node::table(leaf.origin);
      parent.set(parts[i], std::move(leaf));
      leaf = std::move(parent);
    }
    auto settings = normalise(leaf, blame_, "connections." + name);
    if (!settings) return settings.take_error();
    merge(base_->overrides[name], *settings);
    return {};
  }

  static std::string spelling(std::string_view table, const std::string& part) {
    const std::string_view within = table == "connection" ? "" : table;
    for (const Key& key : keys_of(within)) {
      if (same_word(key.name, part)) return std::string(key.name);
    }
    for (const Alias& alias : aliases()) {
      if (alias.table == within && same_word(alias.name, part)) return std::string(alias.name);
    }
    for (const char* shape : {"connectionTimeoutMillis", "rejectUnauthorized"}) {
      if (same_word(shape, part)) return shape;
    }
    return lower(part);
  }

  Result<void> build() {
    base_->own.insert(connections_.begin(), connections_.end());
    for (const auto& [name, node] : connections_) {
      if (Result<void> done = build_over(*base_, name, node, blame_, config_, base_->autos); !done) return done;
    }
    if (base_->budget) {
      if (Result<void> done = expand(*base_->budget, base_->variables, blame_, "budget"); !done) return done;
    }
    if (Result<void> fine = check_fallbacks(); !fine) return fine;
    base_->connections = config_.connections;
    Result<void> done = apply_budget(base_->budget ? &*base_->budget : nullptr, base_->autos, blame_, config_);
    if (!done) return done;
    if (!limits_) return {};
    if (Result<void> expanded = expand(*limits_, base_->variables, blame_, "limits"); !expanded) return expanded;
    return apply_limits(*limits_, blame_, config_);
  }

  Result<void> check_fallbacks() {
    const auto fallback_of = [this](const std::string& name) {
      const Connection* const found = config_.find(name);
      return found == nullptr ? std::nullopt : std::optional(found->fallback);
    };
    for (const Connection& connection : config_.connections) {
      const Node& own = base_->own.at(connection.name);
      if (Result<void> fine = check_fallback(*base_, connection, own, fallback_of, blame_.file); !fine) return fine;
    }
    return {};
  }

  Result<void> choose_default() {
    Node chosen;
    if (const Node* node = root_.find("default")) chosen = *node;
    if (overlay_ != nullptr && overlay_->find("default") != nullptr) chosen = *overlay_->find("default");
    if (default_override_) chosen = *default_override_;
    if (chosen.is_table()) {  // nobody said
      if (chosen.members.empty() && chosen.origin.line == 0) {
        if (config_.find("default") != nullptr) {
          config_.default_name = "default";
        } else if (!config_.connections.empty()) {
          config_.default_name = config_.connections.front().name;
        }
        config_.settings.push_back({"default", '"' + config_.default_name + '"', "default", ""});
        return {};
      }
    }
    if (chosen.kind != Node::Kind::string) {
      return blame_.at(chosen.origin, "default", std::string("must be a string, not ").append(kind_name(chosen.kind)));
    }
    if (Result<void> done = expand(chosen, base_->variables, blame_, "default"); !done) return done;
    config_.default_name = chosen.text;
    if (config_.find(chosen.text) == nullptr) {
      std::vector<std::string_view> names;
      for (const Connection& connection : config_.connections) names.push_back(connection.name);
      return blame_.at(chosen.origin, "default", "names no connection", nearest(chosen.text, names));
    }
    config_.settings.push_back({"default", '"' + config_.default_name + '"', blame_.source(chosen.origin), ""});
    return {};
  }

  std::shared_ptr<Base> base_;
  const Blame blame_;
  Node root_;
  const Node* overlay_ = nullptr;
  std::optional<Node> default_override_;
  std::optional<Node> limits_;
  std::vector<std::pair<std::string, Node>> connections_;
  Config config_;
};

}  // namespace

Result<Config> load(std::string_view toml, std::string_view source, const Surroundings& surroundings) {
  return Loader(source, surroundings).load(toml);
}

}  // namespace tl::config
