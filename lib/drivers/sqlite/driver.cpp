#include <filesystem>

#include "sqlite_driver.hpp"
#include "sqlite_error.hpp"
#include "sqlite_session.hpp"

namespace tl::sqlite {
namespace {

class SqliteDriver final : public driver::Driver {
 public:
  [[nodiscard]] sql::Dialect dialect() const noexcept override { return sql::Dialect::sqlite; }

  [[nodiscard]] Result<std::unique_ptr<driver::Session>> open(const config::Address& address, driver::Dial& dial) override {
    return SqliteSession::open(address, dial);
  }

  // Every isolation that can be asked for is given: SQLite's transactions are serializable. A writer takes its lock at the
  // beginning: one that becomes a writer later can meet SQLITE_BUSY_SNAPSHOT, which no waiting heals.
  [[nodiscard]] std::string begin_text(const driver::TransactionOptions& options) const override {
    return options.read_only ? "BEGIN" : "BEGIN IMMEDIATE";
  }
};

// Attaching opens any file that the process may open. VACUUM attaches an unnamed one by itself.
int forbid_attach(void*, int action, const char* file, const char*, const char*, const char*) noexcept {
  return action == SQLITE_ATTACH && (file == nullptr || *file != '\0') ? SQLITE_DENY : SQLITE_OK;
}

std::string what_is_wrong_with(const std::string& path, const char* reason) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  if (!folder.empty() && !std::filesystem::is_directory(folder, ignored)) {
    return "the folder " + folder.string() + " does not exist";
  }
  return path + ": " + reason;
}

}  // namespace

driver::Driver& driver() noexcept {
  static SqliteDriver& instance = *new SqliteDriver();
  return instance;
}

Result<std::unique_ptr<driver::Session>> SqliteSession::open(const config::Address& address, driver::Dial& dial) {
  // A session is used by one thread at a time: SQLite's own mutexes would only cost.
  const int access = address.read_only && address.database != ":memory:" ? SQLITE_OPEN_READONLY
                                                                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(address.database.c_str(), &raw, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Handle db(raw);
  if (code != SQLITE_OK) {
    Failure failure = failure_of(db.get(), code, Phase::connect);
    failure->status = Status::unavailable;
    failure->outcome = Outcome::not_sent;
    failure->message = what_is_wrong_with(address.database, sqlite3_errstr(code));
    return failure;
  }
  std::unique_ptr<SqliteSession> session(new SqliteSession(std::move(db), address));
  session->until_ = dial.deadline();
  if (Result<void> done = session->configure(address); !done) {
    Failure failure = done.take_error();
    failure->phase = Phase::connect;
    failure->outcome = Outcome::not_sent;
    if (failure->status == Status::statement_timeout || failure->status == Status::lock_timeout) {
      failure->status = Status::connect_timeout;
    }
    failure->message = address.database + ": " + failure->message;
    return failure;
  }
  return std::unique_ptr<driver::Session>(std::move(session));
}

Result<void> SqliteSession::configure(const config::Address& address) {
  sqlite3* db = db_.get();
  struct Switch {
    int option;
    int value;
  };
  for (const Switch s : {Switch{SQLITE_DBCONFIG_ENABLE_FKEY, 1}, Switch{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                         Switch{SQLITE_DBCONFIG_DEFENSIVE, 1}, Switch{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                         Switch{SQLITE_DBCONFIG_DQS_DDL, 0}, Switch{SQLITE_DBCONFIG_DQS_DML, 0}}) {
    sqlite3_db_config(db, s.option, s.value, nullptr);
  }
  if (!address.attach) sqlite3_set_authorizer(db, forbid_attach, nullptr);
  if (address.database == ":memory:") return execute(address.read_only ? "PRAGMA query_only = ON" : "");
  if (!address.read_only) {
    if (Result<void> done = execute("PRAGMA journal_mode = WAL"); !done) return done;
  }
  const bool full = address.synchronous == config::Synchronous::full;
  if (Result<void> done = execute(full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"); !done) return done;
  // The first thing that reads the file: one that is no database is found now, not by the first statement.
  return execute("PRAGMA schema_version");
}

}  // namespace tl::sqlite
