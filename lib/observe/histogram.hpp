// How long things took, in buckets that OpenTelemetry advises for databases, and two finer ones.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

#include "clock.hpp"

namespace tl::observe {

class Histogram {
 public:
  static constexpr std::array<Nanos, 11> bounds = {
      std::chrono::microseconds(100), std::chrono::microseconds(500), std::chrono::milliseconds(1),
      std::chrono::milliseconds(5),   std::chrono::milliseconds(10),  std::chrono::milliseconds(50),
      std::chrono::milliseconds(100), std::chrono::milliseconds(500), std::chrono::seconds(1),
      std::chrono::seconds(5),        std::chrono::seconds(10)};

  struct Seen {
    std::array<uint64_t, bounds.size() + 1> counts{};  // up to each bound and beyond the one before; the last: the rest
    Nanos sum{0};
    [[nodiscard]] uint64_t count() const noexcept {
      uint64_t all = 0;
      for (const uint64_t some : counts) all += some;
      return all;
    }
  };

  void add(Nanos duration) noexcept {  // [any thread]
    counts_[bucket(duration)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(positive(duration), std::memory_order_relaxed);
  }
  // The same for callers that exclude each other: no locked instruction.
  void add_alone(Nanos duration) noexcept {
    std::atomic<uint64_t>& count = counts_[bucket(duration)];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    sum_.store(sum_.load(std::memory_order_relaxed) + positive(duration), std::memory_order_relaxed);
  }
  [[nodiscard]] Seen look() const noexcept {  // [any thread]
    Seen seen;
    for (size_t i = 0; i < counts_.size(); ++i) seen.counts[i] = counts_[i].load(std::memory_order_relaxed);
    seen.sum = Nanos(static_cast<int64_t>(sum_.load(std::memory_order_relaxed)));
    return seen;
  }

 private:
  // Clocks of different cores may disagree by a little.
  static uint64_t positive(Nanos duration) noexcept {
    return duration.count() > 0 ? static_cast<uint64_t>(duration.count()) : 0;
  }
  static size_t bucket(Nanos duration) noexcept {
    size_t i = 0;
    while (i < bounds.size() && duration > bounds[i]) ++i;
    return i;
  }

  std::array<std::atomic<uint64_t>, bounds.size() + 1> counts_{};
  std::atomic<uint64_t> sum_{0};
};

}  // namespace tl::observe
