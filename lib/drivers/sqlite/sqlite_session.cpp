#include "sqlite_session.hpp"

#include <ctime>
#include <random>

#include "sqlite_error.hpp"

namespace tl::sqlite {

using driver::Operation;
using driver::Ready;
using driver::State;
using driver::Step;
using driver::Then;

namespace {


// SQLite computes wherever the operation is resumed, so that must be a thread that may block.
constexpr driver::Wait on_worker{driver::On::worker, -1, Ready::start, Deadline::never()};
// Instructions between two looks at the clock: a deadline is kept within a millisecond, and the cost not to be measured.
constexpr int progress_every = 2000;
// A lock that another process holds is waited for no longer than this, also without a deadline.
constexpr Nanos busy_patience = std::chrono::seconds(60);

}  // namespace

class SqliteSession::RunOperation final : public driver::Run {
 public:
  RunOperation(SqliteSession& session, driver::Request request) : session_(session), request_(std::move(request)) {}
  // Of the next set of the answer in progress.
  explicit RunOperation(SqliteSession& session) : session_(session) {}

  Step resume(Ready got) noexcept override {
    if (!has(got, Ready::worker)) return Step::waits(on_worker);
    try {
      const Running running(session_, *this);
      Result<void> done = request_.statement == nullptr ? session_.next(reply) : session_.start(request_, reply);
      return done ? Step::done() : failed(done.take_error());
    } catch (const std::bad_alloc&) {
      return failed(fail(Status::no_memory, "out of memory", Phase::send));
    }
  }

 private:
  SqliteSession& session_;
  driver::Request request_;
};

class SqliteSession::FetchOperation final : public driver::Fetch {
 public:
  FetchOperation(SqliteSession& session, driver::FetchLimits limits) : session_(session), limits_(limits) {}

  Step resume(Ready got) noexcept override {
    if (!has(got, Ready::worker)) return Step::waits(on_worker);
    if (session_.active_ == nullptr) return failed(fail(Status::internal, "there is no answer to read", Phase::receive));
    try {
      const Running running(session_, *this);
      batch = std::make_shared<columnar::Batch>(session_.active_->schema);
      Result<Then> more = session_.read(*batch, limits_, affected);
      if (!more) return failed(more.take_error());
      then = *more;
      return Step::done();
    } catch (const std::bad_alloc&) {
      session_.drop_answer();
      return failed(fail(Status::no_memory, "out of memory", Phase::receive));
    }
  }

 private:
  SqliteSession& session_;
  const driver::FetchLimits limits_;
};

class SqliteSession::PingOperation final : public Operation {
 public:
  Step resume(Ready) noexcept override { return Step::done(); }
};

class SqliteSession::ResetOperation final : public Operation {
 public:
  explicit ResetOperation(SqliteSession& session) : session_(session) {}

  Step resume(Ready got) noexcept override {
    if (!has(got, Ready::worker)) return Step::waits(on_worker);
    const Running running(session_, *this);
    session_.drop_answer();
    if (sqlite3_get_autocommit(session_.db_.get()) == 0) {
      if (Result<void> done = session_.execute("ROLLBACK"); !done) return failed(done.take_error());
    }
    if (!session_.changed_) return Step::done();
    Result<void> done = session_.restore_memory();
    return done ? Step::done() : failed(done.take_error());
  }

 private:
  SqliteSession& session_;
};

SqliteSession::Running::Running(SqliteSession& session, const Operation& operation) noexcept : session_(session) {
  session.stop_->wanted.store(false, std::memory_order_relaxed);
  session.stopped_ = Stopped::no;
  session.until_ = operation.deadline;
  if (session.statement_timeout_) {
    session.until_ = earlier(session.until_, Deadline::after(steady_clock().now(), *session.statement_timeout_));
  }
  session.running_ = &operation;
}

SqliteSession::SqliteSession(Handle db, const config::Address& address)
    : path_(address.database),
      read_only_(address.read_only),
      cache_size_(address.statement_cache),
      statement_timeout_(address.statement_timeout),
      db_(std::move(db)) {
  sqlite3_progress_handler(db_.get(), progress_every, on_progress, this);
  sqlite3_busy_handler(db_.get(), on_busy, this);
}

SqliteSession::~SqliteSession() {
  // No deadline applies to closing, which may checkpoint the log.
  sqlite3_progress_handler(db_.get(), 0, nullptr, nullptr);
  drop_answer();
}

std::unique_ptr<driver::Run> SqliteSession::run(const driver::Request& request) {
  return std::make_unique<RunOperation>(*this, request);
}
std::unique_ptr<driver::Run> SqliteSession::next_set() { return std::make_unique<RunOperation>(*this); }
std::unique_ptr<driver::Fetch> SqliteSession::fetch(driver::FetchLimits limits) {
  return std::make_unique<FetchOperation>(*this, limits);
}
std::unique_ptr<Operation> SqliteSession::ping() { return std::make_unique<PingOperation>(); }
std::unique_ptr<Operation> SqliteSession::reset() { return std::make_unique<ResetOperation>(*this); }

State SqliteSession::state() const noexcept {
  if (active_ != nullptr || tail_ != nullptr) return State::answering;
  return sqlite3_get_autocommit(db_.get()) != 0 ? State::idle : State::in_transaction;
}

bool SqliteSession::should_stop() noexcept {
  if (stop_->wanted.load(std::memory_order_acquire) || (running_ != nullptr && running_->cancel_requested())) {
    stopped_ = Stopped::cancelled;
  } else if (!until_.is_never() && until_.passed(steady_clock().now())) {
    stopped_ = Stopped::deadline;
  }
  return stopped_ != Stopped::no;
}

int SqliteSession::on_progress(void* self) noexcept { return static_cast<SqliteSession*>(self)->should_stop() ? 1 : 0; }

// Own jittered retries of about a millisecond: SQLite's busy_timeout starves some writers for seconds.
int SqliteSession::on_busy(void* self, int count) noexcept {
  auto& session = *static_cast<SqliteSession*>(self);
  if (session.should_stop() || std::chrono::milliseconds(count) > busy_patience) return 0;
  thread_local std::minstd_rand random(std::random_device{}());
  const timespec pause{0, 500'000 + static_cast<long>(random() % 1'000'000)};
  nanosleep(&pause, nullptr);
  return 1;
}

Failure SqliteSession::failed(int code) {
  Failure failure = failure_of(db_.get(), code, Phase::receive);
  if (stopped_ == Stopped::cancelled && failure->status == Status::cancelled) {
    failure->message = "the call was cancelled";
  } else if (stopped_ == Stopped::deadline && failure->status == Status::cancelled) {
    failure->status = Status::statement_timeout;
    failure->message = "the statement ran out of time";
  }
  return failure;
}

Result<void> SqliteSession::execute(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return failed(sqlite3_extended_errcode(db_.get()));
}

void SqliteSession::drop_answer() noexcept {
  if (active_ != nullptr) sqlite3_reset(active_->statement.get());
  active_ = nullptr;
  own_ = {};
  tail_ = nullptr;
  text_.reset();
  row_waits_ = false;
}

Result<void> SqliteSession::drop_temporary() {
  auto list = prepare_text(
      "SELECT 'DROP ' || type || ' temp.\"' || replace(name, '\"', '\"\"') || '\"' FROM sqlite_temp_master "
      "WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
      "ORDER BY type = 'table'", 0, nullptr);
  if (!list) return list.take_error();
  std::vector<std::string> drops;
  while (sqlite3_step(list->statement.get()) == SQLITE_ROW) {
    drops.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(list->statement.get(), 0)));
  }
  list->statement.reset();
  for (const std::string& drop : drops) {
    if (Result<void> done = execute(drop.c_str()); !done) return done;
  }
  return {};
}

// A file is cheaper opened anew than combed through; a memory database exists only here.
Result<void> SqliteSession::restore_memory() {
  if (path_ != ":memory:") {
    return fail(Status::closed, "a statement changed the session's settings; it is opened anew", Phase::reset);
  }
  if (Result<void> done = drop_temporary(); !done) return done;
  Result<void> done = execute(
      "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = OFF; PRAGMA case_sensitive_like = OFF;"
      "PRAGMA ignore_check_constraints = OFF; PRAGMA reverse_unordered_selects = OFF; PRAGMA read_uncommitted = OFF;"
      "PRAGMA automatic_index = ON; PRAGMA cell_size_check = OFF; PRAGMA writable_schema = OFF; PRAGMA secure_delete = OFF;"
      "PRAGMA legacy_alter_table = OFF; PRAGMA temp_store = DEFAULT");
  if (done) done = execute(read_only_ ? "PRAGMA query_only = ON" : "PRAGMA query_only = OFF");
  if (done) changed_ = false;
  return done;
}

}  // namespace tl::sqlite
