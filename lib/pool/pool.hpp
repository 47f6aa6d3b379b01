// The sessions of one endpoint, the callers waiting for one, and the leases between them. No sockets, no SQL: dialling,
// retiring, the clock and waking are interfaces that the pool is given.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clock.hpp"
#include "config.hpp"
#include "fork.hpp"
#include "session.hpp"
#include "session_limit.hpp"
#include "source.hpp"

namespace tl::pool {

class Pool;
struct Slot;

// Who holds or wants a session. The texts belong to the caller, who keeps them unchanged until the session is given
// back (or the wait abandoned); the pool copies what it reports.
struct Borrower {
  std::string_view tag;        // "" : none
  std::string_view statement;  // what it runs first, "" : unknown
  uint64_t owner = 0;          // thread, task or goroutine; 0: unknown, never part of self-deadlock detection
};

enum class Check : uint8_t { none, look, ping };  // what to do before the session is trusted
enum class Fate : uint8_t { keep, destroy };

// A hold on one session; move only. Gives back with Fate::keep unless told otherwise. The session must then be clean:
// no transaction, no pending answer, no changed state. One that does not say so of itself is destroyed, whatever its
// fate: a session is presumed broken until proven idle.
class Lease {
 public:
  Lease() = default;
  Lease(Pool* pool, Slot* slot, Check check) noexcept : pool_(pool), slot_(slot), check_(check) {}
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { give_back(Fate::keep); }

  // In a forked child its parent's leases are empty.
  explicit operator bool() const noexcept { return slot_ != nullptr && made_here_; }
  [[nodiscard]] driver::Session& session() const noexcept;
  [[nodiscard]] Check check() const noexcept { return check_; }
  [[nodiscard]] Pool* pool() const noexcept { return pool_; }
  // The borrower is done with it and somebody else is cleaning it: it no longer counts in self-deadlock detection.
  void disown() noexcept;
  void give_back(Fate fate) noexcept;  // then empty; harmless when empty

 private:
  friend class Pool;
  Pool* pool_ = nullptr;
  Slot* slot_ = nullptr;
  Check check_ = Check::none;
  MadeHere made_here_;
};

// A caller in the line. granted() is called exactly once after enqueue() succeeded, unless abandon() answered true:
// from any thread, without the pool's lock held, perhaps before enqueue() returns; then take() gives the lease or the
// reason. A lease that nobody took goes back with the waiter. May be enqueued again once taken.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter() = default;
  virtual void granted() noexcept = 0;
  [[nodiscard]] Result<Lease> take();

 private:
  friend class Pool;
  friend class WaiterList;
  Waiter* before_ = nullptr;
  Waiter* after_ = nullptr;
  Borrower borrower_;
  uint64_t arrival_ = 0;  // in the pool's order of arrivals and dials
  Instant since_;
  Lease lease_;
  std::shared_ptr<const Error> refusal_;
  bool queued_ = false;
};

// What the pool asks of the world; called without the pool's lock held, from any thread that uses the pool.
class Supply {
 public:
  virtual ~Supply() = default;
  // Starts one dial, which ends in exactly one dialled() or dial_failed(), from any thread, perhaps before this
  // returns.
  virtual void dial(Pool& pool) noexcept = 0;
  // From now on expire() is called when its server closes the session, until it is retired. Before anybody has it.
  virtual void watch(Pool& pool, driver::Session& session) noexcept = 0;
  // Closes a session away from the caller's thread, and lets go of its permit when it is gone.
  virtual void retire(std::unique_ptr<driver::Session> session, Permit permit) noexcept = 0;
  // maintain() is wanted no later than then.
  virtual void wake_at(Pool& pool, Instant at) noexcept = 0;
};

struct Figures {
  uint32_t idle = 0, leased = 0, dialling = 0, waiting = 0;
  uint32_t max = 0, max_overflow = 0;
  uint64_t opened = 0, closed = 0, dial_failures = 0;       // since the pool began
  uint64_t acquired = 0, waited = 0, acquire_timeouts = 0;  // waited: of acquired, those that queued
  std::string last_dial_error;                              // "" : none since the last success
};

// How hard it is to get a session.
struct Pressure {
  bool all_leased = false;  // as many as there may be
  uint32_t waiting = 0;     // callers
};

struct LeaseInfo {
  std::string tag, statement, backend_id;  // shortened: the statement to 80 characters on one line
  uint64_t session = 0, owner = 0;
  Nanos held{0};
};

struct SessionInfo {
  uint64_t session = 0;
  std::string backend_id;
  bool leased = false;
  Nanos age{0}, quiet{0};
};

// Of the limit over the sessions of many pools.
struct Share {
  std::shared_ptr<SessionLimit> limit;
  bool keeps_idle = false;  // its sessions are never closed for another pool's callers: what they hold would be lost
};

class Pool {
 public:
  // The source has the label used in errors; the pool counts there, and tells there what it does with its sessions,
  // never with its lock held. Source, supply and clock outlive the pool. `seed` is of its jitter.
  Pool(observe::Source& source, const config::Pool& settings, Supply& supply, const Clock& clock, uint64_t seed,
       Share share = {std::make_shared<SessionLimit>()});
  // Everything has been given back and no dial is under way. Retires what is idle; waits for calls into the supply that
  // other threads are just leaving, so not from within one.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // The hottest idle session, or an empty lease when there is none or earlier callers wait.
  [[nodiscard]] Lease try_acquire(const Borrower& borrower) noexcept;
  // Into the line, first in first served. Errors: acquire_timeout (too many wait), closed, busy (every session is
  // leased to the same owner, who would wait for itself for ever), the last dial's own error while failed dials are
  // spaced and there is no session at all.
  [[nodiscard]] Result<void> enqueue(Waiter& waiter, const Borrower& borrower);
  // Out of the line. False: it was granted already; then granted() has been or is being called and take() must be used.
  [[nodiscard]] bool abandon(Waiter& waiter) noexcept;
  // Waits on the calling thread, until the deadline or acquire_timeout from now, whichever is nearer.
  // Errors: those of enqueue(); closed; those of exhausted(); a dial's own error where waiting cannot heal it
  // (authentication, tls, configuration), or where it was started for this caller, failed, and there is neither a
  // session nor another dial under way.
  [[nodiscard]] Result<Lease> acquire(const Borrower& borrower, Deadline deadline);

  void dialled(std::unique_ptr<driver::Session> session) noexcept;
  void dial_failed(Failure failure) noexcept;  // null: there was no memory, not even for a failure

  // Reaps what is idle or old, fills up to `min`, retries dials. Says when it wants to be called again: of that and
  // what wake_at() asks for from then on, the nearer counts.
  Instant maintain() noexcept;
  // Keeps `min` sessions ready from now on.
  void open() noexcept;
  // Refuses new callers, fails those that wait, retires idle sessions now and leased ones as they come back.
  void close() noexcept;
  // The same, but those that wait are served by what comes back or is being dialled, and fail (closed) only once there
  // is nothing left that could serve them.
  void drain() noexcept;
  [[nodiscard]] bool drained() const noexcept;  // closed, nothing leased, idle or being dialled

  [[nodiscard]] Figures figures() const;
  // Nobody gets the session any more: an idle one is retired now, a leased one as it comes back. Harmless where it has
  // gone already.
  void expire(uint64_t session) noexcept;
  // The same of all that there are, and retry_dials().
  void expire_all() noexcept;
  // Dials need not wait any longer for those that have failed.
  void retry_dials() noexcept;
  [[nodiscard]] uint32_t leased() const noexcept;
  [[nodiscard]] bool lent_to_others(uint64_t owner) const noexcept;  // owner 0: to anybody
  [[nodiscard]] uint64_t acquired() const noexcept;                  // of the figures
  [[nodiscard]] Pressure pressure() const noexcept;                  // of the figures, without making all of them
  [[nodiscard]] std::vector<LeaseInfo> leases() const;
  [[nodiscard]] std::vector<SessionInfo> sessions() const;
  [[nodiscard]] const std::string& endpoint() const noexcept;
  [[nodiscard]] const config::Pool& settings() const noexcept;
  // Why a waiter that expired by itself got nothing, with everything there is to say, after abandon() answered true:
  // acquire_timeout, telling who holds what since when, how many wait, the last dial's error, and who has how many
  // sessions where the limit over all pools stood in the way; connect_timeout where there is no session at all and a
  // dial that has not been answered. Each is counted in `acquire_timeouts`.
  [[nodiscard]] Failure exhausted(Nanos waited, const Borrower& borrower) const;

 private:
  friend class Lease;
  class Inside;
  void dial_failed(Failure failure, bool permit_is_free) noexcept;
  void disown(Slot& slot) noexcept;
  void give_back(Slot& slot, Fate fate) noexcept;
  std::unique_ptr<Inside> inside_;
};

}  // namespace tl::pool
