// A condition variable on which a fiber can wait as a thread does; one waiter at a time.
#pragma once
#include <condition_variable>
#include <mutex>

#include "fiber.hpp"

namespace tl::runtime {

class Condition {
 public:
  // With the mutex held, as all functions are called. False: `until` has passed, and still it does not hold.
  template <class Predicate>
  bool wait(std::unique_lock<std::mutex>& lock, Deadline until, const Predicate& holds) {
    Fiber* const fiber = Fiber::current();
    if (fiber == nullptr) return wait_on_thread(lock, until, holds);
    while (!holds()) {
      if (until.passed(steady_clock().now())) return false;
      waiting_ = fiber;
      lock.unlock();
      (void)fiber->park(-1, driver::Ready::start, until);
      lock.lock();
      waiting_ = nullptr;
    }
    return true;
  }
  void notify() noexcept {
    if (waiting_ != nullptr) {
      waiting_->wake();
    } else {
      changed_.notify_all();
    }
  }
  // As notify(), but a fiber that waits is the caller's to run, without the mutex; null: there is none.
  [[nodiscard]] Fiber* claim() noexcept {
    if (waiting_ != nullptr) return waiting_->claim() ? waiting_ : nullptr;
    changed_.notify_all();
    return nullptr;
  }

 private:
  template <class Predicate>
  bool wait_on_thread(std::unique_lock<std::mutex>& lock, Deadline until, const Predicate& holds) {
    if (!until.is_never()) return changed_.wait_for(lock, until.at - steady_clock().now(), holds);
    changed_.wait(lock, holds);
    return true;
  }

  std::condition_variable changed_;
  Fiber* waiting_ = nullptr;
};

// Where a thread would sleep.
void sleep_for(Nanos time);

}  // namespace tl::runtime
