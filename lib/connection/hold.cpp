#include "hold.hpp"

#include <algorithm>

namespace tl::connection {

using driver::State;
using driver::Then;

namespace {

constexpr const char* ended = "this transaction has ended";

}  // namespace

// One verb's place in the line.
struct Hold::Turn final : runtime::Cancellable {
  explicit Turn(std::mutex& of_hold) noexcept : mutex(of_hold) {}
  void cancel() noexcept override {
    const std::lock_guard lock(mutex);
    cancelled = true;
    changed.notify();
  }

  std::mutex& mutex;
  runtime::Condition changed;
  [[nodiscard]] bool is_over() const noexcept { return given || cancelled || refused; }

  bool given = false;
  bool cancelled = false;
  bool refused = false;  // one before it was: what comes behind must not be done without that
};

std::shared_ptr<Hold> Hold::make(Leased leased) {
  const auto destroy = [](Hold* hold) {
    if (hold->made_here_) delete hold;
  };
  return {new Hold(std::move(leased)), destroy};
}

uint64_t Hold::push(uint64_t parent, bool is_transaction, bool inner) {
  const std::lock_guard lock(mutex_);
  const uint64_t level = ++last_level_;
  if (parent != 0 && !is_open(parent)) return level;
  levels_.push_back(level);
  if (is_transaction) transaction_ = level;
  if (is_transaction) may_be_committed_ = false;
  if (inner) inner_ = level;
  return level;
}

void Hold::pop(uint64_t level) noexcept {
  std::unique_lock lock(mutex_);
  end(level);
  if (debt_ >= level) debt_ = 0;
  release(lock, levels_.empty());
}

void Hold::abandon(uint64_t level) noexcept {
  if (!made_here_) return;
  std::unique_lock lock(mutex_);
  if (!is_open(level)) return;
  end(level);
  if (debt_ == 0 || debt_ > level) debt_ = level;
  release(lock, levels_.empty() && !busy_);
}

bool Hold::is_open(uint64_t level) const noexcept {
  return std::find(levels_.begin(), levels_.end(), level) != levels_.end();
}

void Hold::end(uint64_t level) noexcept {
  levels_.erase(std::find(levels_.begin(), levels_.end(), level), levels_.end());
  if (transaction_ >= level) transaction_ = 0;
  if (inner_ >= level) inner_ = 0;
}

void Hold::leave_unread(Then then) noexcept {
  const std::lock_guard lock(mutex_);
  unread_ = then;
}

void Hold::note_begin(const sql::Statement& statement) noexcept {
  may_commit_ = sql::may_end_transaction(statement, endpoints_->statements()->dialect());
}

// Definitions commit on MariaDB, also before they fail, and so may procedures.
void Hold::note_end(Error* failure) noexcept {
  if (!inside_) return;
  if (leased_ && leased_.session().state() != State::broken) {
    if (leased_.session().state() != State::idle) return;
    may_be_committed_ = failure == nullptr || failure->outcome != Outcome::rolled_back;
  } else if (failure != nullptr && failure->status == Status::unavailable && failure->outcome == Outcome::unknown) {
    if (may_commit_) {
      may_be_committed_ = true;
    } else if (!may_be_committed_) {
      failure->outcome = Outcome::rolled_back;
    }
  }
}

Result<void> Hold::is_here() const {
  if (made_here_) return {};
  return of_parent("the session of this handle");
}

Result<void> Hold::enter(uint64_t level, bool ends, const CallOptions& options) {
  if (Result<void> here = is_here(); !here) return here;
  std::unique_lock lock(mutex_);
  const bool goes_on = inner_ != 0 && level == inner_;
  if (busy_ || ((inner_ != 0 || !turns_.empty()) && !goes_on)) {
    if (runtime::Fiber::current() == nullptr) return busy();
    if (Result<void> turn = await_turn(lock, options); !turn) return turn;
  }
  if (Result<void> may = may_enter(level, ends); !may) {
    pass_on();
    return may;
  }
  busy_ = true;
  verb_level_ = level;
  inside_ = transaction_ != 0 && level >= transaction_;
  return {};
}

Failure Hold::busy() const {
  return fail(Status::busy,
              stream_ != 0 ? "a streamed answer has this session: read it to its end, or release it, first"
                           : "another statement is running on this session",
              Phase::acquire);
}

void Hold::note_stream() noexcept {
  const std::lock_guard lock(mutex_);
  stream_ = ++last_stream_;
  for (Turn* const turn : turns_) turn->changed.notify();
}

Result<void> Hold::may_enter(uint64_t level, bool ends) const {
  if (!is_open(level)) return fail(Status::closed, ended, Phase::acquire);
  if (!ends && levels_.back() != level) {
    return fail(Status::busy, "a transaction or savepoint inside this one has not ended", Phase::acquire);
  }
  if (leased_) return {};
  Failure over = ends ? may_be_committed() : nullptr;
  if (over) return over;
  return fail(Status::closed, "the session of this handle was lost or given up", Phase::acquire);
}

Result<void> Hold::await_turn(std::unique_lock<std::mutex>& lock, const CallOptions& options) {
  Turn turn(mutex_);
  turns_.push_back(&turn);
  lock.unlock();
  {
    const runtime::Ticket::Attachment attached(options.ticket.get(), turn);
    lock.lock();
    wait(lock, turn, options);
    lock.unlock();
  }
  lock.lock();
  std::erase(turns_, &turn);
  if (turn.given) return {};
  pass_on();
  if (turn.cancelled) {
    return fail(Status::cancelled, "the call was cancelled while it waited for its turn", Phase::acquire);
  }
  if (!turn.refused && options.deadline.passed(steady_clock().now())) {
    return fail(Status::statement_timeout, "the call's time was up while another statement ran on its session",
                Phase::acquire);
  }
  for (Turn* const behind : turns_) {
    behind->refused = true;
    behind->changed.notify();
  }
  return fail(Status::busy,
              "a streamed answer had its session for longer than others wait for one: read it to its end, or release "
              "it, first",
              Phase::acquire);
}

void Hold::wait(std::unique_lock<std::mutex>& lock, Turn& turn, const CallOptions& options) {
  while (!turn.is_over()) {
    const uint64_t behind = stream_;
    const Nanos patience = patience_of((*endpoints_)[index_].settings().pool);
    const Deadline until =
        behind == 0 ? options.deadline : earlier(options.deadline, Deadline::after(steady_clock().now(), patience));
    if (!turn.changed.wait(lock, until, [&] { return turn.is_over() || stream_ != behind; })) return;
  }
}

// To the next in the line, if it is anybody's turn.
void Hold::pass_on() noexcept {
  if (busy_ || turns_.empty() || inner_ != 0 || turns_.front()->given) return;
  turns_.front()->given = true;
  turns_.front()->changed.notify();
}

void Hold::leave() noexcept {
  if (!made_here_) return;
  std::unique_lock lock(mutex_);
  busy_ = false;
  stream_ = 0;
  if (leased_) leased_.session().rest();  // its next verb may be long in coming
  release(lock, levels_.empty());         // its last handle was dropped while the verb ran
}

// The session goes home without the lock: its next user may run at once, on this thread. Nobody else uses it any more.
void Hold::release(std::unique_lock<std::mutex>& lock, bool is_over) noexcept {
  pass_on();
  lock.unlock();
  if (is_over) leased_.go_home();
}

Result<void> Hold::pay(const CallOptions& options) {
  Result<void> done = read_unread(options);
  if (done) done = pay_debt(options);
  if (done && !leased_) return fail(Status::closed, "the session of this handle was given up", Phase::acquire);
  return done;
}

// A statement that fails while its answer is dropped has ended. If it was stopped, so was the verb that waits for its
// end.
Result<void> Hold::read_unread(const CallOptions& options) {
  if (unread_ == Then::end) return {};
  Call call(leased_, options);
  if (Result<void> wanted = call.still_wanted(); !wanted) return wanted;
  while (unread_ != Then::end) {
    Result<void> done;
    if (unread_ == Then::set) {
      auto next = leased_.session().next_set();
      done = call.perform(next);
      unread_ = done ? next->reply.then : Then::end;
    } else {
      auto fetch = leased_.session().fetch(options.batch);
      done = call.perform(fetch);
      unread_ = done ? fetch->then : Then::end;
    }
    Failure failure = done ? nullptr : done.take_error();
    if (unread_ == Then::end) note_end(failure.get());
    if (failure == nullptr || (leased_ && !was_stopped(*failure))) continue;
    failure->message = "while the rest of an answer that had been dropped was read: " + failure->message;
    failure->outcome = Outcome::not_sent;
    return failure;
  }
  return {};
}

Result<void> Hold::pay_debt(const CallOptions& options) {
  uint64_t debt = 0;
  {
    const std::lock_guard lock(mutex_);
    debt = debt_;
  }
  if (debt == 0) return {};
  if (debt <= verb_level_) return fail(Status::closed, ended, Phase::acquire);  // released since the verb began
  if (Result<void> undone = undo(debt, options); !undone) {
    Failure failure = undone.take_error();
    failure->outcome = Outcome::not_sent;
    if (!leased_ || was_stopped(*failure)) return failure;
    // What should not be there would stay: better no session than that.
    leased_.destroy();
    failure->status = Status::closed;
    failure->message =
        "its session was given up, because what was to be undone first could not be: " + failure->message;
    return failure;
  }
  const std::lock_guard lock(mutex_);
  if (debt_ == debt) debt_ = 0;
  return {};
}

Result<void> Hold::has_transaction() const {
  if (!inside_ || leased_.session().state() != State::idle) return {};
  if (Failure over = may_be_committed()) {
    over->outcome = Outcome::not_sent;
    return over;
  }
  Failure failure = fail(Status::statement,
                         "the database has rolled this whole transaction back, because a statement in it failed or was "
                         "stopped; nothing more runs in it: call rollback()",
                         Phase::send);
  failure->outcome = Outcome::rolled_back;
  failure->endpoint = leased_.endpoint().label();
  return failure;
}

Failure Hold::may_be_committed() const {
  if (!may_be_committed_) return nullptr;
  Failure failure = fail(Status::statement,
                         "a statement has ended this transaction, and what was done in it may be committed: there are "
                         "statements that commit, and so may a procedure; nothing more runs in it",
                         Phase::send);
  failure->outcome = Outcome::unknown;
  if (leased_) failure->endpoint = leased_.endpoint().label();
  return failure;
}

Result<void> Hold::undo(uint64_t level, const CallOptions& options) {
  if (Result<void> read = read_unread(options); !read) return read;
  if (!leased_ || leased_.session().state() == State::idle || leased_.session().state() == State::broken) return {};
  if (!is_savepoint(level)) return run_text(leased_, "ROLLBACK", options);
  const std::string name = savepoint_name(level);
  Result<void> undone = run_text(leased_, "ROLLBACK TO SAVEPOINT " + name, options);
  if (!undone || !leased_) return undone;
  Result<void> released = run_text(leased_, "RELEASE SAVEPOINT " + name, options);
  if (!released && released.error().outcome == Outcome::not_sent) return {};  // its name stays, and does no harm
  return released;
}

bool Hold::is_savepoint(uint64_t level) {
  const std::lock_guard lock(mutex_);
  return transaction_ != 0 && level > transaction_;
}

Nanos patience_of(const config::Pool& pool) noexcept {
  return pool.acquire_timeout.count() == 0 ? config::Pool().acquire_timeout : pool.acquire_timeout;
}

std::string savepoint_name(uint64_t level) { return "tl_" + std::to_string(level); }

bool was_stopped(const Error& error) noexcept {
  return error.status == Status::cancelled || error.status == Status::statement_timeout;
}

Result<void> run_text(Leased& leased, std::string_view text, const CallOptions& options, bool wants_position) {
  auto statement = leased.endpoints()->statements()->find(text, false);
  if (!statement) return statement.take_error();
  auto run = leased.session().run({.statement = statement.take(), .wants_position = wants_position});
  return Call(leased, options).begin(run);
}

}  // namespace tl::connection
