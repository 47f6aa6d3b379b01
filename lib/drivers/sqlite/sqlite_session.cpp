// The operations, and how they are stopped.
#include "sqlite_session.hpp"

#include <ctime>

#include "sqlite_error.hpp"

namespace tl::sqlite {

using driver::Operation;
using driver::Ready;
using driver::State;
using driver::Step;
using driver::Then;

namespace {

// Instructions between two looks at the clock: some 20 to 100 µs apart, at a cost not to be measured.
constexpr int progress_every = 2000;
// Larger parameters are not kept in memory beyond their answer.
constexpr size_t most_arena_kept = size_t{1} << 20;

}  // namespace

class SqliteSession::RunOperation final : public driver::Run {
 public:
  RunOperation(SqliteSession& session, driver::Request request) : session_(session), request_(std::move(request)) {}
  // Of the next set of the answer in progress.
  explicit RunOperation(SqliteSession& session) : session_(session) {}

  Step resume(Ready got) noexcept override {
    if (!has(got, Ready::worker)) return session_.begin();
    try {
      session_.spent_ = Nanos{0};
      const Running running(session_, *this, session_.address_.statement_timeout);
      Result<void> done = request_.statement == nullptr ? session_.next(reply) : session_.start(request_, reply);
      if (done && reply.then == Then::rows && request_.first.rows != 0) done = read_first();
      return done ? Step::done() : failed(done.take_error());
    } catch (const std::bad_alloc&) {
      return failed(session_.out_of_memory(Phase::send));
    }
  }

 private:
  Result<void> read_first() {
    reply.batch = columnar::Batch::make(reply.schema);
    Result<Then> more = session_.read(*reply.batch, request_.first, reply.affected);
    if (!more) return more.take_error();
    reply.then = *more;
    return {};
  }

  SqliteSession& session_;
  const driver::Request request_;
};

class SqliteSession::FetchOperation final : public driver::Fetch {
 public:
  FetchOperation(SqliteSession& session, driver::FetchLimits limits) : session_(session), limits_(limits) {}

  Step resume(Ready got) noexcept override {
    if (!has(got, Ready::worker)) return session_.begin();
    try {
      if (session_.active_ == nullptr) {
        return failed(fail(Status::misuse, "there is no answer to read", Phase::receive));
      }
      std::optional<Nanos> budget = session_.address_.statement_timeout;
      if (budget) *budget -= session_.spent_;
      const Running running(session_, *this, budget);
      batch = columnar::Batch::make(session_.active_->schema);
      Result<Then> more = session_.read(*batch, limits_, affected);
      if (!more) return failed(more.take_error());
      then = *more;
      return Step::done();
    } catch (const std::bad_alloc&) {
      return failed(session_.out_of_memory(Phase::receive));
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
    if (!has(got, Ready::worker)) return session_.begin();
    try {
      const Running running(session_, *this, std::nullopt);
      session_.drop_answer();
      if (sqlite3_get_autocommit(session_.db_.get()) == 0) {
        if (Result<void> done = session_.execute("ROLLBACK"); !done) return failed(as_reset(done.take_error()));
      }
      if (!session_.changed_) return Step::done();
      Result<void> done = session_.restore();
      return done ? Step::done() : failed(as_reset(done.take_error()));
    } catch (const std::bad_alloc&) {
      return failed(fail(Status::no_memory, "out of memory", Phase::reset));
    }
  }

 private:
  static Failure as_reset(Failure failure) {
    failure->phase = Phase::reset;
    return failure;
  }

  SqliteSession& session_;
};

SqliteSession::Running::Running(SqliteSession& session, const Operation& operation,
                                std::optional<Nanos> budget) noexcept
    : session_(session) {
  session.stopped_ = Stopped::no;
  session.began_inside_ = sqlite3_get_autocommit(session.db_.get()) == 0;
  session.until_ = operation.deadline;
  if (budget) {
    began_ = steady_clock().now();
    session.until_ = earlier(session.until_, Deadline::after(*began_, *budget));
  }
  session.running_ = &operation;
}

SqliteSession::Running::~Running() {
  session_.running_ = nullptr;
  if (began_) session_.spent_ += steady_clock().now() - *began_;
}

Step SqliteSession::begin() noexcept {
  stop_->wanted.store(false, std::memory_order_relaxed);
  return Step::waits({driver::On::worker, -1, Ready::start, Deadline::never()});
}

SqliteSession::SqliteSession(Handle db, const config::Address& address)
    : address_(address),
      db_(std::move(db)),
      jitter_(static_cast<uint32_t>(number() ^ static_cast<uint64_t>(steady_clock().now().ns)) | 1) {
  install_handlers();
}

SqliteSession::~SqliteSession() {
  // Closing may write the log back into the file: nothing stops that, and it waits for nobody.
  sqlite3_progress_handler(db_.get(), 0, nullptr, nullptr);
  sqlite3_busy_handler(db_.get(), nullptr, nullptr);
  drop_answer();
}

void SqliteSession::install_handlers() noexcept {
  sqlite3_progress_handler(db_.get(), progress_every, on_progress, this);
  sqlite3_busy_handler(db_.get(), on_busy, this);
}

std::unique_ptr<driver::Run> SqliteSession::run(driver::Request request) {
  return std::make_unique<RunOperation>(*this, std::move(request));
}
std::unique_ptr<driver::Run> SqliteSession::next_set() { return std::make_unique<RunOperation>(*this); }
std::unique_ptr<driver::Fetch> SqliteSession::fetch(driver::FetchLimits limits) {
  return std::make_unique<FetchOperation>(*this, limits);
}
std::unique_ptr<Operation> SqliteSession::ping() { return std::make_unique<PingOperation>(); }
std::unique_ptr<Operation> SqliteSession::reset() { return std::make_unique<ResetOperation>(*this); }

State SqliteSession::state() const noexcept {
  if (active_ != nullptr || !rest_.empty()) return State::answering;
  return sqlite3_get_autocommit(db_.get()) != 0 ? State::idle : State::in_transaction;
}

bool SqliteSession::should_stop() noexcept {
  if (stop_->wanted.load(std::memory_order_acquire) || (running_ != nullptr && running_->cancel_requested()) ||
      (dial_ != nullptr && dial_->interrupted())) {
    stopped_ = Stopped::cancelled;
  } else if (!until_.is_never() && until_.passed(steady_clock().now())) {
    stopped_ = Stopped::deadline;
  }
  return stopped_ != Stopped::no;
}

int SqliteSession::on_progress(void* self) noexcept { return static_cast<SqliteSession*>(self)->should_stop() ? 1 : 0; }

// Own jittered retries of about a millisecond: SQLite's busy_timeout starves some writers for seconds.
int SqliteSession::on_busy(void* self, int) noexcept {
  auto& session = *static_cast<SqliteSession*>(self);
  if (session.should_stop()) return 0;
  uint32_t& x = session.jitter_;  // xorshift: enough to keep two sessions from meeting for ever
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  const timespec pause{0, 500'000 + static_cast<long>(x % 1'000'000)};
  nanosleep(&pause, nullptr);
  return 1;
}

Failure SqliteSession::stopped(Outcome outcome) const {
  Failure failure = stopped_ == Stopped::cancelled
                        ? fail(Status::cancelled, "the call was cancelled", Phase::send)
                        : fail(Status::statement_timeout, "the statement ran out of time", Phase::send);
  failure->outcome = outcome;
  return failure;
}

Failure SqliteSession::failed(int code, Phase phase) {
  const int primary = code & 0xff;
  // Told to stop while it waited for a lock, it had done nothing yet; a deadline there is the lock's error.
  const bool while_waiting = primary == SQLITE_BUSY && stopped_ == Stopped::cancelled;
  Failure failure;
  if (stopped_ == Stopped::no || (primary != SQLITE_INTERRUPT && !while_waiting)) {
    failure = failure_of(db_.get(), code, phase);
  } else {
    failure = stopped(while_waiting ? Outcome::refused : Outcome::rolled_back);
    failure->phase = phase;
    failure->native = code;
  }
  // Some failures end the transaction with the statement.
  if (began_inside_ && sqlite3_get_autocommit(db_.get()) != 0) failure->outcome = Outcome::rolled_back;
  return failure;
}

Failure SqliteSession::out_of_memory(Phase phase) {
  Failure failure = fail(Status::no_memory, "out of memory", phase);
  if (active_ != nullptr) failure->outcome = Outcome::unknown;
  return give_up(std::move(failure));
}

Failure SqliteSession::give_up(Failure failure) noexcept {
  drop_answer();
  if (later_in_text_) failure->outcome = Outcome::unknown;
  return failure;
}

void SqliteSession::drop_answer() noexcept {
  if (active_ != nullptr) sqlite3_reset(active_->statement.get());
  active_ = nullptr;
  own_.statement.reset();
  rest_ = {};
  text_.reset();
  row_waits_ = false;
  if (arena_.capacity() > most_arena_kept) std::string().swap(arena_);
}

}  // namespace tl::sqlite
