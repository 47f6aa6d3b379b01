// The driver, and what opening a session does.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "mariadb_connect.hpp"
#include "mariadb_driver.hpp"
#include "mariadb_session.hpp"

namespace tl::mariadb {
namespace {

using namespace std::chrono_literals;

// Which server a session is on, behind whatever stands between, and the bytes that it takes at once.
constexpr std::string_view identity_query =
    "SELECT CONCAT_WS(' ', @@server_id, @@hostname, @@port), @@max_allowed_packet";

struct Identity {
  std::string server;
  uint64_t most_sent = 0;
};

// Runs a statement at once, on the connection's own thread, waiting as long as the dial may.
Result<void> run_now(MYSQL* conn, std::string_view text, driver::Dial& dial) {
  int failed = 0;
  int wants = mysql_real_query_start(&failed, conn, text.data(), text.size());
  while (wants != 0) {
    const int fd = mysql_get_socket(conn);
    const bool writes = (wants & MYSQL_WAIT_WRITE) != 0;
    if (!dial.wait(fd, writes ? driver::Ready::writable : driver::Ready::readable)) {
      shutdown(fd, SHUT_RDWR);
      while (wants != 0) wants = mysql_real_query_cont(&failed, conn, wants);
      return dial.stopped();
    }
    wants = mysql_real_query_cont(&failed, conn, wants);
  }
  if (failed != 0) return failure_of(conn, Phase::connect);
  return {};
}

// The answer is in Connector/C's buffer by now, or nearly so.
Result<Identity> identity_of(MYSQL* conn, driver::Dial& dial) {
  if (Result<void> asked = run_now(conn, identity_query, dial); !asked) return asked.take_error();
  const ResultHandle result(mysql_store_result(conn));
  MYSQL_ROW row = result == nullptr ? nullptr : mysql_fetch_row(result.get());
  if (row == nullptr || row[0] == nullptr || row[1] == nullptr) return failure_of(conn, Phase::connect);
  return Identity{row[0], std::min<uint64_t>(std::strtoull(row[1], nullptr, 10), most_packet)};
}

// The role that is active, "" if there is none.
Result<std::string> role_of(MYSQL* conn, driver::Dial& dial) {
  if (Result<void> asked = run_now(conn, "SELECT CURRENT_ROLE()", dial); !asked) return asked.take_error();
  const ResultHandle result(mysql_store_result(conn));
  MYSQL_ROW row = result == nullptr ? nullptr : mysql_fetch_row(result.get());
  if (row == nullptr) return failure_of(conn, Phase::connect);
  return std::string(row[0] == nullptr ? "" : row[0]);
}

// KILL QUERY from a connection of its own, and only where that has come to the same server.
class ServerCanceller final : public driver::Canceller {
 public:
  ServerCanceller(const config::Address& address, unsigned long thread, std::string identity)
      : address_(address), thread_(thread), identity_(std::move(identity)) {
    address_.database.clear();
  }
  [[nodiscard]] bool blocks() const noexcept override { return true; }
  void cancel(driver::Dial& dial) noexcept override {
    try {
      Result<Conn> conn = connect(address_, dial);
      if (!conn) return;
      Result<Identity> identity = identity_of(conn->get(), dial);
      if (!identity || identity->server != identity_) return;
      (void)run_now(conn->get(), "KILL QUERY " + std::to_string(thread_), dial);
    } catch (const std::bad_alloc&) {
      return;  // what it did shows in the answer
    }
  }

 private:
  config::Address address_;
  const unsigned long thread_;
  const std::string identity_;
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

bool is_mariadb(MYSQL* conn) {
  return std::string_view(mysql_get_server_info(conn)).find("MariaDB") != std::string_view::npos;
}

// The variables whose changes the server is to tell of.
constexpr std::string_view tracked = "time_zone,character_set_client,character_set_results";

// The lexer reads literals as servers do by default: the modes that change this are taken out, and those that stand for
// several of which one does.
std::string sql_mode() {
  std::string mode = "@@sql_mode";
  for (const char* name :
       {"NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI", "ORACLE", "MSSQL", "DB2", "POSTGRESQL", "MAXDB"})
    mode = "REPLACE(" + mode + ", '" + name + "', '')";
  return mode;
}

// What every session begins with, and comes back to.
Result<std::string> settings_of(const config::Address& address, MYSQL* conn) {
  Result<std::string> zone = quoted(address.timezone.empty() ? "+00:00" : address.timezone);
  if (!zone) return zone;
  std::string text =
      "SET NAMES utf8mb4, session_track_schema = 1, session_track_state_change = 1, session_track_system_variables = "
      "'" +
      std::string(tracked) + "', autocommit = 1, time_zone = " + *zone + ", sql_mode = " + sql_mode();
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
                                 driver::Dial& dial) {
  if (address.database.empty()) return std::string();
  Result<std::string> database = sql::quote_identifier(address.database, sql::Dialect::mysql);
  if (!database) return database;
  std::string role = "DEFAULT";
  if (is_mariadb(conn)) {
    Result<std::string> active = role_of(conn, dial);
    if (active && !active->empty()) active = sql::quote_identifier(*active, sql::Dialect::mysql);
    if (!active) return active;
    role = active->empty() ? "NONE" : active.take();
  }
  return "USE " + *database + "; SET ROLE " + role + "; " + settings;
}

}  // namespace

bool is_utc(std::string_view timezone) noexcept {
  constexpr std::array names = {"", "+00:00", "UTC", "utc", "Etc/UTC"};
  return std::find(names.begin(), names.end(), timezone) != names.end();
}

driver::Driver& driver() noexcept {
  static MariadbDriver& instance = *new MariadbDriver();
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
  if (Result<void> set = run_now(conn->get(), *settings, dial); !set) return set.take_error();
  Result<Identity> identity = identity_of(conn->get(), dial);
  if (!identity) return identity.take_error();
  Result<std::string> restoring = restoring_of(address, *settings, conn->get(), dial);
  if (!restoring) return restoring.take_error();
  auto canceller = std::make_shared<ServerCanceller>(address, mysql_thread_id(conn->get()), identity->server);
  return std::unique_ptr<driver::Session>(
      new MariadbSession(conn.take(), std::move(canceller), address, restoring.take(), identity->most_sent));
}

}  // namespace tl::mariadb
