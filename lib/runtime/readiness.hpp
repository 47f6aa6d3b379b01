// What a wait wants of a descriptor, in the bits that poll(2) and epoll have in common.
#pragma once
#include <poll.h>
#include <sys/epoll.h>

#include "operation.hpp"

namespace tl::runtime {

static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP);

[[nodiscard]] inline uint32_t events_of(driver::Ready want) noexcept {
  uint32_t events = 0;
  if (has(want, driver::Ready::readable)) events |= EPOLLIN;
  if (has(want, driver::Ready::writable)) events |= EPOLLOUT;
  return events;
}

// An error or hang-up is told as whatever was wanted: the client library then says what happened.
[[nodiscard]] inline driver::Ready ready_of(uint32_t events, driver::Ready want) noexcept {
  if ((events & (EPOLLERR | EPOLLHUP | POLLNVAL)) != 0) return want;
  driver::Ready got = driver::Ready::start;
  if ((events & EPOLLIN) != 0) got = got | driver::Ready::readable;
  if ((events & EPOLLOUT) != 0) got = got | driver::Ready::writable;
  return got;
}

}  // namespace tl::runtime
