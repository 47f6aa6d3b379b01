#include "hold.hpp"

#include <algorithm>

namespace tl::connection {

using driver::Then;

uint64_t Hold::push() {
  const std::lock_guard lock(mutex_);
  levels_.push_back(++last_level_);
  return last_level_;
}

void Hold::pop(uint64_t level) noexcept {
  const std::lock_guard lock(mutex_);
  levels_.erase(std::find(levels_.begin(), levels_.end(), level), levels_.end());
  if (levels_.empty()) leased_.go_home();
}

void Hold::abandon(uint64_t level, std::string undo) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find(levels_.begin(), levels_.end(), level);
  if (at == levels_.end()) return;
  levels_.erase(at, levels_.end());
  if (!levels_.empty()) debts_.push_back(std::move(undo));
}

void Hold::leave_unread(Then then) noexcept {
  const std::lock_guard lock(mutex_);
  unread_ = then;
}

Result<void> Hold::enter(uint64_t level, bool ends) {
  const std::lock_guard lock(mutex_);
  if (std::find(levels_.begin(), levels_.end(), level) == levels_.end()) {
    return fail(Status::closed, "this transaction has ended", Phase::acquire);
  }
  if (busy_) return fail(Status::busy, "another statement is running on this session", Phase::acquire);
  if (!ends && levels_.back() != level) {
    return fail(Status::busy, "a transaction or savepoint inside this one has not ended", Phase::acquire);
  }
  if (!leased_) return fail(Status::closed, "the session of this handle was lost or given up", Phase::acquire);
  busy_ = true;
  return {};
}

void Hold::leave() noexcept {
  const std::lock_guard lock(mutex_);
  busy_ = false;
  if (levels_.empty()) leased_.go_home();  // its last handle was dropped while the verb ran
}

Result<void> Hold::pay(sql::Table& statements, const CallOptions& options) {
  Call call(leased_, options);
  while (unread_ != Then::end) {
    if (unread_ == Then::set) {
      auto next = leased_.session().next_set();
      if (Result<void> done = call.perform(next); !done) return done;
      unread_ = next->reply.then;
    } else {
      auto fetch = leased_.session().fetch(options.batch);
      Result<void> done = call.perform(fetch);
      if (!leased_) return done;
      unread_ = done ? fetch->then : Then::end;  // a statement that fails while its rows are dropped has ended
    }
  }
  while (!debts_.empty()) {
    if (Result<void> done = run_text(leased_, statements, debts_.front(), options); !done) return done;
    debts_.erase(debts_.begin());
  }
  return {};
}

Result<void> run_text(Leased& leased, sql::Table& statements, std::string_view text, const CallOptions& options) {
  auto statement = statements.find(text, false);
  if (!statement) return statement.take_error();
  auto run = leased.session().run({statement.take(), {}});
  return Call(leased, options).begin(run);
}

}  // namespace tl::connection
