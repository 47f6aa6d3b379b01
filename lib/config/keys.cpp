#include "keys.hpp"

#include <array>

namespace tl::config {
namespace {

constexpr uint16_t postgres = bit(DriverKind::postgresql) | bit(DriverKind::redshift);
constexpr uint16_t mysqls = bit(DriverKind::mysql) | bit(DriverKind::mariadb);
constexpr uint16_t sqlite = bit(DriverKind::sqlite);
constexpr uint16_t servers = static_cast<uint16_t>(~sqlite);
constexpr int64_t any_count = 1'000'000;

// One line for each.
// clang-format off
constexpr std::array connection_keys = {
    Key{"driver", Type::choice, "", 0, 0, "", every_driver, "", "the kind of database; without it the url's scheme says"},
    Key{"url", Type::secret, "", 0, 0, "", every_driver, "", "address in one text; the keys below go before its parts"},
    Key{"host", Type::text, "localhost", 0, 0, "", servers, "", "name or address of the server; PostgreSQL: or, with a leading /, a socket's folder"},
    Key{"port", Type::integer, "", 1, 65535, "", servers, "", "5432, MySQL 3306, Redshift 5439"},
    Key{"socket", Type::text, "", 0, 0, "", servers, "", "unix socket: its path (MySQL) or its folder (PostgreSQL)"},
    Key{"database", Type::path, "", 0, 0, "", every_driver, "", "name of the database; SQLite: its file, or \":memory:\""},
    Key{"user", Type::text, "", 0, 0, "", servers, "", "the client library's own default without it"},
    Key{"password", Type::secret, "", 0, 0, "", servers, "", "or \"file:PATH\" of a file that holds it"},
    Key{"credentials", Type::choice, "", 0, 0, "ask", servers, "", "\"ask\": the application is asked for user and password when sessions are opened; not with `password`"},
    Key{"sslmode", Type::choice, "prefer", 0, 0, "disable|prefer|require|verify-ca|verify-full", servers, "", "TLS to the server"},
    Key{"ca", Type::path, "", 0, 0, "", servers, "", "file of the certificates to trust"},
    Key{"cert", Type::path, "", 0, 0, "", servers, "", "file of the client's certificate"},
    Key{"key", Type::path, "", 0, 0, "", servers, "", "file of the client's private key"},
    Key{"timezone", Type::text, "", 0, 0, "", static_cast<uint16_t>(postgres | mysqls), "", "of every session"},
    Key{"charset", Type::text, "utf8mb4", 0, 0, "", mysqls, "", "of every session"},
    Key{"schema", Type::text, "", 0, 0, "", postgres, "", "search_path of every session"},
    Key{"application_name", Type::text, "trunkline/<name>", 0, 0, "", servers, "", "what the server shows of a session"},
    Key{"read_only", Type::boolean, "false", 0, 0, "", every_driver, "", "sessions refuse writes"},
    Key{"statement_timeout", Type::lifetime, "none", 0, 0, "", every_driver, "", "of each statement, kept by the database itself"},
    Key{"call_timeout", Type::lifetime, "none", 0, 0, "", every_driver, "", "of a whole call: waiting, dialling, running, reading"},
    Key{"idle_close", Type::lifetime, "none", 0, 0, "", every_driver, "", "a connection that nobody uses for that long goes back to registered"},
    Key{"template", Type::text, "", 0, 0, "", every_driver, "", "name of the [templates] that the connection's settings begin with"},
    Key{"description", Type::text, "", 0, 0, "", every_driver, "", "shown by inspect"},
    Key{"echo", Type::boolean, "false", 0, 0, "", every_driver, "", "log every statement, without its parameters"},
    Key{"echo_pool", Type::boolean, "false", 0, 0, "", every_driver, "", "log sessions opened, closed, lent and given back, and waits that ran out"},
    Key{"health_check", Type::boolean, "true", 0, 0, "", every_driver, "", "whether the name counts in health()"},
    Key{"slow_query", Type::duration, "1s", 0, 0, "", every_driver, "", "from when a statement is told as slow, to those who listen to events"},
    Key{"fallback", Type::text, "", 0, 0, "", every_driver, "", "another connection, whose data serve reads while no server of this one can be reached or lent; none beyond it"},
    Key{"fallback_writes", Type::boolean, "false", 0, 0, "", every_driver, "", "it serves writes, too; never what is in a transaction"},
    Key{"consistency", Type::choice, "none", 0, 0, "none|session", every_driver, "", "session: what a handle has written its reads find, on whatever replica"},
    Key{"consistency_wait", Type::duration, "100ms", 0, 0, "", every_driver, "", "how long such a read waits for a replica before it goes to the primary"},
    Key{"result_bytes", Type::bytes, "256MiB", 1024, INT64_MAX, "", every_driver, "", "the most that an answer read whole may hold"},
    Key{"statement_cache", Type::cache_size, "100", 0, any_count, "", every_driver, "", "prepared statements kept by a session; \"off\" behind some proxies"},
    Key{"synchronous", Type::choice, "normal", 0, 0, "normal|full", sqlite, "", "SQLite: full waits for the disk at every commit"},
    Key{"attach", Type::boolean, "false", 0, 0, "", sqlite, "", "SQLite: allow ATTACH"},
    Key{"arrays", Type::choice, "list", 0, 0, "list|text", postgres, "", "arrays as lists, or as the server's text"},
    Key{"service_name", Type::text, "", 0, 0, "", bit(DriverKind::oracle), "Oracle driver", "Oracle: the service to connect to"},
    Key{"sid", Type::text, "", 0, 0, "", bit(DriverKind::oracle), "Oracle driver", "Oracle: the instance, where there is no service name"},
    Key{"trusted_connection", Type::boolean, "", 0, 0, "", bit(DriverKind::sqlserver), "SQL Server driver", "SQL Server: log in as the system's user"},
    Key{"odbc_driver", Type::text, "", 0, 0, "", bit(DriverKind::sqlserver), "SQL Server driver", "SQL Server: name of the ODBC driver"},
};

constexpr std::array pool_keys = {
    Key{"min", Type::integer, "0", 0, any_count, "", every_driver, "", "sessions kept ready once the connection is open"},
    Key{"max", Type::pool_max, "10", 1, any_count, "", every_driver, "", "sessions at the most, or \"auto\" from [budget]; SQLite: readers, beside one writer"},
    Key{"max_overflow", Type::integer, "0", 0, any_count, "", every_driver, "", "opened beyond max for waiting callers only, closed on return"},
    Key{"max_idle", Type::integer, "", 0, any_count, "", every_driver, "", "idle sessions kept at the most; max without it"},
    Key{"acquire_timeout", Type::duration, "30s", 0, 0, "", every_driver, "", "how long a caller waits for a session, of SQLite also for a lock of another process; a stream whose answer lies on a queue, untaken, for half of it is given up"},
    Key{"create_timeout", Type::duration, "30s", 0, 0, "", every_driver, "", "how long opening a session may take"},
    Key{"destroy_timeout", Type::duration, "5s", 0, 0, "", every_driver, "", "how long cleaning or closing one may take"},
    Key{"idle_timeout", Type::lifetime, "30s", 0, 0, "", every_driver, "", "idle sessions beyond min are closed after it"},
    Key{"max_lifetime", Type::lifetime, "30m", 0, 0, "", every_driver, "", "a session's age at the most, less up to 10 % of jitter"},
    Key{"reap_interval", Type::duration, "1s", 0, 0, "", every_driver, "", "how often idle sessions are looked through"},
    Key{"create_retry_interval", Type::duration, "100ms", 0, 0, "", every_driver, "", "pause after a failed dial, growing with jitter"},
    Key{"pre_ping", Type::pre_ping, "auto", 0, 0, "", every_driver, "", "check sessions before lending: true, false, \"auto\", or after that long a quiet time"},
    Key{"max_waiters", Type::integer, "10000", 0, 100'000'000, "", every_driver, "", "callers that may wait at the most"},
    Key{"leak_threshold", Type::lifetime, "none", 0, 0, "", every_driver, "leak detection", "leases held longer are named"},
    Key{"multiplex", Type::integer, "8", 1, 1000, "", postgres, "", "reads of one queue that share a session, and then a transaction, when all are in use; 1: none do, as where views or policies write"},
};

constexpr std::array replicas_keys = {
    Key{"policy", Type::choice, "round_robin", 0, 0, "round_robin|random|least_busy", servers, "", "which replica takes a read"},
    Key{"max_lag", Type::lifetime, "none", 0, 0, "", servers, "", "replicas further behind, or not known to be nearer, are not read"},
    Key{"when_unavailable", Type::choice, "primary", 0, 0, "primary|error", servers, "", "where reads go when no replica can serve them"},
    Key{"probe_interval", Type::duration, "1s", 0, 0, "", servers, "", "how often servers are looked at while the connection is used; a quarter of max_lag where that is less"},
};

constexpr std::array retry_keys = {
    Key{"attempts", Type::integer, "3", 1, 1000, "", every_driver, "", "how often a call is tried that servers stand in the way of, and that certainly did not run; 1: once, as always with SQLite"},
    Key{"delay", Type::duration, "1s", 0, 0, "", every_driver, "", "pause before the second attempt, doubling, with jitter; over once the servers have changed"},
    Key{"max_delay", Type::duration, "30s", 0, 0, "", every_driver, "", "the longest such pause"},
};

constexpr std::array migrations_keys = {
    Key{"directory", Type::path, "", 0, 0, "", every_driver, "migrations", "folder of the connection's migrations"},
    Key{"table", Type::text, "migrations", 0, 0, "", every_driver, "migrations", "where applied ones are recorded"},
    Key{"schema", Type::text, "", 0, 0, "", postgres, "migrations", "of that table"},
};

constexpr std::array budget_keys = {
    Key{"server_max", Type::integer, "", 1, any_count, "", every_driver, "", "connections that each server allows"},
    Key{"reserve", Type::fraction, "0.2", 0, 0, "", every_driver, "", "the part of it that is kept free"},
    Key{"instances", Type::integer, "1", 1, any_count, "", every_driver, "", "machines that run the program"},
    Key{"workers", Type::integer, "1", -1, any_count, "", every_driver, "", "processes on each; -1: as many as cores"},
};

constexpr std::array limits_keys = {
    Key{"max_open", Type::integer, "", 1, any_count, "", every_driver, "", "sessions of all names together, also of those that are added; no limit without it"},
    Key{"ask_timeout", Type::duration, "30s", 0, 0, "", every_driver, "", "how long the application has to answer a question: which connection a name is, or its credentials"},
};

constexpr std::array top_keys = {
    Key{"default", Type::text, "", 0, 0, "", every_driver, "", "the name that is meant when none is said"},
    Key{"env_file", Type::path, "", 0, 0, "", every_driver, "", "file of variables, beneath those that are set"},
    Key{"environment_from", Type::text, "TRUNKLINE_ENV", 0, 0, "", every_driver, "", "the variable that names the environment"},
};
// clang-format on

struct Table {
  std::string_view name;
  std::span<const Key> keys;
};

constexpr std::array tables = {
    Table{"", connection_keys},           Table{"pool", pool_keys},
    Table{"replicas", replicas_keys},     Table{"retry", retry_keys},
    Table{"migrations", migrations_keys}, Table{"budget", budget_keys},
    Table{"limits", limits_keys},         Table{"top", top_keys},
};

constexpr Unit ms = Unit::milliseconds;
constexpr Unit s = Unit::seconds;

constexpr std::array alias_table = {
    Alias{"", "client", "driver", Unit::none, "Knex"},
    Alias{"", "filename", "database", Unit::none, "Knex"},
    Alias{"", "dbname", "database", Unit::none, "libpq"},
    Alias{"", "username", "user", Unit::none, "Laravel, ActiveRecord"},
    Alias{"", "connectionString", "url", Unit::none, "node-postgres"},
    Alias{"", "healthCheck", "health_check", Unit::none, "Lucid"},
    Alias{"", "connect_timeout", "pool.create_timeout", s, "libpq"},
    Alias{"", "timeout", "statement_timeout", ms, "node mysql"},
    Alias{"", "connectionLimit", "pool.max", Unit::none, "node mysql"},
    Alias{"", "acquireTimeout", "pool.acquire_timeout", ms, "node mysql"},
    Alias{"", "idleTimeout", "pool.idle_timeout", ms, "mysql2"},
    Alias{"", "pool_size", "pool.max", Unit::none, "SQLAlchemy"},
    Alias{"", "max_overflow", "pool.max_overflow", Unit::none, "SQLAlchemy"},
    Alias{"", "pool_timeout", "pool.acquire_timeout", s, "SQLAlchemy"},
    Alias{"", "pool_recycle", "pool.max_lifetime", s, "SQLAlchemy"},
    Alias{"", "pool_pre_ping", "pool.pre_ping", Unit::none, "SQLAlchemy"},
    Alias{"", "prepare", "statement_cache", Unit::none, "\"off\": never prepare"},
    Alias{"", "useNullAsDefault", "", Unit::none, "Knex"},
    Alias{"", "reconnect", "", Unit::none, "node mysql"},
    Alias{"pool", "acquireTimeoutMillis", "pool.acquire_timeout", ms, "Knex"},
    Alias{"pool", "createTimeoutMillis", "pool.create_timeout", ms, "Knex"},
    Alias{"pool", "destroyTimeoutMillis", "pool.destroy_timeout", ms, "Knex"},
    Alias{"pool", "idleTimeoutMillis", "pool.idle_timeout", ms, "Knex, node-postgres"},
    Alias{"pool", "reapIntervalMillis", "pool.reap_interval", ms, "Knex"},
    Alias{"pool", "createRetryIntervalMillis", "pool.create_retry_interval", ms, "Knex"},
    Alias{"pool", "connectionLimit", "pool.max", Unit::none, "node mysql"},
    Alias{"pool", "max_connections", "pool.max", Unit::none, "Laravel"},
    Alias{"pool", "min_connections", "pool.min", Unit::none, "Laravel"},
    Alias{"pool", "acquireTimeout", "pool.acquire_timeout", ms, "node mysql"},
    Alias{"pool", "idleTimeout", "pool.idle_timeout", ms, "mysql2"},
    Alias{"pool", "max_open_conns", "pool.max", Unit::none, "Go database/sql"},
    Alias{"pool", "max_idle_conns", "pool.max_idle", Unit::none, "Go database/sql"},
    Alias{"pool", "conn_max_lifetime", "pool.max_lifetime", s, "Go database/sql"},
    Alias{"pool", "conn_max_idle_time", "pool.idle_timeout", s, "Go database/sql"},
    Alias{"pool", "connect_timeout", "pool.create_timeout", s, "libpq"},
    Alias{"pool", "pool_size", "pool.max", Unit::none, "SQLAlchemy"},
    Alias{"pool", "pool_timeout", "pool.acquire_timeout", s, "SQLAlchemy"},
    Alias{"pool", "pool_recycle", "pool.max_lifetime", s, "SQLAlchemy"},
    Alias{"pool", "pool_pre_ping", "pool.pre_ping", Unit::none, "SQLAlchemy"},
    Alias{"migrations", "tableName", "migrations.table", Unit::none, "Knex"},
    Alias{"migrations", "schemaName", "migrations.schema", Unit::none, "Knex"},
};

struct DriverName {
  std::string_view name;
  DriverKind kind;
};

constexpr std::array driver_table = {
    DriverName{"sqlite", DriverKind::sqlite},         DriverName{"sqlite3", DriverKind::sqlite},
    DriverName{"better-sqlite3", DriverKind::sqlite}, DriverName{"postgresql", DriverKind::postgresql},
    DriverName{"postgres", DriverKind::postgresql},   DriverName{"pg", DriverKind::postgresql},
    DriverName{"pgnative", DriverKind::postgresql},   DriverName{"psycopg2", DriverKind::postgresql},
    DriverName{"redshift", DriverKind::redshift},     DriverName{"mysql", DriverKind::mysql},
    DriverName{"mysql2", DriverKind::mysql},          DriverName{"mariadb", DriverKind::mariadb},
    DriverName{"oracle", DriverKind::oracle},         DriverName{"oracledb", DriverKind::oracle},
    DriverName{"sqlserver", DriverKind::sqlserver},   DriverName{"mssql", DriverKind::sqlserver},
    DriverName{"mongodb", DriverKind::mongodb},       DriverName{"mongo", DriverKind::mongodb},
};

}  // namespace

std::span<const Key> keys_of(std::string_view table) noexcept {
  for (const Table& t : tables) {
    if (t.name == table) return t.keys;
  }
  return {};
}

const Key* find_key(std::string_view table, std::string_view name) noexcept {
  for (const Key& key : keys_of(table)) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::span<const Alias> aliases() noexcept { return alias_table; }

std::optional<DriverKind> driver_by_name(std::string_view name) noexcept {
  for (const DriverName& driver : driver_table) {
    if (driver.name == name) return driver.kind;
  }
  return std::nullopt;
}

std::vector<std::string_view> driver_names() {
  std::vector<std::string_view> names;
  names.reserve(driver_table.size());
  for (const DriverName& driver : driver_table) names.push_back(driver.name);
  return names;
}

std::string_view driver_name(DriverKind kind) noexcept {
  for (const DriverName& driver : driver_table) {
    if (driver.kind == kind) return driver.name;
  }
  return "";
}

uint16_t standard_port(DriverKind kind) noexcept {
  switch (kind) {
    case DriverKind::postgresql: return 5432;
    case DriverKind::redshift: return 5439;
    case DriverKind::mysql:
    case DriverKind::mariadb: return 3306;
    case DriverKind::oracle: return 1521;
    case DriverKind::sqlserver: return 1433;
    case DriverKind::mongodb: return 27017;
    case DriverKind::sqlite: return 0;
  }
  return 0;
}

}  // namespace tl::config
