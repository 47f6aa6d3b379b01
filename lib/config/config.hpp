// Validated configuration: what the TOML file, its overlays, URLs, aliases and the environment come to.
// Nothing here opens anything. Secrets stay in `Secret` and never reach an error, a log line or `settings`.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clock.hpp"
#include "result.hpp"

namespace tl::config {

enum class DriverKind : uint8_t { sqlite, postgresql, redshift, mysql, mariadb, oracle, sqlserver, mongodb };
[[nodiscard]] std::string_view driver_name(DriverKind kind) noexcept;

// Text that must not be told. Only a driver calls reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& reveal() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

// Who somebody logs in as.
struct Login {
  std::string user;  // "" : whom the address says
  Secret password;
  friend bool operator==(const Login&, const Login&) = default;
};

enum class SslMode : uint8_t { disable, prefer, require, verify_ca, verify_full };
enum class Synchronous : uint8_t { normal, full };
enum class Arrays : uint8_t { list, text };
enum class Policy : uint8_t { round_robin, random, least_busy };

// How long a session may have been quiet before it is checked when it is lent.
// `automatic`: looked at without a round trip after a few milliseconds, asked by a round trip after 30 s.
struct PrePing {
  enum class Mode : uint8_t { automatic, never, always, after_quiet } mode = Mode::automatic;
  Nanos quiet{0};  // of after_quiet
  friend bool operator==(const PrePing&, const PrePing&) = default;
};

// Durations are nanoseconds; an optional that is absent means "none".
struct Pool {
  uint32_t min = 0;
  uint32_t max = 10;
  uint32_t max_overflow = 0;
  uint32_t max_idle = 10;  // = max unless set
  Nanos acquire_timeout = std::chrono::seconds(30);
  Nanos create_timeout = std::chrono::seconds(30);
  Nanos destroy_timeout = std::chrono::seconds(5);
  std::optional<Nanos> idle_timeout = std::chrono::seconds(30);
  std::optional<Nanos> max_lifetime = std::chrono::minutes(30);
  Nanos reap_interval = std::chrono::seconds(1);
  Nanos create_retry_interval = std::chrono::milliseconds(100);
  PrePing pre_ping;
  uint32_t max_waiters = 10'000;
  uint32_t multiplex = 8;
  friend bool operator==(const Pool&, const Pool&) = default;
};

// Everything that opening a session on one server (or file) needs.
struct Address {
  DriverKind driver = DriverKind::sqlite;
  std::string host = "localhost";
  uint16_t port = 0;
  std::string socket;    // path of a unix socket (MySQL) or its folder (PostgreSQL); "" : TCP
  std::string database;  // SQLite: an absolute path, or ":memory:"
  std::string user;      // "": the client library's own default
  Secret password;
  std::string password_file;     // absolute path of the file that `password` was read from, "" : it came from none
  bool ask_credentials = false;  // the application knows user and password when a session is opened
  SslMode sslmode = SslMode::prefer;
  std::string ca, cert, key;  // absolute paths, "" : none
  std::string timezone, charset, schema, application_name;
  bool read_only = false;
  std::optional<Nanos> statement_timeout;
  Synchronous synchronous = Synchronous::normal;  // SQLite
  bool attach = false;                            // SQLite: ATTACH allowed
  uint32_t statement_cache = 100;                 // prepared statements kept per session; 0: never prepare
  Arrays arrays = Arrays::list;                   // PostgreSQL

  // A private database, which is gone with its session.
  [[nodiscard]] bool is_in_memory() const noexcept { return driver == DriverKind::sqlite && database == ":memory:"; }
  // "host:port/database", "socket/database" or the file's path: never a secret.
  [[nodiscard]] std::string label() const;
  // The same for all addresses of one server, as far as they show it.
  [[nodiscard]] std::string server() const;
  friend bool operator==(const Address&, const Address&) = default;
};

struct Endpoint {
  Address address;
  Pool pool;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Of what certainly did not run because of how its servers stood. Files have none.
struct Retry {
  uint32_t attempts = 3;  // the first one counts
  Nanos delay = std::chrono::seconds(1);
  Nanos max_delay = std::chrono::seconds(30);
  friend bool operator==(const Retry&, const Retry&) = default;
};

struct Connection {
  std::string name;
  DriverKind driver = DriverKind::sqlite;
  std::string description;
  Endpoint primary;                // where writes go: `replicas.write` merged over the connection's own settings
  std::vector<Endpoint> replicas;  // `replicas.read`, each merged over the connection's own settings
  Policy policy = Policy::round_robin;
  std::optional<Nanos> max_lag;  // of replicas that are read
  bool only_replicas = false;    // a read that none of them can serve is an error, and not the primary's
  Nanos probe_interval = std::chrono::seconds(1);
  std::optional<Nanos> call_timeout;
  std::optional<Nanos> idle_close;
  bool session_consistency = false;  // reads of a handle find what was written through it
  Nanos consistency_wait = std::chrono::milliseconds(100);
  uint64_t result_bytes = uint64_t{256} << 20;
  bool echo = false;
  bool echo_pool = false;
  bool health_check = true;
  Nanos slow_query = std::chrono::seconds(1);
  Retry retry;
  std::string fallback;          // another connection, "" : none
  bool fallback_writes = false;  // it serves those as well
  friend bool operator==(const Connection&, const Connection&) = default;
};

// One line of `inspect("settings")`: an effective value, in the library's own names and units.
struct Setting {
  std::string path;           // "connections.main.pool.max"
  std::string value;          // as TOML would write it: 10, true, "30s", "postgresql"; secrets are "***"
  std::string source;         // "trunkline.toml:12", "default", "TRUNKLINE__…", "url"
  std::string note;           // "", "alias of pool.max", "no meaning here", "this build has no …"
  bool holds_secret = false;  // a secret stands in the source itself, and not where a variable or a file has it
};

// How many processes share the servers, and how they do.
struct Budget {
  std::optional<uint32_t> server_max;  // absent: it is not said
  double reserve = 0.2;
  uint32_t instances = 1;
  uint32_t workers = 1;  // on each instance
};

struct Base;  // what connections that are added later stand upon

struct Config {
  std::string source;                            // the file's path, or what the caller called the text
  std::string file;                              // the same, absolute; "" : a text
  std::string environment;                       // "" : none was chosen
  std::string default_name;                      // "" : the file has no connection
  std::optional<uint32_t> max_open;              // sessions over all connections, also those that are added
  Nanos ask_timeout = std::chrono::seconds(30);  // for the application to answer a question
  std::vector<Connection> connections;           // by source position
  Budget budget;
  std::vector<Setting> settings;      // sorted by path
  std::vector<std::string> warnings;  // "file:line: key: …": keys that have no effect in this build
  std::shared_ptr<const Base> base;

  [[nodiscard]] const Connection* find(std::string_view name) const noexcept;
  [[nodiscard]] const Setting* setting(std::string_view path) const noexcept;
};

// Where text, variables and files come from, so that tests need no real environment.
struct Surroundings {
  std::string folder;                            // relative paths start here
  std::map<std::string, std::string> variables;  // of the process; `env_file` is read beneath them
  std::optional<std::string> environment;        // the caller's own choice, before TRUNKLINE_ENV
};

// The process's own variables and working folder.
[[nodiscard]] Surroundings process_surroundings();

// `path` empty: TRUNKLINE_CONFIG, else trunkline.toml upward from the folder. Errors: not_found, configuration.
[[nodiscard]] Result<Config> load_file(std::string_view path, Surroundings surroundings);

// `source` names the text in errors. Errors: configuration, with details file, line, key, suggestion.
[[nodiscard]] Result<Config> parse(std::string_view toml, std::string_view source, const Surroundings& surroundings);

// What a file of a password holds, without the ends of its lines. Absent: it cannot be read.
[[nodiscard]] std::optional<Secret> read_password(const std::string& path);

// What the application has answered when it was asked for credentials: user, if need be, and password. `source` names
// the text in errors.
[[nodiscard]] Result<Login> read_login(std::string_view toml, std::string_view source);

// The keys in which two connections are not the same; none: they are.
[[nodiscard]] std::vector<std::string> differences(const Connection& a, const Connection& b);

}  // namespace tl::config
