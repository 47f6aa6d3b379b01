// Handle's transactions and savepoints.
#include "handle.hpp"

namespace tl::connection {

using SessionState = driver::State;

Result<std::shared_ptr<Handle>> Handle::begin(const driver::TransactionOptions& wanted, const CallOptions& options) {
  driver::TransactionOptions chosen = wanted;
  chosen.read_only = wanted.read_only || read_only_;
  if (kind_ == Kind::pooled) {
    auto made = hold_for(chosen.read_only, options);
    if (!made) return connection_->told(made.take_error());
    const std::shared_ptr<Hold> hold = made.take();
    if (Result<void> begun = begin_on(hold->leased(), chosen, options); !begun) return connection_->told(begun.take_error());
    return std::shared_ptr<Handle>(new Handle(*this, Kind::transaction, hold, chosen.read_only));
  }
  const bool inside = kind_ != Kind::pinned;
  if (inside && (wanted.read_only || wanted.isolation != driver::Isolation::server_default)) {
    return connection_->told(fail(Status::misuse, "a savepoint takes no isolation or read-only flag: its transaction has them"));
  }
  Result<HoldUse> use = enter(options);
  if (!use) return connection_->told(use.take_error());
  Leased& leased = hold_->leased();
  if (!inside && leased.session().state() != SessionState::idle) {
    return connection_->told(fail(Status::busy, "this session is in a transaction that was begun as text"));
  }
  std::shared_ptr<Handle> handle(
      new Handle(*this, inside ? Kind::savepoint : Kind::transaction, hold_, chosen.read_only));
  Result<void> begun = inside ? run_text(leased, connection_->statements(), "SAVEPOINT " + handle->savepoint_name(), options)
                              : begin_on(leased, chosen, options);
  if (begun) return handle;
  hold_->pop(handle->level_);
  return connection_->told(begun.take_error());
}

Result<void> Handle::begin_on(Leased& leased, const driver::TransactionOptions& wanted, const CallOptions& options) {
  return run_text(leased, connection_->statements(), connection_->driver().begin_text(wanted), options);
}

std::string Handle::savepoint_name() const { return "tl_" + std::to_string(level_); }

std::string Handle::undo_text() const {
  if (kind_ == Kind::savepoint) return "ROLLBACK TO SAVEPOINT " + savepoint_name();
  return "ROLLBACK";
}

Result<void> Handle::commit(const CallOptions& options) { return told(end(true, options)); }

Result<void> Handle::rollback(const CallOptions& options) { return told(end(false, options)); }

Result<void> Handle::end(bool commit, const CallOptions& options) {
  if (kind_ == Kind::pooled || kind_ == Kind::pinned) {
    return fail(Status::misuse, "this handle is not a transaction; begin() gives one");
  }
  Result<HoldUse> use = enter(options, true);
  if (!use) return use.take_error();
  Leased& leased = hold_->leased();
  const bool failed = leased.session().state() == SessionState::in_failed;
  Result<void> done = commit && !failed ? commit_on(leased, options)
                                        : run_text(leased, connection_->statements(), undo_text(), options);
  if (done && kind_ == Kind::savepoint && !(commit && !failed)) {
    done = run_text(leased, connection_->statements(), "RELEASE SAVEPOINT " + savepoint_name(), options);
  }
  hold_->pop(level_);
  if (!done || !commit || !failed) return done;
  Failure undone = fail(Status::statement, "the transaction had failed before; it was rolled back", Phase::receive);
  undone->outcome = Outcome::rolled_back;
  return undone;
}

// A commit that fails has rolled back; where the database keeps the transaction open all the same (SQLite), it is ended here.
Result<void> Handle::commit_on(Leased& leased, const CallOptions& options) {
  const bool savepoint = kind_ == Kind::savepoint;
  const std::string text = savepoint ? "RELEASE SAVEPOINT " + savepoint_name() : "COMMIT";
  Result<void> done = run_text(leased, connection_->statements(), text, options);
  if (done || !leased) return done;
  const SessionState state = leased.session().state();
  if (state == SessionState::broken || (!savepoint && state == SessionState::idle)) return done;
  Failure failure = done.take_error();
  Result<void> undone = run_text(leased, connection_->statements(), undo_text(), options);
  failure->outcome = undone ? Outcome::rolled_back : Outcome::unknown;
  return failure;
}

}  // namespace tl::connection
