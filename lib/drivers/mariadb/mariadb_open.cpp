// The driver, and what opening a session does.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "mariadb_connect.hpp"
#include "mariadb_driver.hpp"
#include "mariadb_session.hpp"

namespace tl::mariadb {
namespace {

constexpr std::string_view begin_with_isolation = "SET TRANSACTION ISOLATION LEVEL ";

// What a session is told when it is opened: which server it is on, behind whatever stands between, the bytes that this
// takes at once, and the role that is active, "" if there is none.
struct Introduction {
  std::string server;
  uint64_t most_sent = 0;
  std::string role;
};

Result<Introduction> ask_introduction(Conn& conn, driver::Dial& dial) {
  std::string query = "SELECT CONCAT_WS(' ', @@server_id, @@hostname, @@port), @@max_allowed_packet, ";
  query += is_mariadb(conn.get()) ? "CURRENT_ROLE()" : "NULL";
  if (Result<void> asked = run_now(conn, query, dial); !asked) return asked.take_error();
  // The answer is in Connector/C's buffer by now, or nearly so.
  const ResultHandle result(mysql_store_result(conn.get()));
  MYSQL_ROW row = result == nullptr ? nullptr : mysql_fetch_row(result.get());
  if (row == nullptr || row[0] == nullptr || row[1] == nullptr) return failure_of(conn.get(), Phase::connect);
  const uint64_t most = std::strtoull(row[1], nullptr, 10);
  return Introduction{row[0], std::min<uint64_t>(most, most_packet), row[2] == nullptr ? "" : row[2]};
}

// KILL QUERY from a connection of its own, and only where that has come to the same server.
class ServerCanceller final : public driver::Canceller {
 public:
  ServerCanceller(const config::Address& address, unsigned long thread, std::string server)
      : address_(address), thread_(thread), server_(std::move(server)) {
    address_.database.clear();
  }
  [[nodiscard]] bool blocks() const noexcept override { return true; }
  void cancel(driver::Dial& dial) noexcept override {
    try {
      Result<Conn> conn = connect(address_, dial);
      if (!conn) return;
      Result<Introduction> told = ask_introduction(*conn, dial);
      if (!told || told->server != server_) return;
      (void)run_now(*conn, "KILL QUERY " + std::to_string(thread_), dial);
    } catch (const std::bad_alloc&) {
      return;  // what it did shows in the answer
    }
  }

 private:
  config::Address address_;
  const unsigned long thread_;
  const std::string server_;
};

class MariadbDriver final : public driver::Driver {
 public:
  [[nodiscard]] sql::Dialect dialect() const noexcept override { return sql::Dialect::mysql; }
  [[nodiscard]] Result<std::unique_ptr<driver::Session>> open(const config::Address& address,
                                                              driver::Dial& dial) override {
    return MariadbSession::open(address, dial);
  }
  [[nodiscard]] std::string begin_text(const driver::TransactionOptions& options) const override {
    std::string text;
    const auto isolated = [&](std::string_view level) { text.append(begin_with_isolation).append(level).append("; "); };
    switch (options.isolation) {
      case driver::Isolation::server_default: break;
      case driver::Isolation::read_committed: isolated("READ COMMITTED"); break;
      case driver::Isolation::repeatable_read: isolated("REPEATABLE READ"); break;
      case driver::Isolation::serializable: isolated("SERIALIZABLE"); break;
    }
    return text + (options.read_only ? "START TRANSACTION READ ONLY" : "START TRANSACTION");
  }
};

// A text in quotes, whatever sql_mode says of backslashes: it has none.
Result<std::string> quoted(const std::string& text) {
  if (text.find_first_of("'\\") != std::string::npos) {
    return fail(Status::configuration, "timezone: a quote or backslash cannot be part of a name", Phase::connect);
  }
  return "'" + text + "'";
}

// The variables whose changes the server is to tell of; MariaDB's last_gtid beside them, where a commit has come to.
constexpr std::string_view tracked = "time_zone,character_set_client,character_set_results";

// The lexer reads literals as servers do by default: the modes that change this are taken out, and those that stand for
// several of which one does.
std::string sql_mode() {
  std::string mode = "@@sql_mode";
  for (const char* name :
       {"NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI", "ORACLE", "MSSQL", "DB2", "POSTGRESQL", "MAXDB"})
    mode.insert(0, "REPLACE(").append(", '").append(name).append("', '')");
  return mode;
}

// What every session begins with, and comes back to.
Result<std::string> settings_of(const config::Address& address, MYSQL* conn) {
  Result<std::string> zone = quoted(address.timezone.empty() ? "+00:00" : address.timezone);
  if (!zone) return zone;
  std::string text =
      "SET NAMES utf8mb4, session_track_schema = 1, session_track_state_change = 1, session_track_system_variables = "
      "'" +
      std::string(tracked) + (is_mariadb(conn) ? ",last_gtid" : "") + "', autocommit = 1, time_zone = " + *zone +
      ", sql_mode = " + sql_mode();
  if (address.read_only) text += is_mariadb(conn) ? ", tx_read_only = 1" : ", transaction_read_only = 1";
  if (address.statement_timeout) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*address.statement_timeout).count();
    text += is_mariadb(conn) ? ", max_statement_time = " + std::to_string(ms) + "e-3"
                             : ", max_execution_time = " + std::to_string(ms);
  }
  return text;
}

// What makes a session again what it is now, behind the server's own reset, which leaves the database and the role as
// they are. "": nothing takes a database back where there was none.
Result<std::string> restoring_of(const config::Address& address, const std::string& settings, MYSQL* conn,
                                 const std::string& active_role) {
  if (address.database.empty()) return std::string();
  Result<std::string> database = sql::quote_identifier(address.database, sql::Dialect::mysql);
  if (!database) return database;
  std::string role = is_mariadb(conn) ? "NONE" : "DEFAULT";
  if (!active_role.empty()) {
    Result<std::string> quoted_role = sql::quote_identifier(active_role, sql::Dialect::mysql);
    if (!quoted_role) return quoted_role;
    role = quoted_role.take();
  }
  return "USE " + *database + "; SET ROLE " + role + "; " + settings;
}

}  // namespace

bool is_mariadb(MYSQL* conn) noexcept {
  return std::string_view(mysql_get_server_info(conn)).find("MariaDB") != std::string_view::npos;
}

bool is_utc(std::string_view timezone) noexcept {
  constexpr std::array names = {"", "+00:00", "UTC", "utc", "Etc/UTC"};
  return std::find(names.begin(), names.end(), timezone) != names.end();
}

bool begins_isolated(std::string_view text) {
  using driver::Isolation;
  if (!text.starts_with(begin_with_isolation)) return false;
  for (const Isolation isolation : {Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable}) {
    for (const bool read_only : {false, true}) {
      if (text == driver().begin_text({isolation, read_only})) return true;
    }
  }
  return false;
}

driver::Driver& driver() noexcept {
  static constinit MariadbDriver instance;
  return instance;
}

Result<std::unique_ptr<driver::Session>> MariadbSession::open(const config::Address& address, driver::Dial& dial) {
  if (address.charset != "utf8mb4" && address.charset != "utf8") {
    return fail(Status::configuration, "charset: texts are read and written as UTF-8: \"utf8mb4\" is the only one",
                Phase::connect);
  }
  Result<Conn> conn = connect(address, dial);
  if (!conn) return conn.take_error();
  Result<std::string> settings = settings_of(address, conn->get());
  if (!settings) return settings.take_error();
  if (Result<void> set = run_now(*conn, *settings, dial); !set) return set.take_error();
  Result<Introduction> told = ask_introduction(*conn, dial);
  if (!told) return told.take_error();
  Result<std::string> restoring = restoring_of(address, *settings, conn->get(), told->role);
  if (!restoring) return restoring.take_error();
  auto canceller = std::make_shared<ServerCanceller>(address, mysql_thread_id(conn->get()), told->server);
  return std::unique_ptr<driver::Session>(
      new MariadbSession(conn.take(), std::move(canceller), address, restoring.take(), told->most_sent));
}

}  // namespace tl::mariadb
