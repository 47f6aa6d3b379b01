// A limit over the sessions of many pools: how many there may be in all, who wants one more, and whose idle session
// goes for it. Everything here but what is said to be so: [any thread], without a lock held.
#pragma once
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "clock.hpp"
#include "fork.hpp"
#include "linked.hpp"

namespace tl::pool {

class SessionLimit;

// A pool, as the limit sees it.
class Sharer {
 public:
  Sharer() = default;
  Sharer(const Sharer&) = delete;
  Sharer& operator=(const Sharer&) = delete;
  virtual ~Sharer() = default;

  // What it could do without.
  struct Offer {
    bool holds_any = false;  // sessions, or dials under way
    bool has_idle = false;
    bool needs_them = false;  // it keeps no more than its `min`
    Instant quiet_since;      // of the idle session that was used least recently
  };
  [[nodiscard]] virtual Offer offer() noexcept = 0;  // one that holds none has to join() again
  // Closes that session, if there still is one and it is still wanted.
  virtual void close_coldest() noexcept = 0;
  // A permit that it stood in line for. False: it has no use for it any more.
  [[nodiscard]] virtual bool permitted() noexcept = 0;

  [[nodiscard]] virtual const std::string& connection() const noexcept = 0;
  [[nodiscard]] virtual uint32_t held() const noexcept = 0;  // sessions and dials

 protected:
  // Threads that are in it without keeping it alive; it must not go before they have left.
  std::atomic<uint32_t> under_way{0};

 private:
  friend class SessionLimit;
  enum class Standing : uint8_t { none, urgent, patient };

  Standing standing_ = Standing::none;
  Instant since_;  // while it stands in the urgent line: since when its first caller waits
  Sharer* before_ = nullptr;
  Sharer* behind_ = nullptr;
  bool joined_ = false;
  Sharer* left_ = nullptr;  // among all
  Sharer* right_ = nullptr;
};

// A session's permit, from when the pool lets go of the session until it is gone at its server: whoever closes it holds
// this for so long.
class Permit {
 public:
  explicit Permit(std::shared_ptr<SessionLimit> limit) noexcept : limit_(std::move(limit)) {}
  Permit(Permit&&) noexcept = default;
  Permit& operator=(Permit&&) = delete;
  ~Permit();
  // There is a limit, so that it matters when the session is gone.
  [[nodiscard]] bool is_scarce() const noexcept;

 private:
  std::shared_ptr<SessionLimit> limit_;
};

class SessionLimit {
 public:
  static constexpr uint32_t none = std::numeric_limits<uint32_t>::max();
  explicit SessionLimit(uint32_t max = none) noexcept : max_(max) {}

  [[nodiscard]] uint32_t max() const noexcept { return max_.load(std::memory_order_relaxed); }

  // Somebody waits for a permit, or there are more sessions than are allowed now, and not enough are being closed.
  [[nodiscard]] bool is_short() const noexcept { return short_.load(std::memory_order_relaxed); }

  // ---- with the pool's mutex held

  struct Wish {
    uint32_t urgent = 0;       // permits for callers who wait,
    Instant since;             // the first of them since then;
    bool is_dialling = false;  // for one of them a session is being opened already
    uint32_t patient = 0;      // and for sessions that are kept ready: only what nobody waits for
  };
  struct Grant {
    uint32_t permits = 0;
    bool stands = false;   // in line
    bool reclaim = false;  // call reclaim(): somebody's idle session may have to go
  };
  // Where there are not so many the pool stands in line from now on, in the place that it has already, for one; but not
  // while it opens a session, since whether it lacks another one shows when that is of use: it asks again then. An
  // empty wish leaves the line.
  [[nodiscard]] Grant take(Sharer& sharer, const Wish& wish) noexcept;
  // Whether a session should be closed for somebody who waits, longer than since `since`. It then counts as leaving.
  [[nodiscard]] bool claim(Instant since) noexcept;
  void leaving() noexcept;   // a session is going to be closed
  void put_back() noexcept;  // the permit of a dial that has failed; then serve()

  // ---- without

  void join(Sharer& sharer) noexcept;   // it holds permits, and may come to have idle sessions
  void leave(Sharer& sharer) noexcept;  // it stands in no line and has no session
  // Has idle sessions closed, the one first that was not used for longest, as long as somebody waits for a permit.
  // Those that `min` keeps go last.
  void reclaim() noexcept;
  // Another limit from now on: idle sessions beyond it are closed, others as they come home.
  void change(uint32_t max) noexcept;
  void serve() noexcept;  // gives what is free to those in line
  void left() noexcept;   // one that was leaving() is gone

  struct Figures {
    uint32_t open = 0;     // sessions, with those that are being opened or closed
    uint32_t waiting = 0;  // pools in line
  };
  [[nodiscard]] Figures figures() const noexcept;
  struct Holder {
    std::string connection;
    uint32_t sessions = 0;
  };
  [[nodiscard]] std::vector<Holder> holders();  // by connection, those with most first

  void begin_in_child() noexcept;  // a forked one: as if nobody had a session yet

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Line = Linked<Sharer, &Sharer::before_, &Sharer::behind_>;

  [[nodiscard]] uint32_t free() const noexcept { return max() > taken_ ? max() - taken_ : 0; }
  [[nodiscard]] bool lacks() const noexcept;
  void note_shortage() noexcept { short_.store(lacks(), std::memory_order_relaxed); }
  void stand(Sharer& sharer, Sharer::Standing where) noexcept;
  [[nodiscard]] Sharer* coldest() noexcept;

  std::atomic<uint32_t> max_;
  std::atomic<bool> short_{false};

  // Taken while a pool's mutex is held, and never the other way round.
  alignas(64) mutable std::mutex mutex_;
  uint32_t taken_ = 0;    // permits
  uint32_t leaving_ = 0;  // of these, on their way back
  Line line_;             // of pools whose callers wait,
  Line patient_;          // and of those that have less than their `min`
  bool serving_ = false;

  // Those who hold permits, and have not been found without since. Taken before a pool's mutex.
  std::mutex sharers_mutex_;
  Linked<Sharer, &Sharer::left_, &Sharer::right_> sharers_;
};

}  // namespace tl::pool
