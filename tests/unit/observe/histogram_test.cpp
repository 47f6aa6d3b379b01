#include "histogram.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace tl::observe {

using namespace std::chrono_literals;

TEST_CASE("a duration counts in the first bucket that it does not exceed") {
  Histogram histogram;
  histogram.add(0ns);
  histogram.add(100us);
  histogram.add(100us + 1ns);
  histogram.add(10s);
  histogram.add_alone(10s + 1ns);
  histogram.add_alone(1h);
  const Histogram::Seen seen = histogram.look();
  CHECK(seen.counts[0] == 2);
  CHECK(seen.counts[1] == 1);
  CHECK(seen.counts[Histogram::bounds.size() - 1] == 1);
  CHECK(seen.counts[Histogram::bounds.size()] == 2);
  CHECK(seen.count() == 6);
  CHECK(seen.sum == 200us + 1ns + 20s + 1ns + 1h);
}

TEST_CASE("a clock that went back counts as no time") {
  Histogram histogram;
  histogram.add(-5ms);
  histogram.add_alone(-5ms);
  CHECK(histogram.look().counts[0] == 2);
  CHECK(histogram.look().sum == 0ns);
}

TEST_CASE("nothing is lost where threads count at once") {
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) histogram.add(2ms);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(histogram.look().count() == 40'000);
  CHECK(histogram.look().sum == 80s);
}

}  // namespace tl::observe
