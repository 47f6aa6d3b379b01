#include "seen.hpp"

#include <algorithm>

namespace tl::routing {
namespace {

constexpr int role_bits = 2;
constexpr int lag_bits = 28;
constexpr uint64_t lag_unknown = (uint64_t{1} << lag_bits) - 1;
constexpr uint64_t longest_lag = lag_unknown - 1;  // ms
constexpr int aside_at = role_bits;
constexpr int lag_at = aside_at + 1;
constexpr int time_at = 32;
constexpr int64_t tick = 10'000'000;

uint32_t ticks(Instant at) noexcept { return static_cast<uint32_t>(at.ns / tick); }

}  // namespace

uint64_t pack(const Seen& seen) noexcept {
  uint64_t lag = lag_unknown;
  if (seen.lag) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*seen.lag).count();
    lag = std::min(static_cast<uint64_t>(std::max<int64_t>(ms, 0)), longest_lag);
  }
  return static_cast<uint64_t>(seen.role) | uint64_t{seen.is_aside} << aside_at | lag << lag_at |
         uint64_t{ticks(seen.at)} << time_at;
}

// The ticks have lost their upper half: they are those nearest before now.
Seen unpack(uint64_t word, Instant now) noexcept {
  Seen seen;
  seen.role = static_cast<driver::ServerRole>(word & ((1U << role_bits) - 1));
  seen.is_aside = ((word >> aside_at) & 1) != 0;
  const uint64_t lag = (word >> lag_at) & lag_unknown;
  if (lag != lag_unknown) seen.lag = std::chrono::milliseconds(lag);
  const uint32_t age = ticks(now) - static_cast<uint32_t>(word >> time_at);
  // A clock that is some milliseconds behind that by which it was written.
  seen.at = age > UINT32_MAX / 2 ? now : Instant{now.ns - int64_t{age} * tick};
  return seen;
}

}  // namespace tl::routing
