// The driver, and what opening a session does.
#include <filesystem>

#include "sqlite_driver.hpp"
#include "sqlite_error.hpp"
#include "sqlite_fork.hpp"
#include "sqlite_session.hpp"

namespace tl::sqlite {
namespace {

class SqliteDriver final : public driver::Driver {
 public:
  [[nodiscard]] sql::Dialect dialect() const noexcept override { return sql::Dialect::sqlite; }

  [[nodiscard]] Result<std::unique_ptr<driver::Session>> open(const config::Address& address,
                                                              driver::Dial& dial) override {
    return SqliteSession::open(address, dial);
  }

  // Every isolation that can be asked for is given: SQLite's transactions are serializable. A writer takes its lock at
  // the beginning: one that becomes a writer later can meet SQLITE_BUSY_SNAPSHOT, which no waiting heals.
  [[nodiscard]] std::string begin_text(const driver::TransactionOptions& options) const override {
    return options.read_only ? "BEGIN" : "BEGIN IMMEDIATE";
  }
};

// Attaching opens any file that the process may open. VACUUM attaches an unnamed one by itself, so that a limit of no
// attached databases would forbid it too.
int forbid_attach(void*, int action, const char* file, const char*, const char*, const char*) noexcept {
  return action == SQLITE_ATTACH && (file == nullptr || *file != '\0') ? SQLITE_DENY : SQLITE_OK;
}

// Looks at the folder only: to open and close the file here would drop this process's locks on it.
std::string why_not_opened(const std::string& path, int code) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return path + ": the folder " + folder.string() + " does not exist";
  }
  return path + ": " + sqlite3_errstr(code);
}

// Reading such a file takes files beside it. SQLite itself says "attempt to write a readonly database".
Failure log_cannot_be_made() {
  return fail(Status::unavailable,
              "the file has a write-ahead log, whose files may not be made in its folder: it can be read only while "
              "somebody who may make them has it open");
}

// An error of a statement, told as one of opening.
Failure as_opening(Failure failure, const std::string& path) {
  switch (failure->status) {
    case Status::statement_timeout:
    case Status::lock_timeout: failure->status = Status::connect_timeout; break;
    case Status::cancelled:
    case Status::no_memory: break;
    default: failure->status = Status::unavailable;
  }
  failure->phase = Phase::connect;
  failure->outcome = Outcome::not_sent;
  failure->message = path + ": " + failure->message;
  return failure;
}

}  // namespace

driver::Driver& driver() noexcept {
  static constinit SqliteDriver instance;
  return instance;
}

Result<Handle> SqliteSession::open_handle(const config::Address& address) {
  // A session is used by one thread at a time: SQLite's own mutexes would only cost. Nor does it share its file with
  // others, where the process has SQLite do so: each has a KeptLock.
  const int access =
      address.read_only && !address.is_in_memory() ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(address.database.c_str(), &raw,
                      access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, nullptr);
  Handle db(raw);
  if (code != SQLITE_OK) {
    Failure failure = failure_of(db.get(), code, Phase::connect);
    if (failure->status != Status::no_memory) failure->status = Status::unavailable;
    failure->outcome = Outcome::not_sent;
    failure->message = why_not_opened(address.database, code);
    return failure;
  }
  db.get_deleter().lock = std::make_unique<KeptLock>();
  db.get_deleter().lock->attach(db.get());
  return db;
}

Result<std::unique_ptr<driver::Session>> SqliteSession::open(const config::Address& address, driver::Dial& dial) {
  if (Result<void> usable = prepare_for_forks(); !usable) return usable.take_error();
  Result<Handle> db = open_handle(address);
  if (!db) return db.take_error();
  std::unique_ptr<SqliteSession> session(new SqliteSession(db.take(), address));
  session->until_ = dial.deadline();
  session->dial_ = &dial;
  Result<void> configured = session->configure();
  session->dial_ = nullptr;
  if (!configured) return as_opening(configured.take_error(), address.database);
  return std::unique_ptr<driver::Session>(std::move(session));
}

Result<void> SqliteSession::configure() {
  sqlite3* db = db_.get();
  sqlite3_limit(db, SQLITE_LIMIT_LENGTH, most_value_bytes);
  struct Switch {
    int option;
    int value;
  };
  for (const Switch s : {Switch{SQLITE_DBCONFIG_ENABLE_FKEY, 1}, Switch{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                         Switch{SQLITE_DBCONFIG_DEFENSIVE, 1}, Switch{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                         Switch{SQLITE_DBCONFIG_DQS_DDL, 0}, Switch{SQLITE_DBCONFIG_DQS_DML, 0}}) {
    sqlite3_db_config(db, s.option, s.value, nullptr);
  }
  if (!address_.attach) sqlite3_set_authorizer(db, forbid_attach, nullptr);
  if (address_.is_in_memory()) {
    if (address_.read_only) {
      if (Result<void> done = execute("PRAGMA query_only = ON"); !done) return done;
    }
    return remember_settings();
  }
  // The first thing that reads the file: one that is no database is found now, not by the first statement.
  if (Result<void> done = execute("PRAGMA schema_version"); !done) {
    if ((done.error().native & 0xff) == SQLITE_READONLY) return log_cannot_be_made();
    return done;
  }
  if (!address_.read_only) {
    if (sqlite3_db_readonly(db, "main") == 1) {
      return fail(Status::unavailable, "the file may only be read; \"read_only = true\" opens it so");
    }
    if (Result<void> done = use_write_ahead_log(); !done) return done;
  }
  return execute(address_.synchronous == config::Synchronous::full ? "PRAGMA synchronous = FULL"
                                                                   : "PRAGMA synchronous = NORMAL");
}

// SQLite does not ask the busy handler at every lock that the change of mode needs.
Result<void> SqliteSession::use_write_ahead_log() {
  for (int tries = 0;; ++tries) {
    Result<std::vector<std::string>> mode = ask("PRAGMA journal_mode = WAL");
    if (mode) {
      if (!mode->empty() && mode->front() == "wal") return {};
      return fail(Status::unavailable, "a write-ahead log cannot be kept beside the file");
    }
    if (!is_lock(mode.error().native)) return mode.take_error();
    if (on_busy(this, tries) == 0) return failed(mode.error().native, Phase::connect);
  }
}

}  // namespace tl::sqlite
