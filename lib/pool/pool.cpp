#include "pool.hpp"

#include "pool_inside.hpp"

namespace tl::pool {
namespace {

bool proven_clean(const driver::Session& session) noexcept {
  return session.state() == driver::State::idle && !session.changed() && session.depth() == 0;
}

}  // namespace

Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_), slot_(other.slot_), check_(other.check_), made_here_(other.made_here_) {
  other.slot_ = nullptr;
}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_back(Fate::keep);
  pool_ = other.pool_;
  check_ = other.check_;
  made_here_ = other.made_here_;
  slot_ = std::exchange(other.slot_, nullptr);
  return *this;
}

driver::Session& Lease::session() const noexcept { return *slot_->session; }

void Lease::disown() noexcept {
  if (*this) pool_->disown(*slot_);
}

void Lease::give_back(Fate fate) noexcept {
  Slot* const slot = std::exchange(slot_, nullptr);
  if (slot != nullptr && made_here_) pool_->give_back(*slot, fate);
}

Result<Lease> Waiter::take() {
  if (refusal_ == nullptr) return std::move(lease_);
  auto failure = std::make_unique<Error>(*refusal_);
  refusal_ = nullptr;
  return failure;
}

Pool::Pool(observe::Source& source, const config::Pool& settings, Supply& supply, const Clock& clock, uint64_t seed,
           Share share)
    : inside_(std::make_unique<Inside>(*this, source, settings, supply, clock, seed, std::move(share))) {}

Pool::~Pool() {
  close();
  inside_->quit();
}

Lease Pool::try_acquire(const Borrower& borrower) noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.coarse();
  Chores chores;
  Inside::Lock lock(in.mutex);
  Slot* slot = in.pop_idle(now, chores);
  Lease lease = slot ? in.lend(*slot, borrower, now) : Lease();
  in.finish(lock, now, chores);
  if (slot) in.tell_checkout(*slot, Nanos(0));
  return lease;
}

Result<void> Pool::enqueue(Waiter& waiter, const Borrower& borrower) {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  if (in.closed) {
    lock.unlock();
    return std::make_unique<Error>(*in.closed_reason);
  }
  waiter.borrower_ = borrower;
  waiter.since_ = now;
  if (Slot* slot = in.pop_idle(now, chores)) {
    in.grant(waiter, *slot, now, chores);
    in.finish(lock, now, chores);
    return {};
  }
  if (in.line.size() >= in.settings.max_waiters) {
    in.finish(lock, now, chores);
    return in.refusal(Status::acquire_timeout, "too many callers wait for a session of \"" + in.endpoint +
                                                   "\": " + std::to_string(in.settings.max_waiters) + " (max_waiters)");
  }
  if (in.owner_holds_all(borrower.owner)) {
    in.finish(lock, now, chores);
    const bool only = in.limit == 1;
    return in.refusal(Status::busy,
                      (only ? "the only session of \"" : "all " + std::to_string(in.limit) + " sessions of \"") +
                          in.endpoint + (only ? "\" is" : "\" are") +
                          " already held by the caller that asks for another: it would wait for itself; give " +
                          (only ? "it back first" : "one back first, or raise pool.max"));
  }
  if (in.has_no_session() && in.backoff.blocks(now)) {
    const std::shared_ptr<const Error> reason = in.last_failure;
    const Nanos left = in.backoff.retry_at() - now;
    in.finish(lock, now, chores);
    auto failure = std::make_unique<Error>(*reason);
    failure->message += " (next attempt in " + spoken(left) + ")";
    return failure;
  }
  waiter.arrival_ = ++in.sequence;
  waiter.queued_ = true;
  in.line.push_back(waiter);
  in.start_dials(now, chores);
  in.finish(lock, now, chores);
  return {};
}

bool Pool::abandon(Waiter& waiter) noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  if (!waiter.queued_) return false;
  in.leave_line(waiter);
  if (in.lacks_permits) in.start_dials(now, chores);  // one less
  in.finish(lock, now, chores);
  return true;
}

void Pool::disown(Slot& slot) noexcept {
  const Inside::Lock lock(inside_->mutex);
  slot.borrower.owner = 0;
}

void Pool::give_back(Slot& slot, Fate fate) noexcept {
  Inside& in = *inside_;
  const bool usable = fate == Fate::keep && proven_clean(*slot.session);
  const Instant now = in.clock.coarse();
  in.tell_checkin(slot, now);
  Chores chores;
  Inside::Lock lock(in.mutex);
  in.source.counters().leases.add_alone(now - slot.leased_since);
  slot.leased = false;
  --in.leased;
  in.settle(slot, usable && now < slot.expires, now, chores);
  in.finish(lock, now, chores);
}

}  // namespace tl::pool
