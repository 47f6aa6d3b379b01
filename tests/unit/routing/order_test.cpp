#include <doctest/doctest.h>

#include <vector>

#include "routing.hpp"

using namespace tl;
using driver::ServerRole;
using routing::Fitness;
using routing::Mode;
using routing::Order;
using routing::Seen;
using routing::Set;
using namespace std::chrono_literals;

namespace {

constexpr Instant now{1'000'000'000'000};
constexpr Seen primary{.role = ServerRole::primary, .at = now};
constexpr Seen replica{.role = ServerRole::replica, .lag = Nanos(0), .at = now};

Seen behind(Nanos lag) { return {.role = ServerRole::replica, .lag = lag, .at = now}; }
Seen aside() { return {.role = ServerRole::replica, .is_aside = true}; }

Set readers(const routing::Wish& wish, const std::vector<Seen>& seen, uint32_t writer) {
  return routing::readers(
      wish, static_cast<uint32_t>(seen.size()), [&](uint32_t i) { return seen[i]; }, writer, now);
}

Set readers(const std::vector<Seen>& seen, std::optional<Nanos> max_lag = {}, Mode mode = Mode::dual,
            uint32_t writer = 0) {
  return readers({.read = true, .mode = mode, .max_lag = max_lag, .after = {}}, seen, writer);
}

std::vector<uint32_t> all_of(const Order& order) {
  std::vector<uint32_t> all;
  for (uint32_t i = 0; i < order.size(); ++i) all.push_back(order[i]);
  return all;
}

}  // namespace

TEST_CASE("reads go to replicas, writes do not") {
  const std::vector<Seen> seen{primary, replica, replica};
  CHECK(readers(seen) == 0b110);
  CHECK(readers(seen, {}, Mode::read) == 0b110);
  CHECK(readers(seen, {}, Mode::write) == 0);
  CHECK(readers({.read = false}, seen, 0) == 0);
}

TEST_CASE("who has failed, is behind or another primary serves no reads") {
  CHECK(readers({primary, aside(), replica}) == 0b100);
  CHECK(readers({primary, behind(5s), replica}) == 0b110);
  CHECK(readers({primary, behind(5s), replica}, Nanos(4s)) == 0b100);
  CHECK(readers({primary, behind(5s), replica}, Nanos(5s)) == 0b110);
  CHECK(readers({primary, primary, replica}) == 0b100);
}

TEST_CASE("a replica of unknown lag serves where no limit is set") {
  const Seen unknown{.role = ServerRole::replica, .at = now};
  CHECK(readers({primary, unknown}) == 0b10);
  CHECK(readers({primary, unknown}, Nanos(1h)) == 0);
}

TEST_CASE("a demoted primary serves reads, and a promoted replica does not") {
  CHECK(readers({replica, primary, replica}, {}, Mode::dual, 1) == 0b101);
}

TEST_CASE("the order begins where it is told, goes round, and ends with the writer") {
  CHECK(all_of({0b1110, 1, 0, false}) == std::vector<uint32_t>{1, 2, 3, 0});
  CHECK(all_of({0b1110, 3, 0, false}) == std::vector<uint32_t>{3, 1, 2, 0});
  CHECK(all_of({0b1011, 1, 2, false}) == std::vector<uint32_t>{1, 3, 0, 2});
  CHECK(all_of({0, 0, 2, false}) == std::vector<uint32_t>{2});
  CHECK(all_of({0b110, 2, Order::nobody, false}) == std::vector<uint32_t>{2, 1});
  CHECK(all_of({0, 0, Order::nobody, false}).empty());
  const Set last = Set{1} << 63;
  CHECK(all_of({last | 1, 63, 5, false}) == std::vector<uint32_t>{63, 0, 5});
}

TEST_CASE("what is unsure is so of readers alone") {
  const Order order(0b110, 1, 0, true);
  CHECK(order.is_unsure(1));
  CHECK_FALSE(order.is_unsure(0));
  CHECK_FALSE(Order(0b110, 1, 0, false).is_unsure(1));
}
