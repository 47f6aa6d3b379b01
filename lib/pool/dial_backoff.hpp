// When to dial again after dials that failed: exponentially later, with jitter, one dial an interval.
#pragma once
#include <algorithm>

#include "clock.hpp"

namespace tl::pool {

// A small seeded generator (splitmix64): jitter must differ between processes, and repeat in tests.
class Jitter {
 public:
  explicit Jitter(uint64_t seed) noexcept : state_(seed) {}

  // Between (1 - part) * whole and whole.
  [[nodiscard]] Nanos shorten(Nanos whole, double part) noexcept {
    return whole - Nanos(static_cast<int64_t>(static_cast<double>(whole.count()) * part * fraction()));
  }

 private:
  double fraction() noexcept {
    uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((mixed ^ (mixed >> 31)) >> 11) * 0x1.0p-53;
  }

  uint64_t state_;
};

class DialBackoff {
 public:
  explicit DialBackoff(Nanos first_interval) noexcept
      : first_interval_(std::clamp(first_interval, shortest_interval, longest_interval)) {}

  [[nodiscard]] bool active() const noexcept { return streak_ > 0; }
  // Whether the next dial is so far away that nobody should wait for it: further than the first was.
  [[nodiscard]] bool blocks(Instant now) const noexcept { return active() && now + first_interval_ < retry_at_; }
  [[nodiscard]] Instant retry_at() const noexcept { return retry_at_; }

  // How many of `wanted` dials may start now: while they fail, one per interval.
  [[nodiscard]] uint32_t allows(uint32_t wanted, Instant now) const noexcept {
    if (!active()) return wanted;
    return now < retry_at_ ? 0 : std::min(wanted, 1u);
  }

  void started(Instant now, Jitter& jitter) noexcept {
    unjudged_ = true;
    if (active()) retry_at_ = now + interval(jitter);
  }
  // Dials that were started together and fail together count as one failure.
  void failed(Instant now, Jitter& jitter) noexcept {
    if (active() && !unjudged_) return;
    unjudged_ = false;
    ++streak_;
    retry_at_ = now + interval(jitter);
  }
  void succeeded() noexcept { streak_ = 0; }

 private:
  static constexpr Nanos shortest_interval = std::chrono::milliseconds(1);
  static constexpr Nanos longest_interval = std::chrono::seconds(30);
  static constexpr double jittered_part = 0.25;

  [[nodiscard]] Nanos interval(Jitter& jitter) const noexcept {
    Nanos whole = first_interval_;
    for (uint32_t doubled = 1; doubled < streak_ && whole < longest_interval; ++doubled) {
      whole = std::min(whole * 2, longest_interval);
    }
    return jitter.shorten(whole, jittered_part);
  }

  Nanos first_interval_;
  uint32_t streak_ = 0;
  Instant retry_at_;
  bool unjudged_ = false;  // a dial was started since the last failure that counted
};

}  // namespace tl::pool
