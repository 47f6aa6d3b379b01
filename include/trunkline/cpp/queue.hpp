// Where verbs are run that nobody waits for.
#pragma once
#include "pending.hpp"

namespace trunkline {

// A reactor without a thread of its own: whoever calls run(), run_one(), poll() or pending::get() drives it, and
// resumes the coroutines whose answers have come. Several threads may: one drives, the others sleep until it has taken
// an answer; a coroutine goes on on the thread that took its answer. An exception that leaves a coroutine or a callback
// leaves the function that was driving; nothing else is lost by it.
//
// When it goes, what is under way is cancelled; pending::get() then throws TL_E_SHUTDOWN, and coroutines that still
// wait are not resumed: they belong to who made them. No thread may be in its functions then.
//
// A forked child's copy belongs to the parent, whatever threads were in its functions: they, verbs on it and answers
// that had not come throw TL_E_CLOSED there, fd() is -1, and letting go of it does nothing. [any thread]
class queue {
 public:
  // Used by registry.
  explicit queue(std::shared_ptr<tl_registry> registry) : on_(detail::reactor::make(std::move(registry))) {}
  queue(queue&&) noexcept = default;
  queue& operator=(queue&& other) noexcept {
    if (this != &other) {
      close();
      on_ = std::move(other.on_);
    }
    return *this;
  }
  ~queue() { close(); }

  // Serves answers, and events, until nothing is under way any more, on any thread, or a wake(). A subscription is
  // under way until it ends.
  void run() const { on_->run(); }
  // Waits for one answer and serves it. False: none came in time, or a wake() did.
  bool run_one(std::chrono::milliseconds timeout = no_timeout) const { return on_->run_one(after(timeout)); }
  // Serves what is there; how many answers that were. For hosts with a loop of their own: whenever fd() is readable.
  size_t poll() const {
    size_t served = 0;
    while (run_one(std::chrono::milliseconds(0))) ++served;
    return served;
  }
  // To be watched by poll or epoll; never read, written or closed.
  [[nodiscard]] int fd() const { return on_->fd(); }
  // One run(), run_one() or poll() that waits, or else the next one, returns.
  void wake() const { on_->wake(); }
  // New verbs throw TL_E_SHUTDOWN; run() serves what is left.
  void shutdown() const { on_->shutdown(); }

  // Used by registry.
  [[nodiscard]] const std::shared_ptr<detail::reactor>& reactor() const noexcept { return on_; }

 private:
  static detail::reactor::deadline after(std::chrono::milliseconds timeout) {
    constexpr auto ages = std::chrono::hours(24 * 365 * 100);  // the clock would not hold much more
    if (timeout < std::chrono::milliseconds(0) || timeout > ages) return std::nullopt;
    return detail::reactor::clock::now() + timeout;
  }
  void close() noexcept {
    if (on_ != nullptr) on_->close();
  }

  std::shared_ptr<detail::reactor> on_;
};

}  // namespace trunkline
