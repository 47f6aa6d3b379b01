#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <new>

#include "fake.hpp"

namespace tl::driver {

FakeWire::FakeWire() {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_) != 0) throw std::bad_alloc();
}

FakeWire::~FakeWire() {
  close(ends_[0]);
  close(ends_[1]);
}

void FakeWire::put(char byte) noexcept { (void)send(ends_[1], &byte, 1, MSG_NOSIGNAL); }

void FakeWire::answer(size_t n) noexcept {
  for (size_t i = 0; i < n; ++i) put('.');
}

void FakeWire::cancel() noexcept { put('c'); }

void FakeWire::await_sent() noexcept {
  pollfd end{ends_[1], POLLIN, 0};
  while (poll(&end, 1, -1) < 0) {
  }
}

void FakeWire::hang_up() noexcept { shutdown(ends_[1], SHUT_RDWR); }

void FakeWire::stop_reading() noexcept {
  const char bytes[4096] = {};
  while (send(ends_[0], bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {
  }
}

void FakeWire::read_on() noexcept {
  char bytes[4096];
  while (recv(ends_[1], bytes, sizeof bytes, 0) > 0) {
  }
}

}  // namespace tl::driver
