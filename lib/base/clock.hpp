// Monotonic time only: wall clocks jump.
#pragma once
#include <chrono>
#include <cstdint>
#include <limits>

namespace tl {

using Nanos = std::chrono::nanoseconds;

// Nanoseconds since an arbitrary start, the same for all threads of a process.
struct Instant {
  int64_t ns = 0;
  friend auto operator<=>(Instant, Instant) = default;
  friend Instant operator+(Instant at, Nanos by) noexcept { return {at.ns + by.count()}; }
  friend Nanos operator-(Instant a, Instant b) noexcept { return Nanos(a.ns - b.ns); }
};

// The moment a caller stops waiting. `never()` is later than every instant.
struct Deadline {
  Instant at{std::numeric_limits<int64_t>::max()};

  [[nodiscard]] static constexpr Deadline never() noexcept { return {}; }
  [[nodiscard]] static Deadline after(Instant now, Nanos budget) noexcept;  // saturates
  [[nodiscard]] bool is_never() const noexcept { return at.ns == std::numeric_limits<int64_t>::max(); }
  [[nodiscard]] bool passed(Instant now) const noexcept { return !is_never() && now >= at; }
  // For poll(2): rounded up, 0 when passed, -1 for never, at most INT_MAX.
  [[nodiscard]] int poll_ms(Instant now) const noexcept;
  friend auto operator<=>(Deadline, Deadline) = default;
};

[[nodiscard]] inline Deadline earlier(Deadline a, Deadline b) noexcept { return a < b ? a : b; }

class Clock {
 public:
  [[nodiscard]] virtual Instant now() const noexcept = 0;
  // Cheap, a few milliseconds behind: for ages, never for deadlines.
  [[nodiscard]] virtual Instant coarse() const noexcept = 0;

 protected:
  ~Clock() = default;
};

[[nodiscard]] const Clock& steady_clock() noexcept;  // CLOCK_MONOTONIC; never destroyed

// Moves only when told to: for tests.
class VirtualClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  [[nodiscard]] Instant coarse() const noexcept override { return now_; }
  void advance(Nanos by) noexcept { now_ = now_ + by; }

 private:
  Instant now_{1};
};

}  // namespace tl
