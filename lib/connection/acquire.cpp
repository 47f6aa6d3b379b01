// Getting a session: waiting for one where the caller can also be cancelled, and trusting it only when it earned that.
#include <chrono>
#include <tuple>

#include "call.hpp"

namespace tl::connection {
namespace {

class CancellableWait final : public pool::Waiter, public runtime::Cancellable {
 public:
  void granted() noexcept override { set(granted_); }
  void cancel() noexcept override { set(cancelled_); }

  // Until granted, cancelled or `until`.
  void wait(Deadline until) {
    std::unique_lock lock(mutex_);
    const auto something = [this] { return granted_ || cancelled_; };
    if (until.is_never()) {
      changed_.wait(lock, something);
    } else {
      changed_.wait_for(lock, until.at - steady_clock().now(), something);
    }
  }
  // granted() is being called or has been: until it has returned.
  void wait_granted() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return granted_; });
  }
  [[nodiscard]] bool cancelled() {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

 private:
  void set(bool& what) noexcept {
    const std::lock_guard lock(mutex_);
    what = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool granted_ = false;
  bool cancelled_ = false;
};

Result<pool::Lease> acquire(pool::Pool& pool, const pool::Borrower& borrower, const CallOptions& options) {
  if (options.ticket != nullptr && options.ticket->cancelled()) {
    return fail(Status::cancelled, "the call was cancelled before it began", Phase::acquire);
  }
  if (pool::Lease lease = pool.try_acquire(borrower)) return lease;
  if (options.ticket == nullptr) return pool.acquire(borrower, options.deadline);
  CancellableWait waiter;
  const Instant since = steady_clock().now();
  const Deadline until = earlier(options.deadline, Deadline::after(since, pool.settings().acquire_timeout));
  if (Result<void> queued = pool.enqueue(waiter, borrower); !queued) return queued.take_error();
  {
    const runtime::Ticket::Attachment attached(options.ticket.get(), waiter);
    waiter.wait(until);
  }
  if (pool.abandon(waiter)) {
    if (!waiter.cancelled()) return pool.exhausted(until.at - since);
    return fail(Status::cancelled, "the call was cancelled while it waited for a session", Phase::acquire);
  }
  waiter.wait_granted();
  return waiter.take();
}

// Whether the session passes the check that its pool asks for.
bool trusted(Leased& leased, const CallOptions& options) {
  if (leased.check() == pool::Check::none) return true;
  if (!leased.session().looks_alive()) return false;
  if (leased.check() == pool::Check::look) return true;
  const std::unique_ptr<driver::Operation> ping = leased.session().ping();
  const Nanos patience = leased.endpoint().settings().pool.create_timeout;
  ping->deadline = earlier(options.deadline, Deadline::after(steady_clock().now(), patience));
  return runtime::run(leased.session(), *ping, nullptr) == runtime::Ended::finished && ping->succeeded();
}

}  // namespace

Result<Leased> lease(std::shared_ptr<Endpoints>& endpoints, uint32_t index, Holder& holder,
                     const CallOptions& options) {
  Endpoint& endpoint = (*endpoints)[index];
  const config::Pool& settings = endpoint.pool().settings();
  const uint64_t rounds = uint64_t{settings.max} + settings.max_overflow + 1;  // each session once, and a fresh one
  for (uint64_t round = 0; round < rounds; ++round) {
    Result<pool::Lease> acquired = acquire(endpoint.pool(), holder.borrower(options.owner), options);
    if (!acquired) {
      Failure failure = acquired.take_error();
      if (failure->endpoint.empty()) failure->endpoint = endpoint.label();
      return failure;
    }
    Leased leased(std::move(endpoints), index, std::move(holder), acquired.take());
    if (trusted(leased, options)) return leased;
    leased.destroy();
    std::tie(endpoints, holder) = leased.take_owners();
  }
  Failure failure = fail(Status::unavailable, "every session of the pool failed its check, also one just opened", Phase::acquire);
  failure->endpoint = endpoint.label();
  return failure;
}

}  // namespace tl::connection
