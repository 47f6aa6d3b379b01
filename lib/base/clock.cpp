#include "clock.hpp"

#include <algorithm>
#include <climits>
#include <ctime>

namespace tl {
namespace {

Instant read(clockid_t id) noexcept {
  timespec t{};
  clock_gettime(id, &t);
  return {int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec};
}

class SteadyClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override { return read(CLOCK_MONOTONIC); }
  [[nodiscard]] Instant coarse() const noexcept override { return read(CLOCK_MONOTONIC_COARSE); }
};

}  // namespace

Deadline Deadline::after(Instant now, Nanos budget) noexcept {
  if (budget.count() > std::numeric_limits<int64_t>::max() - now.ns) return never();
  return {now + budget};
}

int Deadline::poll_ms(Instant now) const noexcept {
  if (is_never()) return -1;
  if (now >= at) return 0;
  const int64_t left = (at.ns - now.ns + 999'999) / 1'000'000;
  return static_cast<int>(std::min<int64_t>(left, INT_MAX));
}

const Clock& steady_clock() noexcept {
  static constexpr SteadyClock clock{};
  return clock;
}

}  // namespace tl
