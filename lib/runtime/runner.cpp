#include "runner.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "condition.hpp"
#include "crew.hpp"
#include "readiness.hpp"

namespace tl::runtime {
namespace {

using driver::On;
using driver::Operation;
using driver::Ready;
using driver::Session;
using driver::Wait;

// The wake descriptor of a blocking thread; made when the thread first runs something that can be cancelled.
class WakeFd {
 public:
  // -1: the process has no descriptor to give at the moment.
  [[nodiscard]] int opened() noexcept {
    (void)fd_.open([] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); });
    return fd_.get();
  }
  void wake() const noexcept { eventfd_write(fd_.get(), 1); }
  void drain() const noexcept {
    eventfd_t count = 0;
    eventfd_read(fd_.get(), &count);
  }

 private:
  Descriptor fd_;
};

// `Waker`: what ends the wait of whoever runs the operation.
template <class Waker>
class CancelOperation final : public Cancellable {
 public:
  CancelOperation(Operation& operation, Waker& waker) : operation_(operation), waker_(waker) {}
  void cancel() noexcept override {
    operation_.request_cancel();
    waker_.wake();
  }

 private:
  Operation& operation_;
  Waker& waker_;
};

// The head of a line, on a thread that may block.
class WorkerJob final : public Job {
 public:
  // Outlives the job, which ends unrun where there is no thread for it.
  class End {
   public:
    void tell(bool ran) noexcept {
      const std::lock_guard lock(mutex_);
      if (std::exchange(came_, true)) return;
      ran_ = ran;
      changed_.notify();
    }
    // Whether it has run.
    [[nodiscard]] bool wait() {
      std::unique_lock lock(mutex_);
      (void)changed_.wait(lock, Deadline::never(), [this] { return came_; });
      return ran_;
    }

   private:
    std::mutex mutex_;
    Condition changed_;
    bool came_ = false;
    bool ran_ = false;
  };

  WorkerJob(Session& session, std::shared_ptr<End> end)
      : Job(reinterpret_cast<uintptr_t>(&session), Deadline::never()), session_(session), end_(std::move(end)) {}
  ~WorkerJob() override { end_->tell(false); }

  void run() noexcept override {
    session_.pump(Ready::worker);
    end_->tell(true);
  }

 private:
  Session& session_;
  const std::shared_ptr<End> end_;
};

Ready poll_once(int fd, Ready want, int timeout_ms, int wake_fd) noexcept {
  pollfd fds[2] = {{fd, static_cast<short>(events_of(want)), 0}, {wake_fd, POLLIN, 0}};
  const int n = poll(fds, wake_fd < 0 ? 1 : 2, timeout_ms);
  return n > 0 && fds[0].revents != 0 ? ready_of(static_cast<uint16_t>(fds[0].revents), want) : Ready::start;
}

// One wait of the head of the line, until its descriptor, `nearest` (of the times that count; `now` is read only where
// there is one), or the wake descriptor (-1: none). Answers what to pump with; `start` when it was none of the head's.
Ready wait_once(const Wait& wait, Deadline nearest, Instant now, int wake_fd) noexcept {
  const int fd = wait.on == On::socket ? wait.fd : -1;
  Fiber* const fiber = Fiber::current();
  const Ready got = fiber != nullptr
                        ? fiber->park(fd, wait.want, nearest)
                        : poll_once(fd, wait.want, nearest.is_never() ? -1 : nearest.poll_ms(now), wake_fd);
  if (got != Ready::start && got != Ready::timer) return got;
  if (!wait.deadline.is_never() && wait.deadline.passed(steady_clock().now())) return Ready::timer;
  return Ready::start;
}

// Of a head that wants a thread that may block: the caller's own, or for a fiber a worker's.
void pump_on_worker(Session& session) {
  if (Fiber::current() != nullptr) {
    const auto end = std::make_shared<WorkerJob::End>();
    blockers().submit(std::make_shared<WorkerJob>(session, end));
    if (end->wait()) return;
  }
  session.pump(Ready::worker);
}

// Until it is finished(), `until` has passed, or `cancellable` (null: nothing) is asked to stop. What has arrived by
// then still counts, but not what goes on arriving: a server may talk without end and never answer.
template <class Finished>
Ended pump_until(Session& session, const Finished& finished, Deadline until, const Operation* cancellable,
                 int wake_fd) {
  while (!finished()) {
    const Wait& wait = session.waiting().wait;
    if (wait.on == On::worker) {
      pump_on_worker(session);
      continue;
    }
    if (cancellable != nullptr && cancellable->cancel_requested()) return Ended::cancelled;
    // Without anything that the clock decides, the clock is not read: it costs as much as the rest of a fast wait.
    const Deadline nearest = earlier(until, wait.deadline);
    const Instant now = nearest.is_never() ? Instant{} : steady_clock().now();
    const Ready got = wait_once(wait, nearest, now, wake_fd);
    if (got != Ready::start) session.pump(got);
    if (until.passed(now) && !finished()) return Ended::deadline;
  }
  return Ended::finished;
}

auto end_of(const Operation& operation) noexcept {
  return [&operation] { return operation.finished(); };
}

template <class Waker>
Ended run_cancellable(Session& session, Operation& operation, Ticket& ticket, Waker& waker, int wake_fd) {
  CancelOperation target(operation, waker);
  const Ticket::Attachment attached(&ticket, target);
  session.submit(operation);
  return pump_until(session, end_of(operation), operation.deadline, &operation, wake_fd);
}

Ended run_on_thread(Session& session, Operation& operation, Ticket& ticket) {
  thread_local WakeFd wake;
  const Ended ended = run_cancellable(session, operation, ticket, wake, wake.opened());
  // Nobody signals any more. A system call only where there is something to take.
  if (operation.cancel_requested()) wake.drain();
  return ended;
}

}  // namespace

Ended run(Session& session, Operation& operation, Ticket* ticket) {
  if (ticket == nullptr) {
    session.submit(operation);
    return pump_until(session, end_of(operation), operation.deadline, nullptr, -1);
  }
  Fiber* const fiber = Fiber::current();
  return fiber == nullptr ? run_on_thread(session, operation, *ticket)
                          : run_cancellable(session, operation, *ticket, *fiber, -1);
}

bool drain(Session& session, Deadline until) {
  const auto empty = [&session] { return session.depth() == 0; };
  return pump_until(session, empty, until, nullptr, -1) == Ended::finished;
}

bool finish(Session& session, Operation& operation, Deadline until) {
  return pump_until(session, end_of(operation), until, nullptr, -1) == Ended::finished;
}

void sleep_for(Nanos time) {
  Fiber* const fiber = Fiber::current();
  if (fiber == nullptr) return std::this_thread::sleep_for(time);
  const Deadline until = Deadline::after(steady_clock().now(), time);
  while (!until.passed(steady_clock().now())) (void)fiber->park(-1, Ready::start, until);
}

}  // namespace tl::runtime
