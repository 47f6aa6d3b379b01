#include <poll.h>
#include <sys/socket.h>

#include "driver.hpp"

namespace tl::driver {

bool Dial::interrupted() const noexcept {
  const std::lock_guard lock(mutex_);
  return interrupted_;
}

void Dial::watch(int fd) noexcept {
  const std::lock_guard lock(mutex_);
  fd_ = fd;
  if (interrupted_ && fd_ >= 0) shutdown(fd_, SHUT_RDWR);
}

bool Dial::wait(int fd, Ready want) noexcept {
  pollfd p{fd, 0, 0};
  if (has(want, Ready::readable)) p.events |= POLLIN;
  if (has(want, Ready::writable)) p.events |= POLLOUT;
  for (;;) {
    if (interrupted()) return false;
    const Instant now = steady_clock().now();
    if (deadline_.passed(now)) return false;
    // The shutdown of interrupt() wakes a connected socket, but not one that is still connecting.
    const int slice = 100;
    const int left = deadline_.poll_ms(now);
    const int n = poll(&p, 1, left < 0 || left > slice ? slice : left);
    if (n > 0) return !interrupted();
  }
}

Failure Dial::stopped() const {
  if (deadline_.passed(steady_clock().now()))
    return fail(Status::connect_timeout, "the server did not let the session in within create_timeout", Phase::connect);
  return fail(Status::shutdown, "opening was broken off", Phase::connect);
}

void Dial::interrupt() noexcept {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (fd_ >= 0) shutdown(fd_, SHUT_RDWR);
}

}  // namespace tl::driver
