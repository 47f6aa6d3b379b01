// Waiting for a session on the calling thread.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

#include "pool.hpp"
#include "pool_inside.hpp"

namespace tl::pool {
namespace {

static_assert(std::atomic<uint32_t>::is_always_lock_free && sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

// Sleeps on a futex: it has a monotonic timeout with every C library, which a condition variable has not.
class SleepingWaiter final : public Waiter {
 public:
  void granted() noexcept override {
    std::atomic<uint32_t>* const word = &granted_;
    granted_.store(1, std::memory_order_release);  // from here on the waiter may be gone: only its address is used
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }

  // False: the deadline passed first.
  [[nodiscard]] bool wait(const Clock& clock, Deadline deadline) noexcept {
    while (granted_.load(std::memory_order_acquire) == 0) {
      if (deadline.is_never()) {
        sleep(nullptr);
        continue;
      }
      const Nanos left = deadline.at - clock.now();
      if (left <= Nanos::zero()) return false;
      const timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
      sleep(&timeout);
    }
    return true;
  }

 private:
  void sleep(const timespec* timeout) noexcept {
    syscall(SYS_futex, &granted_, FUTEX_WAIT_PRIVATE, 0, timeout, nullptr, 0);
  }

  std::atomic<uint32_t> granted_{0};
};

}  // namespace

Result<Lease> Pool::acquire(const Borrower& borrower, Deadline deadline) {
  if (Lease lease = try_acquire(borrower)) return lease;
  const Clock& clock = inside_->clock;
  const Instant since = clock.now();
  const Deadline until = earlier(deadline, Deadline::after(since, inside_->settings.acquire_timeout));

  SleepingWaiter waiter;
  if (auto queued = enqueue(waiter, borrower); !queued) return queued.take_error();
  if (!waiter.wait(clock, until)) {
    if (abandon(waiter)) return exhausted(until.at - since, borrower);
    (void)waiter.wait(clock, Deadline::never());  // granted in this very moment
  }
  return waiter.take();
}

}  // namespace tl::pool
