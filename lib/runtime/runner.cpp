#include "runner.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

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
  WakeFd() = default;
  ~WakeFd() {
    if (fd_ >= 0) close(fd_);
  }
  WakeFd(const WakeFd&) = delete;
  WakeFd& operator=(const WakeFd&) = delete;
  // -1: the process has no descriptor to give at the moment.
  [[nodiscard]] int opened() noexcept {
    if (fd_ < 0) fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd_;
  }
  void signal() const noexcept { eventfd_write(fd_, 1); }
  void drain() const noexcept {
    eventfd_t count = 0;
    eventfd_read(fd_, &count);
  }

 private:
  int fd_ = -1;
};

class CancelOperation final : public Cancellable {
 public:
  CancelOperation(Operation& operation, const WakeFd& wake) : operation_(operation), wake_(wake) {}
  void cancel() noexcept override {
    operation_.request_cancel();
    wake_.signal();
  }

 private:
  Operation& operation_;
  const WakeFd& wake_;
};

short events_of(Ready want) noexcept {
  short events = 0;
  if (has(want, Ready::readable)) events |= POLLIN;
  if (has(want, Ready::writable)) events |= POLLOUT;
  return events;
}

// An error or hang-up is told as whatever was wanted: the client library then says what happened.
Ready ready_of(short revents, Ready want) noexcept {
  if ((revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return want;
  Ready got = Ready::start;
  if ((revents & POLLIN) != 0) got = got | Ready::readable;
  if ((revents & POLLOUT) != 0) got = got | Ready::writable;
  return got;
}

// One wait of the head of the line, until its descriptor, `nearest` (of the times that count; `now` is read only where
// there is one), or the wake descriptor (-1: none). Answers what to pump with; `start` when it was none of the head's.
Ready wait_once(const Wait& wait, Deadline nearest, Instant now, int wake_fd) noexcept {
  pollfd fds[2] = {{wait.on == On::socket ? wait.fd : -1, events_of(wait.want), 0}, {wake_fd, POLLIN, 0}};
  const int n = poll(fds, wake_fd < 0 ? 1 : 2, nearest.is_never() ? -1 : nearest.poll_ms(now));
  if (n > 0 && fds[0].revents != 0) return ready_of(fds[0].revents, wait.want);
  if (!wait.deadline.is_never() && wait.deadline.passed(steady_clock().now())) return Ready::timer;
  return Ready::start;
}

// Until the operation has finished, `until` has passed, or (with a wake descriptor) it is asked to stop. What has
// arrived by then still counts, but not what goes on arriving: a server may talk without end and never answer.
Ended pump_until(Session& session, Operation& operation, Deadline until, int wake_fd) noexcept {
  while (!operation.finished()) {
    const Wait& wait = session.waiting().wait;
    if (wait.on == On::worker) {
      session.pump(Ready::worker);
      continue;
    }
    if (wake_fd >= 0 && operation.cancel_requested()) return Ended::cancelled;
    // Without anything that the clock decides, the clock is not read: it costs as much as the rest of a fast wait.
    const Deadline nearest = earlier(until, wait.deadline);
    const Instant now = nearest.is_never() ? Instant{} : steady_clock().now();
    const Ready got = wait_once(wait, nearest, now, wake_fd);
    if (got != Ready::start) session.pump(got);
    if (until.passed(now) && !operation.finished()) return Ended::deadline;
  }
  return Ended::finished;
}

}  // namespace

Ended run(Session& session, Operation& operation, Ticket* ticket) {
  if (ticket == nullptr) {
    session.submit(operation);
    return pump_until(session, operation, operation.deadline, -1);
  }
  thread_local WakeFd wake;
  const int wake_fd = wake.opened();
  CancelOperation target(operation, wake);
  Ended ended = Ended::finished;
  {
    const Ticket::Attachment attached(ticket, target);
    session.submit(operation);
    ended = pump_until(session, operation, operation.deadline, wake_fd);
  }
  // Nobody signals any more. A system call only where there is something to take.
  if (operation.cancel_requested()) wake.drain();
  return ended;
}

bool finish(Session& session, Operation& operation, Deadline until) {
  return pump_until(session, operation, until, -1) == Ended::finished;
}

}  // namespace tl::runtime
