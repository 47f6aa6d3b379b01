// The state of a pool and the steps that its public functions are made of. One mutex guards all of it; whatever is to
// be told to others is collected in Chores and done once the mutex is released.
#pragma once
#include <atomic>
#include <limits>
#include <mutex>

#include "dial_backoff.hpp"
#include "pool.hpp"
#include "seen_session.hpp"
#include "slot.hpp"
#include "waiter_list.hpp"

namespace tl::pool {

constexpr Instant never{std::numeric_limits<int64_t>::max()};

struct Chores {
  static constexpr uint32_t serve = 1;    // one is free
  static constexpr uint32_t reclaim = 2;  // one is lacking

  WaiterList granted;  // their leases are in them
  WaiterList refused;  // each for `reason`
  std::shared_ptr<const Error> reason;
  Slot* retired = nullptr;  // linked by `colder`
  uint32_t dials = 0;
  uint32_t permits = 0;  // of the limit's: what is to be done about them
  Instant wake = never;

  [[nodiscard]] bool any() const noexcept {
    return !granted.empty() || !refused.empty() || retired || (dials | permits) > 0 || wake != never;
  }
};

class Pool::Inside final : public Sharer {
 public:
  using Lock = std::unique_lock<std::mutex>;

  Inside(Pool& owner, observe::Source& told, const config::Pool& given, Supply& world, const Clock& time, uint64_t seed,
         Share given_share);

  // With the mutex held.
  [[nodiscard]] Slot* pop_idle(Instant now, Chores& chores) noexcept;  // the hottest whose lifetime has not ended
  [[nodiscard]] Lease lend(Slot& slot, const Borrower& borrower, Instant now) noexcept;
  void grant(Waiter& waiter, Slot& slot, Instant now, Chores& chores) noexcept;
  void leave_line(Waiter& waiter) noexcept;
  void settle(Slot& slot, bool usable, Instant now, Chores& chores) noexcept;  // to a waiter, the idle, or out
  void settle_scarce(Slot& slot, Instant now, Chores& chores) noexcept;        // likewise, or for another pool's caller
  void place(Slot& slot, bool usable, Instant now, Chores& chores) noexcept;
  void park(Slot& slot, Chores& chores) noexcept;                       // among the idle
  [[gnu::noinline]] void discard(Slot& slot, Chores& chores) noexcept;  // out of the pool
  // The same, where the limit counts it as leaving already.
  void let_go(Slot& slot, Chores& chores) noexcept;
  void expire(Slot& slot, Chores& chores) noexcept;  // nobody gets it any more
  // `permits`: those that there are for it already. Answers how many of them are left.
  uint32_t start_dials(Instant now, Chores& chores, uint32_t permits = 0) noexcept;
  void close(Instant now, Chores& chores) noexcept;
  void refuse_line(Chores& chores) noexcept;  // the pool is closed
  void ask_wake(Instant at, Chores& chores) noexcept;
  [[nodiscard]] bool may_park() const noexcept;
  // Whether the session should go for a caller of another pool, who has waited longer than this pool's first.
  [[nodiscard]] bool is_claimed(const Slot& slot, Instant now) const noexcept;
  [[nodiscard]] bool lent_to_others(uint64_t owner) const noexcept;
  [[nodiscard]] bool owner_holds_all(uint64_t owner) const noexcept;
  [[nodiscard]] bool has_no_session() const noexcept { return all.empty() && dialling == 0; }
  [[nodiscard]] Instant next_reap() const noexcept;
  void reap(Instant now, Chores& chores) noexcept;
  [[nodiscard]] Instant rest(Instant now) noexcept;  // of those that have been idle for long enough; the next time
  [[nodiscard]] Figures count() const noexcept;      // all but the text

  // Of the limit; these take the mutex themselves.
  [[nodiscard]] Offer offer() noexcept override;
  void close_coldest() noexcept override;
  [[nodiscard]] bool permitted() noexcept override;
  [[nodiscard]] const std::string& connection() const noexcept override { return source.connection(); }
  [[nodiscard]] uint32_t held() const noexcept override;
  void quit() noexcept;  // waits for those who are under way in it, once it is closed

  // Dials for what was discarded, releases the mutex and does the chores.
  void finish(Lock& lock, Instant now, Chores& chores) noexcept;

  // Without the mutex.
  struct View {
    Instant at;
    std::vector<SeenSession> sessions;  // the oldest first
    Figures figures;
    std::shared_ptr<const Error> last_failure;
  };
  [[nodiscard]] View look() const;  // everything at one moment
  void count_timeout() noexcept;
  [[nodiscard]] Failure refusal(Status status, std::string message, Phase phase = Phase::acquire) const;
  [[nodiscard]] std::shared_ptr<const Error> reason_of(Failure failure) const noexcept;  // of a dial's
  void tell_checkout(const Slot& slot, Nanos wait) noexcept;  // while it is lent, and its borrower cannot have left
  void tell_checkin(const Slot& slot, Instant now) noexcept;
  void tell_disconnect(const Slot& slot) noexcept;

  Pool& pool;
  observe::Source& source;
  const std::string& endpoint;
  const config::Pool settings;
  const uint32_t min;    // what `max` and `max_idle` leave of it
  const uint32_t limit;  // max and overflow
  // Made before they are needed: when they are there may be no memory, or nobody to tell so.
  const std::shared_ptr<const Error> closed_reason;
  const std::shared_ptr<const Error> no_memory;
  Supply& supply;
  const Clock& clock;
  const Share share;
  SessionLimit& limit_over_all;

  mutable std::mutex mutex;
  SlotsByHeat idle;  // empty while anyone waits
  uint32_t leased = 0;
  uint64_t acquired = 0;
  Instant wake = never;    // maintain() is expected then
  bool lingering = false;  // one that came home did, since rest()
  SlotsByAge all;
  WaiterList line;
  bool opened = false;
  bool closed = false;

  uint32_t dialling = 0;
  bool lacks_permits = false;  // it stands in line for one
  uint64_t sequence = 0;       // of arrivals and dials
  uint64_t last_dial = 0;      // when the latest dial started, in that sequence
  DialBackoff backoff;
  Jitter jitter;
  Instant reap_not_before{0};
  std::shared_ptr<const Error> last_failure;  // of a dial, none since the last success

  uint64_t sessions_opened = 0, sessions_closed = 0, dial_failures = 0, waited = 0, acquire_timeouts = 0;

 private:
  [[nodiscard]] uint32_t take_permits(uint32_t dials, uint32_t for_waiters, uint32_t permits, Chores& chores) noexcept;
  void do_chores(Chores& chores) noexcept;
};

// "180 ms", "12.3 s", "4.5 min".
[[nodiscard]] std::string spoken(Nanos duration);

}  // namespace tl::pool
