// Handle's transactions and savepoints.
#include "consistency.hpp"
#include "handle.hpp"

namespace tl::connection {

using SessionState = driver::State;

Result<std::shared_ptr<Handle>> Handle::begin(const driver::TransactionOptions& wanted, const CallOptions& options) {
  auto begun = retrying([&] { return begin_level(wanted, false, options); }, nullptr, "", options);
  return begun ? std::move(begun) : told(begun.take_error());
}

Result<std::shared_ptr<Handle>> Handle::begin_level(const driver::TransactionOptions& wanted, bool inner,
                                                    const CallOptions& options) {
  driver::TransactionOptions chosen = wanted;
  chosen.read_only = wanted.read_only || read_only_;
  if (kind_ == Kind::pooled) {
    auto made = hold_for(chosen.read_only, options);
    if (!made) return told(made.take_error());
    const std::shared_ptr<Hold> hold = made.take();
    if (Result<void> begun = begin_on(hold->leased(), chosen, options); !begun) return told(begun.take_error());
    return std::shared_ptr<Handle>(new Handle(*this, Kind::transaction, hold, chosen.read_only, inner));
  }
  const bool inside = kind_ != Kind::pinned;
  if (inside && (wanted.read_only || wanted.isolation != driver::Isolation::server_default)) {
    return told(fail(Status::misuse, "a savepoint takes no isolation or read-only flag: its transaction has them"));
  }
  Result<HoldUse> use = enter(options);
  if (!use) return told(use.take_error());
  Leased& leased = hold_->leased();
  if (!inside && leased.session().state() != SessionState::idle) {
    return told(fail(Status::busy, "this session is in a transaction that was begun as text"));
  }
  std::shared_ptr<Handle> handle(
      new Handle(*this, inside ? Kind::savepoint : Kind::transaction, hold_, chosen.read_only, inner));
  Result<void> begun = inside ? run_text(leased, "SAVEPOINT " + savepoint_name(handle->level_), options)
                              : begin_on(leased, chosen, options);
  if (begun) return handle;
  inside ? hold_->pop(handle->level_) : hold_->abandon(handle->level_);  // it may have begun before it was stopped
  return told(begun.take_error());
}

Result<void> Handle::begin_on(Leased& leased, const driver::TransactionOptions& wanted, const CallOptions& options) {
  Result<void> begun = run_text(leased, leased.endpoints()->driver().begin_text(wanted), options);
  if (begun || begun.error().status != Status::unavailable) return begun;
  Failure failure = begun.take_error();
  failure->outcome = Outcome::refused;  // a transaction that was begun, and lost with its session, has no effect
  return failure;
}

Result<void> Handle::commit(const CallOptions& options) { return told(end(true, options)); }

Result<void> Handle::rollback(const CallOptions& options) { return told(end(false, options)); }

Result<void> Handle::end(bool commit, const CallOptions& options) {
  if (kind_ == Kind::pooled || kind_ == Kind::pinned) {
    return fail(Status::misuse, "this handle is not a transaction; begin() gives one");
  }
  if (Result<void> entered = hold_->enter(level_, true, options); !entered) return entered;
  const HoldUse use(hold_);
  if (Failure over = hold_->may_be_committed()) {
    hold_->pop(level_);
    return over;
  }
  return commit ? commit_level(options) : undo_level(options);
}

Result<void> Handle::commit_level(const CallOptions& options) {
  Result<void> done = hold_->pay(options);
  if (done) {
    Leased& leased = hold_->leased();
    const SessionState state = leased.session().state();
    if (state == SessionState::in_failed || state == SessionState::idle) {
      done = fail(Status::statement, "the transaction had failed before; it was rolled back", Phase::receive);
    } else {
      done = kind_ == Kind::savepoint ? run_text(leased, "RELEASE SAVEPOINT " + savepoint_name(level_), options)
                                      : run_commit(leased, options);
    }
  }
  if (!done) return not_committed(done.take_error(), options);
  hold_->pop(level_);
  return done;
}

Result<void> Handle::run_commit(Leased& leased, const CallOptions& options) {
  const bool tracked = !read_only_ && keeps_track(*hold_->endpoints());
  Result<void> done = run_text(leased, "COMMIT", options, tracked);
  if (tracked) note_written(*written_, leased, done ? nullptr : &done.error());
  return done;
}

// What is still open has certainly not been committed, and is undone; so is a savepoint whose session is gone.
Failure Handle::not_committed(Failure failure, const CallOptions& options) {
  const Leased& leased = hold_->leased();
  const SessionState state = leased ? leased.session().state() : SessionState::broken;
  const bool open = state == SessionState::in_transaction || state == SessionState::in_failed;
  const bool may_be_committed = hold_->may_be_committed() != nullptr ||
                                (!open && kind_ == Kind::transaction && failure->outcome == Outcome::unknown);
  failure->outcome = may_be_committed ? Outcome::unknown : Outcome::rolled_back;
  if (was_stopped(*failure)) {
    hold_->abandon(level_);
  } else {
    (void)undo_level(options);
  }
  return failure;
}

// What cannot be undone now is undone before the next verb.
Result<void> Handle::undo_level(const CallOptions& options) {
  Result<void> undone = hold_->undo(level_, options);
  undone ? hold_->pop(level_) : hold_->abandon(level_);
  return undone;
}

}  // namespace tl::connection
