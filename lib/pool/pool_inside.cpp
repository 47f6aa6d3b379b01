#include "pool_inside.hpp"

#include <algorithm>
#include <utility>

namespace tl::pool {
namespace {

constexpr Nanos look_after = std::chrono::milliseconds(10);
constexpr Nanos ping_after = std::chrono::seconds(30);
constexpr Nanos rest_after = std::chrono::milliseconds(10);

Check check_after(Nanos quiet, const config::PrePing& pre_ping) noexcept {
  using Mode = config::PrePing::Mode;
  const Check without_ping = quiet >= look_after ? Check::look : Check::none;
  switch (pre_ping.mode) {
    case Mode::never: return Check::none;
    case Mode::always: return Check::ping;
    case Mode::after_quiet: return quiet >= pre_ping.quiet ? Check::ping : without_ping;
    case Mode::automatic: break;
  }
  return quiet >= ping_after ? Check::ping : without_ping;
}

Instant later(Instant at, Nanos by) noexcept { return Deadline::after(at, by).at; }

uint32_t saturated_sum(uint32_t a, uint32_t b) noexcept {
  return a > std::numeric_limits<uint32_t>::max() - b ? std::numeric_limits<uint32_t>::max() : a + b;
}

}  // namespace

Pool::Inside::Inside(Pool& owner, observe::Source& told, const config::Pool& given, Supply& world, const Clock& time,
                     uint64_t seed, Share given_share)
    : pool(owner),
      source(told),
      endpoint(told.endpoint()),
      settings(given),
      min(std::min({given.min, given.max, given.max_idle})),
      limit(saturated_sum(given.max, given.max_overflow)),
      closed_reason(refusal(Status::closed, "the pool of \"" + endpoint + "\" is closed")),
      no_memory(refusal(Status::no_memory, "there was no memory to open a session with", Phase::connect)),
      supply(world),
      clock(time),
      share(std::move(given_share)),
      limit_over_all(*share.limit),
      backoff(given.create_retry_interval),
      jitter(seed) {}

Slot* Pool::Inside::pop_idle(Instant now, Chores& chores) noexcept {
  while (Slot* slot = idle.last()) {
    idle.remove(*slot);
    if (now < slot->expires) return slot;
    discard(*slot, chores);
  }
  return nullptr;
}

Lease Pool::Inside::lend(Slot& slot, const Borrower& borrower, Instant now) noexcept {
  slot.borrower = borrower;
  slot.leased_since = now;
  slot.leased = true;
  ++leased;
  ++acquired;
  const Nanos quiet = std::max(now - slot.quiet_since, Nanos(0));  // another core's coarse clock may be ahead
  return Lease(&pool, &slot, check_after(quiet, settings.pre_ping));
}

void Pool::Inside::grant(Waiter& waiter, Slot& slot, Instant now, Chores& chores) noexcept {
  waiter.lease_ = lend(slot, waiter.borrower_, now);
  ++waited;
  chores.granted.push_back(waiter);
}

void Pool::Inside::leave_line(Waiter& waiter) noexcept {
  line.remove(waiter);
  waiter.queued_ = false;
}

bool Pool::Inside::may_park() const noexcept {
  return !closed && idle.size() < settings.max_idle && all.size() <= settings.max;
}

void Pool::Inside::park(Slot& slot, Chores& chores) noexcept {
  idle.push_back(slot);
  Instant end = slot.expires;
  // Not this slot's own time: the coldest may have come of age while `min` protected it.
  if (settings.idle_timeout && all.size() > min)
    end = std::min(end, later(idle.first()->quiet_since, *settings.idle_timeout));
  if (end < wake) ask_wake(std::max(end, reap_not_before), chores);
  if (!slot.session->lingers()) return;
  lingering = true;
  ask_wake(later(slot.quiet_since, rest_after), chores);
}

void Pool::Inside::settle(Slot& slot, bool usable, Instant now, Chores& chores) noexcept {
  slot.quiet_since = now;
  if (usable && limit_over_all.is_short()) return settle_scarce(slot, now, chores);
  place(slot, usable, now, chores);
}

void Pool::Inside::place(Slot& slot, bool usable, Instant now, Chores& chores) noexcept {
  Waiter* const waiter = line.first();
  if (usable && waiter) {
    leave_line(*waiter);
    grant(*waiter, slot, now, chores);
    if (lacks_permits) start_dials(now, chores);  // one less
  } else if (usable && may_park()) {
    park(slot, chores);
  } else {
    discard(slot, chores);
  }
}

void Pool::Inside::discard(Slot& slot, Chores& chores) noexcept {
  limit_over_all.leaving();
  let_go(slot, chores);
}

void Pool::Inside::let_go(Slot& slot, Chores& chores) noexcept {
  all.remove(slot);
  ++sessions_closed;
  slot.colder = chores.retired;
  chores.retired = &slot;
}

void Pool::Inside::expire(Slot& slot, Chores& chores) noexcept {
  slot.expires = Instant();
  if (slot.leased) return;
  idle.remove(slot);
  discard(slot, chores);
}

bool Pool::Inside::lent_to_others(uint64_t owner) const noexcept {
  for (const Slot* slot = all.first(); slot; slot = slot->newer) {
    if (slot->leased && (owner == 0 || slot->borrower.owner != owner)) return true;
  }
  return false;
}

bool Pool::Inside::owner_holds_all(uint64_t owner) const noexcept {
  return owner != 0 && leased >= limit && !lent_to_others(owner);
}

// As many as the waiters lack, or `min` does: a session that is opened for a waiter counts for both.
uint32_t Pool::Inside::start_dials(Instant now, Chores& chores, uint32_t permits) noexcept {
  const uint32_t room = !closed && limit > all.size() ? limit - all.size() : 0;
  const uint32_t for_waiters = std::min(line.size(), room);
  const uint32_t for_min = opened && !closed && min > all.size() ? min - all.size() : 0;
  const uint32_t wanted = std::max(for_waiters, for_min);
  const uint32_t lacking = wanted > dialling ? wanted - dialling : 0;
  if (lacking == 0 && !lacks_permits) return permits;

  const uint32_t allowed = backoff.allows(lacking, now);
  if (lacking > allowed) ask_wake(backoff.retry_at(), chores);
  const uint32_t starting = take_permits(allowed, for_waiters, permits, chores);
  if (starting > 0) {
    dialling += starting;
    chores.dials += starting;
    last_dial = ++sequence;
    backoff.started(now, jitter);
  }
  return permits - std::min(permits, starting);
}

// How many of the dials there are permits for, with those that are there. The pool stands in line for the others.
uint32_t Pool::Inside::take_permits(uint32_t dials, uint32_t for_waiters, uint32_t permits, Chores& chores) noexcept {
  const uint32_t permitted = std::min(dials, permits);
  const uint32_t before = dialling + permitted;
  uint32_t rest = dials - permitted;
  // Until the server has let one session in: those of one that is silent would hang there, all that others lack.
  if (all.empty() && limit_over_all.max() != SessionLimit::none) rest = before == 0 ? std::min(rest, 1U) : 0;
  SessionLimit::Wish wish;
  wish.urgent = for_waiters > before ? std::min(rest, for_waiters - before) : 0;
  wish.patient = rest - wish.urgent;
  if (wish.urgent > 0) wish.since = line.first()->since_;
  wish.is_dialling = before > 0;
  if (rest == 0 && !lacks_permits) return permitted;
  const SessionLimit::Grant grant = limit_over_all.take(*this, wish);
  lacks_permits = grant.stands;
  if (grant.reclaim) chores.permits |= Chores::reclaim;
  return permitted + grant.permits;
}

void Pool::Inside::ask_wake(Instant at, Chores& chores) noexcept {
  if (at >= wake) return;
  wake = at;
  chores.wake = at;
}

Instant Pool::Inside::next_reap() const noexcept {
  Instant next = never;
  for (const Slot* slot = idle.first(); slot; slot = slot->hotter) next = std::min(next, slot->expires);
  const bool above_min = all.size() > min;
  if (settings.idle_timeout && above_min && idle.first()) {
    next = std::min(next, later(idle.first()->quiet_since, *settings.idle_timeout));
  }
  return next == never ? never : std::max(next, reap_not_before);
}

void Pool::Inside::reap(Instant now, Chores& chores) noexcept {
  if (now < reap_not_before) return;
  Slot* next = nullptr;
  for (Slot* slot = idle.first(); slot; slot = next) {  // the coldest go first
    next = slot->hotter;
    const bool idled_out =
        settings.idle_timeout && all.size() > min && now - slot->quiet_since >= *settings.idle_timeout;
    if (!idled_out && now < slot->expires) continue;
    idle.remove(*slot);
    discard(*slot, chores);
    reap_not_before = later(now, settings.reap_interval);
  }
}

// One that lingered and is in use comes home soon, as a rule: to look once more costs less than to be woken for it.
Instant Pool::Inside::rest(Instant now) noexcept {
  if (!std::exchange(lingering, false)) return never;
  Instant next = leased > 0 ? later(now, rest_after) : never;
  for (Slot* slot = idle.first(); slot; slot = slot->hotter) {
    if (!slot->session->lingers()) continue;
    const Instant at = later(slot->quiet_since, rest_after);
    if (at <= now) {
      slot->session->rest();  // under the mutex: it takes a microsecond
    } else {
      lingering = true;
      next = std::min(next, at);
    }
  }
  return next;
}

void Pool::Inside::close(Instant now, Chores& chores) noexcept {
  closed = true;
  while (Slot* slot = idle.first()) {
    idle.remove(*slot);
    discard(*slot, chores);
  }
  if (lacks_permits) start_dials(now, chores);  // none: it leaves the line
}

void Pool::Inside::refuse_line(Chores& chores) noexcept {
  chores.reason = closed_reason;
  while (Waiter* waiter = line.first()) {
    leave_line(*waiter);
    chores.refused.push_back(*waiter);
  }
}

void Pool::Inside::finish(Lock& lock, Instant now, Chores& chores) noexcept {
  if (chores.retired) start_dials(now, chores);
  if (closed && has_no_session()) refuse_line(chores);
  if (!chores.any()) {
    lock.unlock();
    return;
  }
  under_way.fetch_add(1, std::memory_order_relaxed);
  lock.unlock();
  do_chores(chores);
  under_way.fetch_sub(1, std::memory_order_release);  // from here on the pool may be gone
}

void Pool::Inside::do_chores(Chores& chores) noexcept {
  while (Waiter* waiter = chores.granted.pop_front()) {
    const Nanos wait = clock.now() - waiter->since_;
    source.counters().waits.add(wait);
    tell_checkout(*waiter->lease_.slot_, wait);
    waiter->granted();
  }
  while (Waiter* waiter = chores.refused.pop_front()) {
    waiter->refusal_ = chores.reason;
    waiter->granted();
  }
  if (chores.wake != never) supply.wake_at(pool, chores.wake);
  if (chores.dials > 0) limit_over_all.join(*this);
  for (; chores.dials > 0; --chores.dials) supply.dial(pool);
  while (Slot* slot = chores.retired) {
    chores.retired = slot->colder;
    tell_disconnect(*slot);
    supply.retire(std::move(slot->session), Permit(share.limit));
    delete slot;
  }
  if (chores.permits & Chores::serve) limit_over_all.serve();
  if (chores.permits & Chores::reclaim) limit_over_all.reclaim();
}

Failure Pool::Inside::refusal(Status status, std::string message, Phase phase) const {
  Failure failure = fail(status, std::move(message), phase);
  failure->endpoint = endpoint;
  return failure;
}

std::shared_ptr<const Error> Pool::Inside::reason_of(Failure failure) const noexcept {
  if (failure == nullptr) return no_memory;
  try {
    if (failure->endpoint.empty()) failure->endpoint = endpoint;
    return failure;
  } catch (const std::bad_alloc&) {
    return no_memory;
  }
}

}  // namespace tl::pool
