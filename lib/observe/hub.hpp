// Where events go: one hub per registry.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "event.hpp"
#include "fork.hpp"

namespace tl::observe {

// Called from any thread, several at once, where the event happened: it must be quick, wait for nothing and call
// nothing of the connection that the event is of. Events of one session come in order: connect, checkout, query,
// checkin, disconnect; only a statement that its caller gave up may be told after its session has come home. Between
// sessions, and of state changes, there is no order.
class Listener {
 public:
  virtual ~Listener() = default;
  // False: it is lost, though he goes on listening.
  virtual bool event(const std::shared_ptr<const Event>& event) noexcept = 0;
  // Who alone takes what arrives there, as CallOptions::owner says it; 0: not known.
  [[nodiscard]] virtual uint64_t taker() const noexcept { return 0; }
};

class Hub {
 public:
  Hub() = default;
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  [[nodiscard]] bool wants(Kind kind) const noexcept { return (wanted() & bit(kind)) != 0; }
  // All kinds that somebody listens to. The one thing done where nobody does.
  [[nodiscard]] Kinds wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }

  // Whether all who want this kind are one taker's.
  [[nodiscard]] bool reaches_only(Kind kind, uint64_t taker) const;

  // From now on; a listener that is subscribed already has these kinds instead.
  void subscribe(std::shared_ptr<Listener> listener, Kinds kinds);
  // Waits for nothing, so that the caller may hold any lock and may be the listener itself: what is published from now
  // on does not reach it, a call that is under way goes on beside the caller, and keeps the listener alive until it is
  // over. Harmless where it is not subscribed.
  void unsubscribe(const Listener& listener);
  // To those who want its kind, on this thread. One that there is no memory for is dropped, and counted. False: nobody
  // has it.
  bool publish(Event&& event) noexcept;
  [[nodiscard]] uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  // The same of an event that could not even be made.
  void drop() noexcept { dropped_.fetch_add(1, std::memory_order_relaxed); }

  // In a child nobody listens.
  void before_fork() noexcept { mutex_.lock(); }
  void after_fork() noexcept { mutex_.unlock(); }
  void begin_in_child() noexcept;

 private:
  struct Subscription {
    std::shared_ptr<Listener> listener;
    Kinds kinds;
  };
  using Subscriptions = std::vector<Subscription>;  // never changed once it is shared

  [[nodiscard]] std::shared_ptr<Subscriptions> others_than(const Listener& listener) const;
  void replace(std::shared_ptr<const Subscriptions> subscriptions) noexcept;

  std::atomic<Kinds> wanted_{0};
  std::atomic<uint64_t> dropped_{0};
  mutable ForkMutex mutex_;
  std::shared_ptr<const Subscriptions> subscriptions_;  // null: nobody's
};

}  // namespace tl::observe
