#include "build.hpp"

#include <array>
#include <filesystem>

namespace tl::config {

std::string absolute(const std::string& path, const std::string& folder) {
  if (path.empty() || path[0] == '/') return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

namespace {

constexpr std::array replica_rows = {"host", "port", "socket", "database", "user"};

bool is_file_database(DriverKind kind) noexcept { return kind == DriverKind::sqlite; }

class ConnectionBuilder {
 public:
  ConnectionBuilder(const std::string& name, const Blame& blame, const std::string& folder, Config& config)
      : path_("connections." + name), blame_(blame), folder_(folder), config_(config) {
    result_.name = name;
  }

  Result<void> build(Node settings, std::vector<Auto>& autos) {
    Node replicas = Node::table(settings.origin);
    if (const Node* node = settings.find("replicas")) replicas = *node;
    settings.erase("replicas");
    if (Result<void> done = resolve_url(settings, path_); !done) return done;
    if (Result<void> done = find_driver(settings); !done) return done;
    if (Result<void> done = own(settings); !done) return done;
    const Node* write = replicas.find("write");
    if (Result<void> done = endpoint(settings, write, path_, "replicas.write", result_.primary); !done) return done;
    const size_t position = config_.connections.size();
    if (auto_) autos.push_back({position, -1, *auto_});
    if (Result<void> done = read_replicas(settings, replicas, position, autos); !done) return done;
    config_.connections.push_back(std::move(result_));
    return {};
  }

 private:
  // Puts the parts of a url beneath the keys that stand beside it.
  Result<void> resolve_url(Node& settings, const std::string& path) {
    const Node* url = settings.find("url");
    if (url == nullptr) return {};
    if (url->kind != Node::Kind::string) {
      return blame_.at(url->origin, path + ".url", std::string("must be a string, not ").append(kind_name(url->kind)));
    }
    auto parts = url_parts(*url, blame_, path + ".url");
    if (!parts) return parts.take_error();
    const Node* driver = settings.find("driver");
    const auto said = driver == nullptr ? std::nullopt : driver_by_name(driver->text);
    const auto meant = driver_by_name(parts->find("driver")->text);
    const bool mysqls = said && (*said == DriverKind::mysql || *said == DriverKind::mariadb) &&
                        (*meant == DriverKind::mysql || *meant == DriverKind::mariadb);
    const bool postgres = said && *said == DriverKind::redshift && *meant == DriverKind::postgresql;
    if (said && *said != *meant && !mysqls && !postgres) {
      return blame_.at(
          url->origin, path + ".url",
          "is for " + parts->find("driver")->text + ", but the driver is " + std::string(driver_name(*said)));
    }
    if (parts->find("password") != nullptr && settings.find("credentials") != nullptr) {
      return blame_.at(url->origin, path + ".url", "holds a password, and credentials says that it is asked for");
    }
    Node merged = parts.take();
    merge_address(merged, settings);
    merged.origin = settings.origin;
    record_url(merged, *url, path);
    merged.erase("url");
    settings = std::move(merged);
    return {};
  }

  // The url as it may be shown.
  void record_url(const Node& parts, const Node& url, const std::string& path) {
    const auto part = [&](std::string_view name) {
      return parts.find(name) == nullptr ? std::string() : parts.find(name)->text;
    };
    std::string shown = part("driver") + "://" + (part("user").empty() ? "" : part("user") + '@') + part("host");
    if (!part("port").empty()) shown += ':' + part("port");
    shown += '/' + part("database");
    config_.settings.push_back({path + ".url", '"' + shown + '"', blame_.source(url.origin), "without its password"});
  }

  Result<void> find_driver(const Node& settings) {
    const Node* driver = settings.find("driver");
    if (driver == nullptr) {
      return blame_.at(settings.origin, path_, "names no driver; set driver, or a url whose scheme says it");
    }
    if (driver->kind != Node::Kind::string) {
      return blame_.at(driver->origin, path_ + ".driver",
                       std::string("must be a string, not ").append(kind_name(driver->kind)));
    }
    const auto kind = driver_by_name(driver->text);
    if (!kind) {
      return blame_.at(driver->origin, path_ + ".driver", "is no driver that trunkline knows",
                       nearest(driver->text, driver_names()));
    }
    result_.driver = *kind;
    config_.settings.push_back({path_ + ".driver", '"' + std::string(driver_name(*kind)) + '"',
                                blame_.source(driver->origin),
                                driver->alias.empty()    ? ""
                                : driver->alias == "url" ? "from the url"
                                                         : "written as " + driver->alias});
    return {};
  }

  Result<void> own(const Node& settings) {
    Values values(settings, "", path_, result_.driver, blame_, config_);
    (void)values.text("template");  // is beneath these settings already
    result_.description = values.text("description").value_or("");
    result_.call_timeout = values.lifetime("call_timeout").value_or(std::nullopt);
    result_.idle_close = values.lifetime("idle_close").value_or(std::nullopt);
    result_.session_consistency = values.choice("consistency").value_or(0) == 1;
    result_.consistency_wait = values.duration("consistency_wait").value_or(result_.consistency_wait);
    result_.result_bytes = values.bytes("result_bytes").value_or(result_.result_bytes);
    result_.echo = values.boolean("echo").value_or(false);
    result_.echo_pool = values.boolean("echo_pool").value_or(false);
    result_.health_check = values.boolean("health_check").value_or(true);
    result_.slow_query = values.duration("slow_query").value_or(result_.slow_query);
    result_.fallback = values.text("fallback").value_or("");
    result_.fallback_writes = values.boolean("fallback_writes").value_or(false);
    values.rest();
    if (values.failed()) return values.take_error();
    if (Result<void> done = retry(settings); !done) return done;
    if (const Node* table = settings.find("migrations")) {
      Values others(*table, "migrations", below(path_, "migrations"), result_.driver, blame_, config_);
      others.rest();
      if (others.failed()) return others.take_error();
    }
    if (const Node* ignored = settings.find("ignored")) {
      for (const auto& [name, node] : ignored->members) {
        config_.settings.push_back({below(path_, name), "", blame_.source(node.origin), "no meaning here"});
      }
    }
    return {};
  }

  Result<void> retry(const Node& settings) {
    const Node none;
    const Node* const table = settings.find("retry");
    Values values(table == nullptr ? none : *table, "retry", below(path_, "retry"), result_.driver, blame_, config_);
    Retry& out = result_.retry;
    out.attempts = static_cast<uint32_t>(values.integer("attempts").value_or(out.attempts));
    out.delay = values.duration("delay").value_or(out.delay);
    out.max_delay = values.duration("max_delay").value_or(out.max_delay);
    values.rest();
    if (values.failed()) return values.take_error();
    return {};
  }

  // The connection's settings with a replica's laid over them, typed.
  Result<void> endpoint(const Node& settings, const Node* over, const std::string& path, const std::string& over_name,
                        Endpoint& out) {
    Node merged = settings;
    if (over != nullptr) {
      Node own = *over;
      if (Result<void> done = resolve_url(own, below(path_, over_name)); !done) return done;
      if (const auto other = driver_of(own); other && *other != result_.driver) {
        return blame_.at(own.origin, below(path_, over_name), "is for another kind of database than its connection");
      }
      own.erase("driver");
      merge_address(merged, own);
      merged.origin = own.origin;
    }
    if (Result<void> done = ssl_from_variable(merged, path); !done) return done;
    Values values(merged, "", path, result_.driver, blame_, config_);
    if (Result<void> done = address(values, merged, out.address); !done) return done;
    if (over != nullptr) record_replica(out.address, *over, over_name);
    const Node none;
    const Node* pool_node = merged.find("pool");
    return pool(pool_node == nullptr ? none : *pool_node, path + ".pool", out.pool);
  }

  // `ssl` and its rejectUnauthorized are booleans where they come from: what a variable gives becomes a mode here.
  Result<void> ssl_from_variable(Node& settings, const std::string& path) const {
    Node* mode = settings.find("sslmode");
    if (mode == nullptr || mode->kind != Node::Kind::string) return {};
    const bool rejecting = mode->alias == "ssl.rejectUnauthorized";
    if (!rejecting && mode->alias != "ssl") return {};
    const auto on = mode->from_variable ? parse_boolean(mode->text) : std::nullopt;
    if (on) {
      mode->text = *on ? "verify-full" : rejecting ? "require" : "disable";
    } else if (rejecting) {
      return blame_.at(mode->origin, below(path, mode->alias),
                       "must be true or false, and what stands there is neither");
    }
    return {};
  }

  void record_replica(const Address& address, const Node& over, const std::string& name) {
    const std::string values[] = {address.host, std::to_string(address.port), address.socket, address.database,
                                  address.user};
    for (size_t i = 0; i < std::size(replica_rows); ++i) {
      if (i == (address.socket.empty() ? 2 : 0)) continue;  // it has a host or a socket
      const Node* node = over.find(replica_rows[i]);
      const bool number = i == 1;
      config_.settings.push_back(
          {below(below(path_, name), replica_rows[i]), number ? values[i] : '"' + values[i] + '"',
           blame_.source((node == nullptr ? over : *node).origin), node == nullptr ? "from the connection" : ""});
    }
  }

  Result<void> address(Values& values, const Node& settings, Address& out) {
    out.driver = result_.driver;
    out.host = values.text("host").value_or("localhost");
    const bool port_said = settings.find("port") != nullptr;
    out.port = static_cast<uint16_t>(values.integer("port").value_or(standard_port(out.driver)));
    if (!port_said && out.port != 0)
      config_.settings.push_back({path_ + ".port", std::to_string(out.port), "default", ""});
    out.socket = values.text("socket").value_or("");
    if (const Node* host = settings.find("host"); !out.socket.empty() && host != nullptr && !out.host.empty())
      values.blame("socket", "conflicts with host (" + blame_.source(host->origin) + "): an address has one of them");
    out.database = values.text("database").value_or("");
    out.user = values.text("user").value_or("");
    if (Result<void> done = password(values, settings, out); !done) return done;
    out.ask_credentials = values.choice("credentials").has_value();
    if (const Node* password = settings.find("password"); out.ask_credentials && password != nullptr) {
      values.blame("credentials", "conflicts with password (" + blame_.source(password->origin) +
                                      "): the application is asked for it, or it is said");
    }
    out.sslmode = static_cast<SslMode>(values.choice("sslmode").value_or(static_cast<size_t>(SslMode::prefer)));
    out.ca = absolute(values.text("ca").value_or(""), folder_);
    out.cert = absolute(values.text("cert").value_or(""), folder_);
    out.key = absolute(values.text("key").value_or(""), folder_);
    out.timezone = values.text("timezone").value_or("");
    const bool mysqls = out.driver == DriverKind::mysql || out.driver == DriverKind::mariadb;
    out.charset = values.text("charset").value_or(mysqls ? "utf8mb4" : "");
    out.schema = values.text("schema").value_or("");
    out.application_name = values.text("application_name").value_or("trunkline/" + result_.name);
    out.read_only = values.boolean("read_only").value_or(false);
    out.statement_timeout = values.lifetime("statement_timeout").value_or(std::nullopt);
    out.synchronous = static_cast<Synchronous>(values.choice("synchronous").value_or(0));
    out.attach = values.boolean("attach").value_or(false);
    out.arrays = static_cast<Arrays>(values.choice("arrays").value_or(0));
    const auto cache = values.integer_or("statement_cache", "off");
    out.statement_cache = static_cast<uint32_t>(cache ? cache->value_or(0) : 100);
    if (is_file_database(out.driver)) {
      if (out.database.empty() && !values.failed()) {
        const Node* said = settings.find(settings.find("database") == nullptr ? "driver" : "database");
        return blame_.at(said->origin, path_ + ".database", "is missing: a file, or \":memory:\"");
      }
      if (out.database != ":memory:") out.database = absolute(out.database, folder_);
    }
    if (values.failed()) return values.take_error();
    return {};
  }

  Result<void> password(Values& values, const Node& settings, Address& out) {
    const auto text = values.text("password");
    if (!text) return {};
    if (text->rfind("file:", 0) != 0) {
      out.password = Secret(*text);
      return {};
    }
    out.password_file = absolute(text->substr(5), folder_);
    auto read = read_password(out.password_file);
    if (!read) {
      return blame_.at(settings.find("password")->origin, path_ + ".password",
                       "the file that should hold it cannot be read");
    }
    out.password = std::move(*read);
    return {};
  }

  Result<void> pool(const Node& node, const std::string& path, Pool& out) {
    Values values(node, "pool", path, result_.driver, blame_, config_);
    const auto count = [&](std::string_view name, uint32_t standard) {
      return static_cast<uint32_t>(values.integer(name).value_or(standard));
    };
    out.min = count("min", out.min);
    const auto max = values.integer_or("max", "auto");
    auto_.reset();
    if (max && !max->has_value()) auto_ = node.find("max")->origin;
    out.max = static_cast<uint32_t>(max ? max->value_or(out.max) : out.max);
    out.max_overflow = count("max_overflow", 0);
    out.max_idle = count("max_idle", auto_ ? UINT32_MAX : out.max);
    out.acquire_timeout = values.duration("acquire_timeout").value_or(out.acquire_timeout);
    out.create_timeout = values.duration("create_timeout").value_or(out.create_timeout);
    out.destroy_timeout = values.duration("destroy_timeout").value_or(out.destroy_timeout);
    out.idle_timeout = values.lifetime("idle_timeout").value_or(out.idle_timeout);
    out.max_lifetime = values.lifetime("max_lifetime").value_or(out.max_lifetime);
    out.reap_interval = values.duration("reap_interval").value_or(out.reap_interval);
    out.create_retry_interval = values.duration("create_retry_interval").value_or(out.create_retry_interval);
    out.pre_ping = values.pre_ping("pre_ping").value_or(out.pre_ping);
    out.max_waiters = count("max_waiters", out.max_waiters);
    out.multiplex = count("multiplex", out.multiplex);
    values.rest();
    if (!auto_ && out.min > out.max) values.blame("min", "is more than max, which is " + std::to_string(out.max));
    if (values.failed()) return values.take_error();
    return {};
  }

  Result<void> read_replicas(const Node& settings, const Node& replicas, size_t position, std::vector<Auto>& autos) {
    Values values(replicas, "replicas", path_ + ".replicas", result_.driver, blame_, config_);
    result_.policy = static_cast<Policy>(values.choice("policy").value_or(0));
    result_.max_lag = values.lifetime("max_lag").value_or(std::nullopt);
    result_.only_replicas = values.choice("when_unavailable").value_or(0) == 1;
    result_.probe_interval = values.duration("probe_interval").value_or(result_.probe_interval);
    if (!replicas.members.empty()) values.rest();
    if (values.failed()) return values.take_error();
    if (!replicas.members.empty() && is_file_database(result_.driver)) {
      return blame_.at(replicas.origin, path_ + ".replicas", "a SQLite file has no replicas");
    }
    const Node* read = replicas.find("read");
    constexpr size_t most_replicas = 63;
    if (read != nullptr && read->items.size() > most_replicas) {
      return blame_.at(read->origin, path_ + ".replicas.read",
                       "has more entries than " + std::to_string(most_replicas) + ", the most there may be");
    }
    for (size_t i = 0; read != nullptr && i < read->items.size(); ++i) {
      Endpoint& replica = result_.replicas.emplace_back();
      const size_t rows = config_.settings.size();
      const std::string name = "replicas.read." + std::to_string(i);
      if (Result<void> done = endpoint(settings, &read->items[i], below(path_, name), name, replica); !done)
        return done;
      keep_replica_rows(rows, below(path_, name));
      if (auto_) autos.push_back({position, static_cast<int>(i), *auto_});
    }
    return {};
  }

  // What a replica shares with its connection is told there; of the replica its address.
  void keep_replica_rows(size_t from, const std::string& path) {
    std::vector<Setting> kept;
    for (size_t i = config_.settings.size(); i-- > from;) {
      Setting& row = config_.settings[i];
      bool wanted = false;
      for (const char* name : replica_rows) wanted = wanted || row.path == below(path, name);
      for (const Setting& other : kept) wanted = wanted && other.path != row.path;
      if (wanted) kept.push_back(std::move(row));
    }
    config_.settings.resize(from);
    for (Setting& row : kept) config_.settings.push_back(std::move(row));
  }

  const std::string path_;
  const Blame& blame_;
  const std::string& folder_;
  Config& config_;
  Connection result_;
  std::optional<Origin> auto_;  // of the pool read last: where it says max = "auto"
};

}  // namespace

Result<void> build_connection(const std::string& name, Node settings, const Blame& blame, const std::string& folder,
                              Config& config, std::vector<Auto>& autos) {
  return ConnectionBuilder(name, blame, folder, config).build(std::move(settings), autos);
}

}  // namespace tl::config
