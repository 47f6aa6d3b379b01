// A pool's part in the limit over the sessions of many pools.
#include <thread>

#include "pool.hpp"
#include "pool_inside.hpp"

namespace tl::pool {
namespace {

// So long a session serves the callers of its own pool before others, who have waited longer, may have it closed: a
// pool that got a permit should not have to give it up for each single call, since opening costs more than a call.
constexpr Nanos turn = std::chrono::milliseconds(20);

}  // namespace

bool Pool::Inside::is_claimed(const Slot& slot, Instant now) const noexcept {
  if (share.keeps_idle) return false;
  const Waiter* const waiter = line.first();
  if (waiter == nullptr) return limit_over_all.claim(never);
  return !closed && now - slot.opened >= turn && limit_over_all.claim(waiter->since_);
}

void Pool::Inside::settle_scarce(Slot& slot, Instant now, Chores& chores) noexcept {
  if (is_claimed(slot, now)) return let_go(slot, chores);
  place(slot, true, now, chores);
}

Sharer::Offer Pool::Inside::offer() noexcept {
  const Lock lock(mutex);
  Offer told{.holds_any = !has_no_session(), .needs_them = all.size() <= min};
  if (share.keeps_idle || idle.empty()) return told;
  told.has_idle = true;
  told.quiet_since = idle.first()->quiet_since;
  return told;
}

void Pool::Inside::close_coldest() noexcept {
  const Instant now = clock.now();
  Chores chores;
  Lock lock(mutex);
  if (Slot* const slot = idle.first(); slot && limit_over_all.claim(never)) {
    idle.remove(*slot);
    let_go(*slot, chores);
  }
  finish(lock, now, chores);
}

bool Pool::Inside::permitted() noexcept {
  const Instant now = clock.now();
  Chores chores;
  Lock lock(mutex);
  const bool used = start_dials(now, chores, 1) == 0;
  finish(lock, now, chores);
  return used;
}

uint32_t Pool::Inside::held() const noexcept {
  const Lock lock(mutex);
  return all.size() + dialling;
}

void Pool::Inside::quit() noexcept {
  const auto await_others = [this] {
    while (under_way.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  };
  await_others();  // who may be about to join
  limit_over_all.leave(*this);
  await_others();  // who came by the limit before that
}

}  // namespace tl::pool
