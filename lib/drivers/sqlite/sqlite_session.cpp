// The operations, and how they are stopped.
#include "sqlite_session.hpp"

#include <ctime>

#include "sqlite_error.hpp"
#include "sqlite_steps.hpp"

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

class SqliteSession::RunOperation final : public StatementOperation<driver::Run> {
 public:
  RunOperation(SqliteSession& session, driver::Request request)
      : StatementOperation(session), request_(std::move(request)) {}
  // Of the next set of the answer in progress.
  explicit RunOperation(SqliteSession& session) : StatementOperation(session) {}

 private:
  Result<void> attempt() override {
    session_.spent_ = Nanos{0};
    Result<void> done = begin();
    if (done && reply.then == Then::rows && request_.first.rows != 0) done = read_first();
    return done;
  }
  Result<void> begin() {
    if (again()) return session_.first_step(reply);
    return request_.statement == nullptr ? session_.next(reply) : session_.start(request_, reply);
  }
  Result<void> read_first() {
    reply.batch = columnar::Batch::make(reply.schema);
    Result<Then> more = session_.read(*reply.batch, request_.first, reply.affected);
    if (!more) return more.take_error();
    reply.then = *more;
    return {};
  }

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

// What is not over, a stream or one that meets a lock, may be continued late.
SqliteSession::Running::~Running() {
  session_.running_ = nullptr;
  if (session_.state() != State::idle) session_.rest();
  if (began_) session_.spent_ += steady_clock().now() - *began_;
}

Step SqliteSession::begin() noexcept {
  stop_->wanted.store(false, std::memory_order_relaxed);
  lock_ = {};
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
  if (!address_.is_in_memory()) sqlite3_wal_hook(db_.get(), on_log, this);
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

int SqliteSession::on_progress(void* self) noexcept {
  auto& session = *static_cast<SqliteSession*>(self);
  session.rest();  // of a statement that reads another file, or none
  return session.should_stop() ? 1 : 0;
}

// What SQLite asks when it meets a lock. A statement is then tried again as a whole, without a thread that waits; those
// that would take another path at a second try wait here, as what is no statement does.
int SqliteSession::on_busy(void* self, int) noexcept {
  auto& session = *static_cast<SqliteSession*>(self);
  session.rest();
  if (session.active_ != nullptr && !session.active_->waits_itself) return 0;
  const std::optional<Deadline> next = session.next_try();
  if (!next) return 0;
  const timespec at{next->at.ns / 1'000'000'000, next->at.ns % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
  return 1;
}

// Own jittered tries about a millisecond apart: SQLite's busy_timeout starves some writers for seconds.
Nanos SqliteSession::pause() noexcept {
  uint32_t& x = jitter_;  // xorshift: enough to keep two sessions from meeting for ever
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return Nanos(500'000 + x % 1'000'000);
}

std::optional<Deadline> SqliteSession::next_try() noexcept {
  const Instant now = steady_clock().now();
  if (!lock_.begun()) {
    const Nanos patience = running_ == nullptr ? Nanos::max() : running_->lock_patience;
    lock_.begin(now, earlier(until_, Deadline::after(now, patience)));
  }
  if (lock_.over(now) || should_stop()) return std::nullopt;
  lock_.look(address_.database, now);
  return earlier(Deadline::after(now, pause()), lock_.until());
}

bool SqliteSession::met_lock(const Error& failure) const noexcept {
  return active_ != nullptr && is_lock(failure.native);
}

Failure SqliteSession::stopped(Outcome outcome) const {
  Failure failure = stopped_ == Stopped::cancelled
                        ? fail(Status::cancelled, "the call was cancelled", Phase::send)
                        : fail(Status::statement_timeout, "the statement ran out of time", Phase::send);
  failure->outcome = outcome;
  return failure;
}

Failure SqliteSession::failed(int code, Phase phase) {
  Failure failure = reason(code, phase);
  failure->native = code;
  failure->phase = phase;
  // Some failures end the transaction with the statement.
  if (began_inside_ && sqlite3_get_autocommit(db_.get()) != 0) failure->outcome = Outcome::rolled_back;
  return failure;
}

Failure SqliteSession::locked_out(Instant now, Phase phase) {
  Failure failure = fail(Status::lock_timeout, lock_.told(address_.database, now), phase);
  failure->outcome = Outcome::refused;
  return failure;
}

// Told to stop while it waited for a lock, it had done nothing yet; a deadline there is the lock's error.
Failure SqliteSession::reason(int code, Phase phase) {
  if (is_lock(code) && lock_.begun()) {
    const Instant now = steady_clock().now();
    if (lock_.over(now)) return locked_out(now, phase);
    if (stopped_ == Stopped::cancelled) return stopped(Outcome::refused);
  }
  if ((code & 0xff) == SQLITE_INTERRUPT && stopped_ != Stopped::no) return stopped(Outcome::rolled_back);
  return failure_of(db_.get(), code, phase);
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
