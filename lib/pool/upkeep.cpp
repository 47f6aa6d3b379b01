// What happens to a pool without a caller: dials end, sessions grow old, the pool opens and closes.
#include <algorithm>

#include "pool.hpp"
#include "pool_inside.hpp"

namespace tl::pool {
namespace {

constexpr double lifetime_jitter = 0.1;

bool heals_by_waiting(Status status) noexcept {
  return status != Status::authentication && status != Status::tls && status != Status::configuration;
}

// Takes the session; null: there is no memory, and the session is still the caller's.
Slot* slot_for(std::unique_ptr<driver::Session>& session) noexcept {
  try {
    auto slot = std::make_unique<Slot>();
    slot->backend_id = BackendId(session->backend_id());
    slot->session = std::move(session);
    return slot.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void Pool::dialled(std::unique_ptr<driver::Session> session) noexcept {
  Inside& in = *inside_;
  Slot* const slot = slot_for(session);
  if (slot == nullptr) {
    in.limit_over_all.leaving();
    in.supply.retire(std::move(session), Permit(in.share.limit));
    dial_failed(nullptr, false);
    return;
  }
  in.supply.watch(*this, *slot->session);
  slot->opened = in.clock.now();
  const Instant now = in.clock.coarse();
  std::shared_ptr<const Error> healed;  // freed without the lock
  Chores chores;
  Inside::Lock lock(in.mutex);
  const auto& lifetime = in.settings.max_lifetime;
  slot->expires = lifetime ? Deadline::after(slot->opened, in.jitter.shorten(*lifetime, lifetime_jitter)).at : never;
  --in.dialling;
  ++in.sessions_opened;
  in.backoff.succeeded();
  healed.swap(in.last_failure);
  in.all.push_back(*slot);
  in.settle(*slot, true, now, chores);
  in.start_dials(now, chores);
  in.finish(lock, now, chores);
}

void Pool::dial_failed(Failure failure) noexcept { dial_failed(std::move(failure), true); }

// A waiter for whom nothing is left to hope gets the reason at once: waiting does not heal it, or the dial was started
// while it waited and there is neither a session nor another dial. The others wait for the next attempt.
void Pool::dial_failed(Failure failure, bool permit_is_free) noexcept {
  Inside& in = *inside_;
  const std::shared_ptr<const Error> reason = in.reason_of(std::move(failure));
  std::shared_ptr<const Error> previous = reason;  // freed without the lock
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  --in.dialling;
  ++in.dial_failures;
  if (permit_is_free) {
    in.limit_over_all.put_back();
    chores.permits |= Chores::serve;
  }
  previous.swap(in.last_failure);
  in.backoff.failed(now, in.jitter);

  const bool hopeless = !heals_by_waiting(reason->status);
  const bool alone = in.has_no_session();
  while (Waiter* waiter = in.line.first()) {
    if (in.closed || (!hopeless && !(alone && waiter->arrival_ < in.last_dial))) break;
    in.leave_line(*waiter);
    chores.refused.push_back(*waiter);
  }
  chores.reason = reason;
  in.start_dials(now, chores);
  in.finish(lock, now, chores);
}

Instant Pool::maintain() noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  in.wake = never;
  in.reap(now, chores);
  in.start_dials(now, chores);
  in.ask_wake(std::min(in.next_reap(), in.rest(now)), chores);
  chores.wake = never;  // told by the return value
  in.finish(lock, now, chores);

  lock.lock();  // a dial that ended at once may have asked for an earlier time
  return in.wake;
}

void Pool::expire(uint64_t session) noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  Slot* slot = in.all.first();
  while (slot != nullptr && slot->session->number() != session) slot = slot->newer;
  if (slot != nullptr) in.expire(*slot, chores);
  in.finish(lock, now, chores);
}

void Pool::expire_all() noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  in.backoff.succeeded();
  Slot* next = nullptr;
  for (Slot* slot = in.all.first(); slot != nullptr; slot = next) {
    next = slot->newer;
    in.expire(*slot, chores);
  }
  in.start_dials(now, chores);
  in.finish(lock, now, chores);
}

void Pool::retry_dials() noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  in.backoff.succeeded();
  in.start_dials(now, chores);
  in.finish(lock, now, chores);
}

void Pool::open() noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  in.opened = true;
  in.start_dials(now, chores);
  in.finish(lock, now, chores);
}

void Pool::close() noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  in.close(now, chores);
  in.refuse_line(chores);
  in.finish(lock, now, chores);
}

void Pool::drain() noexcept {
  Inside& in = *inside_;
  const Instant now = in.clock.now();
  Chores chores;
  Inside::Lock lock(in.mutex);
  in.close(now, chores);
  in.finish(lock, now, chores);
}

bool Pool::drained() const noexcept {
  const Inside::Lock lock(inside_->mutex);
  return inside_->closed && inside_->has_no_session();
}

}  // namespace tl::pool
