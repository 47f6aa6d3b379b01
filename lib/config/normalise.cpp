#include "normalise.hpp"

#include <algorithm>
#include <array>

namespace tl::config {
namespace {

bool same_value(const Node& a, const Node& b) noexcept {
  return a.kind == b.kind && a.text == b.text && a.integer == b.integer && a.real == b.real && a.boolean == b.boolean &&
         a.unit == b.unit;
}

constexpr std::array<std::string_view, 6> never_of_replica = {"replicas",   "driver",   "retry",
                                                              "migrations", "template", "parameters"};

class Normaliser {
 public:
  Normaliser(const Blame& blame, std::string path) : blame_(blame), path_(std::move(path)) {}

  Result<Node> connection(const Node& written) {
    if (!written.is_table()) return wrong_kind(written, path_, "a table");
    out_.origin = written.origin;
    if (Result<void> done = own_keys(written, path_); !done) return done.take_error();
    return std::move(out_);
  }

 private:
  Failure wrong_kind(const Node& node, const std::string& path, std::string_view wanted) const {
    return blame_.at(node.origin, path,
                     std::string("must be ").append(wanted).append(", not ").append(kind_name(node.kind)));
  }

  Result<void> own_keys(const Node& table, const std::string& path) {
    for (const auto& [name, value] : table.members) {
      if (Result<void> done = own_key(name, value, below(path, name)); !done) return done;
    }
    return {};
  }

  Result<void> own_key(const std::string& name, const Node& value, const std::string& path) {
    if (name == "connection") {
      if (value.kind == Node::Kind::string) return put("url", value, path, name);
      if (!value.is_table()) return wrong_kind(value, path, "a table");
      return own_keys(value, path);
    }
    if (name == "pool" || name == "retry" || name == "migrations") return subtable(name, value, path);
    if (name == "replicas") return replicas(value, path);
    if (name == "parameters") return parameters(value, path);
    if (name == "ssl") return ssl(value, path);
    if (name == "options") return options(value, path);
    if (name == "poolclass") return poolclass(value, path);
    return keyed("", name, value, path);
  }

  // A key of `table` by its own name or another system's.
  Result<void> keyed(std::string_view table, const std::string& name, const Node& value, const std::string& path) {
    if (find_key(table, name) != nullptr) {
      return put(table.empty() ? name : std::string(table) + '.' + name, value, path, "");
    }
    if ((table.empty() || table == "pool") && name == "connectionTimeoutMillis") {  // node-postgres means both
      if (Result<void> done = put("pool.create_timeout", in(Unit::milliseconds, value), path, name); !done) return done;
      return put("pool.acquire_timeout", in(Unit::milliseconds, value), path, name);
    }
    for (const Alias& alias : aliases()) {
      if (alias.table != table || alias.name != name) continue;
      return put(alias.key.empty() ? "ignored." + path.substr(path_.size() + 1) : std::string(alias.key),
                 in(alias.unit, value), path, name);
    }
    return unknown(table, name, value, path);
  }

  Failure unknown(std::string_view table, const std::string& name, const Node& value, const std::string& path) const {
    std::vector<std::string_view> candidates;
    for (const Key& key : keys_of(table)) candidates.push_back(key.name);
    for (const Alias& alias : aliases()) {
      if (alias.table == table) candidates.push_back(alias.name);
    }
    if (table.empty())
      candidates.insert(candidates.end(),
                        {"pool", "replicas", "migrations", "retry", "ssl", "connection", "parameters"});
    return blame_.at(value.origin, path, "unknown key", nearest(name, candidates));
  }

  static Node in(Unit unit, Node value) {
    value.unit = unit;
    return value;
  }

  Result<void> put(const std::string& key, Node value, const std::string& path, std::string_view alias) {
    value.alias = alias;
    Node* table = &out_;
    std::string_view name = key;
    if (const size_t dot = key.find('.'); dot != std::string::npos) {
      const std::string_view parent = name.substr(0, dot);
      if (table->find(parent) == nullptr) table->set(parent, Node::table(value.origin));
      table = table->find(parent);
      name.remove_prefix(dot + 1);
    }
    if (const Node* present = table->find(name); present != nullptr && !same_value(*present, value)) {
      const std::string other = present->alias.empty() ? std::string(name) : present->alias;
      return blame_.at(
          value.origin, path,
          "conflicts with " + other + " on line " + std::to_string(present->origin.line) + ", which means the same");
    }
    table->set(name, std::move(value));
    return {};
  }

  Result<void> subtable(const std::string& name, const Node& value, const std::string& path) {
    if (!value.is_table()) return wrong_kind(value, path, "a table");
    for (const auto& [key, member] : value.members) {
      if (Result<void> done = keyed(name, key, member, below(path, key)); !done) return done;
    }
    return {};
  }

  Result<void> ssl(const Node& value, const std::string& path) {
    if (value.kind == Node::Kind::boolean)
      return put("sslmode", mode(value, value.boolean ? "verify-full" : "disable"), path, "ssl");
    if (value.kind == Node::Kind::string) return put("sslmode", value, path, "ssl");
    if (!value.is_table()) return wrong_kind(value, path, "a boolean, a string or a table");
    const Node* verify = nullptr;
    for (const auto& [name, member] : value.members) {
      const std::string at = below(path, name);
      Result<void> done;
      if (name == "rejectUnauthorized") {
        if (member.kind != Node::Kind::boolean && !holds_variable(member)) return wrong_kind(member, at, "a boolean");
        verify = &member;
      } else if (name == "ca" || name == "cert" || name == "key") {
        done = put(name, member, at, "ssl." + name);
      } else {
        done = blame_.at(member.origin, at, "unknown key", nearest(name, {"rejectUnauthorized", "ca", "cert", "key"}));
      }
      if (!done) return done;
    }
    if (verify != nullptr && verify->kind == Node::Kind::string)  // becomes a mode when its variable is known
      return put("sslmode", *verify, path + ".rejectUnauthorized", "ssl.rejectUnauthorized");
    const bool strict = verify == nullptr || verify->boolean;
    return put("sslmode", mode(value, strict ? "verify-full" : "require"), path, "ssl");
  }

  static bool holds_variable(const Node& node) {
    return node.kind == Node::Kind::string && (node.from_variable || node.text.find("${") != std::string::npos);
  }

  static Node mode(const Node& where, std::string_view text) { return Node::string(std::string(text), where.origin); }

  Result<void> options(const Node& value, const std::string& path) {
    if (!value.is_table()) return wrong_kind(value, path, "a table");
    for (const auto& [name, member] : value.members) {
      if (name != "timeout")
        return blame_.at(member.origin, below(path, name), "unknown key", nearest(name, {"timeout"}));
      if (Result<void> done =
              put("pool.create_timeout", in(Unit::seconds, member), path + ".timeout", "options.timeout");
          !done) {
        return done;
      }
    }
    return {};
  }

  Result<void> poolclass(const Node& value, const std::string& path) {
    if (value.kind == Node::Kind::string && value.text == "QueuePool")
      return put("ignored.poolclass", value, path, "poolclass");
    if (value.kind != Node::Kind::string || value.text != "NullPool") {
      return blame_.at(value.origin, path, "must be \"NullPool\" (nothing is kept idle) or \"QueuePool\"");
    }
    Node none;
    none.kind = Node::Kind::integer;
    none.origin = value.origin;
    return put("pool.max_idle", std::move(none), path, "poolclass");
  }

  // Of a template. Each becomes text: its key makes of it what it wants.
  Result<void> parameters(const Node& value, const std::string& path) {
    if (!value.is_table()) return wrong_kind(value, path, "a table");
    Node result = Node::table(value.origin);
    for (const auto& [name, member] : value.members) {
      const std::string at = below(path, name);
      Node parameter = member;
      if (member.kind == Node::Kind::integer) parameter.text = std::to_string(member.integer);
      if (member.kind == Node::Kind::boolean) parameter.text = member.boolean ? "true" : "false";
      if (parameter.text.empty() && member.kind != Node::Kind::string) {
        return wrong_kind(member, at, "a string, an integer or a boolean");
      }
      parameter.kind = Node::Kind::string;
      if (!is_variable_name(name)) return blame_.at(member.origin, at, "is no name that ${…} could have");
      if (name == "name") return blame_.at(member.origin, at, "is always the connection's own name");
      result.set(name, std::move(parameter));
    }
    out_.set("parameters", std::move(result));
    return {};
  }

  Result<void> replicas(const Node& value, const std::string& path) {
    if (!value.is_table()) return wrong_kind(value, path, "a table");
    Node result = Node::table(value.origin);
    for (const auto& [name, member] : value.members) {
      const std::string at = below(path, name);
      if (name == "read") {
        auto read = read_entries(member, at);
        if (!read) return read.take_error();
        result.set(name, read.take());
      } else if (name == "write") {
        if (!member.is_table()) return wrong_kind(member, at, "a table");
        auto write = entry(member, at);
        if (!write) return write.take_error();
        result.set(name, write.take());
      } else if (find_key("replicas", name) != nullptr) {
        result.set(name, member);
      } else {
        return blame_.at(member.origin, at, "unknown key",
                         nearest(name, {"read", "write", "policy", "max_lag", "when_unavailable", "probe_interval"}));
      }
    }
    out_.set("replicas", std::move(result));
    return {};
  }

  // An array of tables, one table, or Lucid's table whose `connection` is either.
  Result<Node> read_entries(const Node& value, const std::string& path) {
    if (const Node* nested = value.is_table() ? value.find("connection") : nullptr;
        nested != nullptr && value.members.size() == 1) {
      return read_entries(*nested, path + ".connection");
    }
    Node result;
    result.kind = Node::Kind::array;
    result.origin = value.origin;
    if (value.is_table()) {
      auto one = entry(value, path);
      if (!one) return one.take_error();
      result.items.push_back(one.take());
      return result;
    }
    if (value.kind == Node::Kind::string) {
      result.items.push_back(value);
      return result;
    }
    if (value.kind != Node::Kind::array) return wrong_kind(value, path, "an array of tables and names");
    for (size_t i = 0; i < value.items.size(); ++i) {
      auto one = entry(value.items[i], below(path, std::to_string(i)));
      if (!one) return one.take_error();
      result.items.push_back(one.take());
    }
    return result;
  }

  // The name of another connection stands as it is.
  Result<Node> entry(const Node& value, const std::string& path) const {
    if (value.kind == Node::Kind::string) return value;
    auto result = Normaliser(blame_, path).connection(value);
    if (!result) return result;
    for (const std::string_view never : never_of_replica) {
      if (const Node* node = result->find(never)) {
        return blame_.at(node->origin, below(path, never), "belongs to the connection, not to one of its replicas");
      }
    }
    return result;
  }

  const Blame& blame_;
  const std::string path_;
  Node out_;
};

constexpr std::array address_keys = {"url",  "host",     "port",        "socket",  "database",
                                     "user", "password", "credentials", "sslmode", "ca",
                                     "cert", "key",      "schema",      "charset", "replicas"};
constexpr std::array url_keys = {"host", "port", "socket", "database", "user", "password", "credentials"};

// What the key says, "" : nothing. A variable that is not set is nothing to judge by here, and told if its value stays.
std::string text_of(const Node& connection, std::string_view key, const Variables* variables) {
  const Node* said = connection.find(key);
  if (said == nullptr || said->kind != Node::Kind::string) return "";
  Node expanded = *said;
  if (variables != nullptr && !expand(expanded, *variables, Blame{}, "")) return said->text;
  return expanded.text;
}

}  // namespace

Result<Node> normalise(const Node& written, const Blame& blame, const std::string& path) {
  return Normaliser(blame, path).connection(written);
}

std::optional<DriverKind> driver_of(const Node& connection, const Variables* variables) {
  if (connection.find("driver") != nullptr) return driver_by_name(text_of(connection, "driver", variables));
  const std::string url = text_of(connection, "url", variables);
  const std::string scheme = url.substr(0, url.find("://"));
  return driver_by_name(std::string_view(scheme).substr(0, scheme.find('+')));
}

void merge(Node& beneath, const Node& over) {
  for (const auto& [name, value] : over.members) {
    Node* present = beneath.find(name);
    if (present != nullptr && present->is_table() && value.is_table()) {
      merge(*present, value);
    } else {
      beneath.set(name, value);
    }
  }
}

void merge_address(Node& beneath, const Node& over, const Variables* variables) {
  if (!text_of(over, "host", variables).empty()) beneath.erase("socket");
  if (!text_of(over, "socket", variables).empty()) beneath.erase("host");
  if (over.find("password") != nullptr) beneath.erase("credentials");
  if (over.find("credentials") != nullptr) beneath.erase("password");
  merge(beneath, over);
}

bool is_of_replica(std::string_view key) noexcept {
  return std::find(never_of_replica.begin(), never_of_replica.end(), key) == never_of_replica.end();
}

void lay_over(Node& beneath, const Node& over, const Variables& variables) {
  const auto after = driver_of(over, &variables);
  // What only a variable would say beneath may be production's and not exist here: it counts as another.
  const bool said = beneath.find("driver") != nullptr || beneath.find("url") != nullptr;
  if (after && said && driver_of(beneath) != after) {
    for (const char* key : address_keys) beneath.erase(key);
    beneath.erase("driver");
    drop_foreign(beneath, *after);
  }
  if (over.find("url") != nullptr) {
    for (const char* key : url_keys) beneath.erase(key);
  }
  if (const Node* other = over.find("template");
      other != nullptr && beneath.find("template") != nullptr && !same_value(*other, *beneath.find("template"))) {
    beneath.erase("parameters");
  }
  merge_address(beneath, over, &variables);
}

void say_driver(Node& connection, const Node& defaults) {
  const Node* const driver = defaults.find("driver");
  if (driver == nullptr || connection.find("driver") != nullptr || connection.find("url") != nullptr) return;
  connection.set("driver", *driver);
}

void drop_foreign(Node& settings, DriverKind driver) {
  if (driver == DriverKind::sqlite) settings.erase("replicas");
  for (const std::string_view name : {"", "pool", "retry", "migrations"}) {
    Node* table = name.empty() ? &settings : settings.find(name);
    if (table == nullptr) continue;
    for (const Key& key : keys_of(name)) {
      if ((key.drivers & bit(driver)) == 0) table->erase(key.name);
    }
  }
}

}  // namespace tl::config
