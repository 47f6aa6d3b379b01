#include "farewell.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

namespace tl::connection {
namespace {

// MariaDB and MySQL close their end before they take the session from their count, a tenth of this as a rule.
Nanos lag_of(config::DriverKind server) noexcept {
  const bool lags = server == config::DriverKind::mariadb || server == config::DriverKind::mysql;
  return lags ? std::chrono::milliseconds(1) : Nanos(0);
}

}  // namespace

Farewell::Farewell(int descriptor, config::DriverKind server) noexcept : lag_(lag_of(server)) {
  if (descriptor >= 0) (void)descriptor_.open([&] { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); });
}

void Farewell::await(Deadline until) const noexcept {
  if (descriptor_.get() < 0) return;
  shutdown(descriptor_.get(), SHUT_WR);  // closing the other copy has not
  for (;;) {
    const Nanos left = until.at - steady_clock().now();
    if (left <= Nanos::zero()) return;
    pollfd waits{.fd = descriptor_.get(), .events = POLLRDHUP, .revents = 0};
    const timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
    if (ppoll(&waits, 1, &timeout, nullptr) > 0) break;
  }
  if (lag_ > Nanos(0)) std::this_thread::sleep_for(lag_);
}

}  // namespace tl::connection
