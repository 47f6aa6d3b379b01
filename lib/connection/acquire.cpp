// Getting a session: waiting for one where the caller can also be cancelled, and trusting it only when it earned that.
#include <chrono>

#include "call.hpp"
#include "condition.hpp"

namespace tl::connection {
namespace {

class LineWait final : public pool::Waiter, public runtime::Cancellable {
 public:
  // A fiber's first steps with its session are taken here and now: no session is parked with a queue that must wake.
  void granted() noexcept override {
    runtime::Fiber* fiber = nullptr;
    {
      const std::lock_guard lock(mutex_);
      granted_ = true;
      fiber = changed_.claim();
    }
    if (fiber != nullptr) runtime::Fiber::run_claimed(*fiber);
  }
  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify();
  }

  // Until granted, cancelled or `until`.
  void wait(Deadline until) {
    std::unique_lock lock(mutex_);
    (void)changed_.wait(lock, until, [this] { return granted_ || cancelled_; });
  }
  // granted() is being called or has been: until it has returned.
  void wait_granted() {
    std::unique_lock lock(mutex_);
    (void)changed_.wait(lock, Deadline::never(), [this] { return granted_; });
  }
  [[nodiscard]] bool cancelled() {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

 private:
  std::mutex mutex_;
  runtime::Condition changed_;
  bool granted_ = false;
  bool cancelled_ = false;
};

Failure cancelled(const char* when) {
  return fail(Status::cancelled, std::string("the call was cancelled ") + when, Phase::acquire);
}

// In the pool's line, until `until`.
Result<pool::Lease> wait_in_line(pool::Pool& pool, const pool::Borrower& borrower, Deadline until,
                                 runtime::Ticket* ticket) {
  if (ticket == nullptr && runtime::Fiber::current() == nullptr) return pool.acquire(borrower, until);
  LineWait waiter;
  const Instant since = steady_clock().now();
  if (Result<void> queued = pool.enqueue(waiter, borrower); !queued) return queued.take_error();
  {
    const runtime::Ticket::Attachment attached(ticket, waiter);
    waiter.wait(until);
  }
  if (pool.abandon(waiter)) {
    if (!waiter.cancelled()) return pool.exhausted(until.at - since, borrower);
    return cancelled("while it waited for a session");
  }
  waiter.wait_granted();
  return waiter.take();
}

enum class Trust : uint8_t { proven, broken, untold };  // untold: the call ended before the session could tell

// The check that the pool asks for. A session that does not answer goes home to be cleaned or given up.
Trust check(Leased& leased, Deadline until, runtime::Ticket* ticket) {
  if (!leased.session().looks_alive()) return Trust::broken;
  if (leased.check() == pool::Check::look) return Trust::proven;
  std::unique_ptr<driver::Operation> ping = leased.session().ping();
  const Deadline patience = Deadline::after(steady_clock().now(), leased.endpoint().settings().pool.create_timeout);
  ping->deadline = earlier(until, patience);
  const runtime::Ended ended = runtime::run(leased.session(), *ping, ticket);
  if (ended == runtime::Ended::finished) return ping->succeeded() ? Trust::proven : Trust::broken;
  const bool silent = ended == runtime::Ended::deadline && patience.at < until.at;
  leased.go_home_after(std::move(ping), nullptr);
  return silent ? Trust::broken : Trust::untold;
}

// Where no session is lent that could come home while the caller waits, it waits for a dial.
Result<void> may_wait(const Endpoint& endpoint, const CallOptions& options) {
  const Credentials* const credentials = endpoint.credentials().get();
  if (credentials == nullptr || endpoint.pool().lent_to_others(options.owner)) return {};
  return credentials->may_wait(options);
}

// Waits where it must, and checks what it gets: one time limit for all of it.
Result<void> lease_checked(Leased& leased, const std::shared_ptr<Endpoints>& endpoints, uint32_t index,
                           const Holder& holder, const CallOptions& options, pool::Lease first) {
  pool::Pool& pool = (*endpoints)[index].pool();
  runtime::Ticket* const ticket = options.ticket.get();
  const config::Pool& settings = pool.settings();
  const Deadline until = earlier(options.deadline, Deadline::after(steady_clock().now(), settings.acquire_timeout));
  const uint64_t rounds = uint64_t{settings.max} + settings.max_overflow + 1;  // each session once, and a fresh one
  for (uint64_t round = 0; round < rounds; ++round) {
    if (!first) {
      if (Result<void> may = may_wait((*endpoints)[index], options); !may) return may;
      Result<pool::Lease> waited = wait_in_line(pool, holder.borrower(options.owner), until, ticket);
      if (!waited) return waited.take_error();
      first = waited.take();
    }
    leased.prepare(endpoints, holder);
    leased.fill(index, std::move(first));
    const Trust trust = leased.check() == pool::Check::none ? Trust::proven : check(leased, until, ticket);
    if (trust == Trust::proven) return {};
    if (leased) leased.destroy();
    if (ticket != nullptr && ticket->cancelled()) return cancelled("while its session was being checked");
    if (trust == Trust::untold) {
      return fail(Status::acquire_timeout, "the time to get a session was up while one was being checked",
                  Phase::acquire);
    }
    first = pool.try_acquire(holder.borrower(options.owner));
  }
  return fail(Status::unavailable, "every session of the pool failed its check, also one just opened", Phase::acquire);
}

}  // namespace

Result<void> lease(Leased& leased, uint32_t index, const CallOptions& options) {
  if (options.ticket != nullptr && options.ticket->cancelled()) return cancelled("before it began");
  Endpoint& endpoint = (*leased.endpoints())[index];
  pool::Lease first = endpoint.pool().try_acquire(leased.holder().borrower(options.owner));
  if (first && first.check() == pool::Check::none) {
    leased.fill(index, std::move(first));
    return {};
  }
  const std::shared_ptr<Endpoints> endpoints = leased.endpoints();
  const Holder holder = leased.holder();
  Result<void> done = lease_checked(leased, endpoints, index, holder, options, std::move(first));
  if (done) return done;
  Failure failure = done.take_error();
  if (failure->endpoint.empty()) failure->endpoint = endpoint.label();
  leased.prepare(endpoints, holder);
  return failure;
}

}  // namespace tl::connection
