#include <doctest/doctest.h>

#include <vector>

#include "routing.hpp"

using namespace tl;
using driver::ServerRole;
using routing::Contender;

namespace {

Contender primary(uint32_t timeline = 1) { return {.role = ServerRole::primary, .timeline = timeline}; }
Contender replica() { return {.role = ServerRole::replica, .was_replica = true, .timeline = 1}; }
Contender gone(Contender it) {
  it.is_aside = true;
  return it;
}
Contender uncertain(bool was_replica = false) {
  return {.role = ServerRole::primary, .is_certain = false, .was_replica = was_replica};
}

uint32_t chosen(const std::vector<Contender>& contenders, uint32_t current = 0) {
  return routing::choose_writer(contenders, current);
}

}  // namespace

TEST_CASE("the configured primary takes the writes, also while nothing is known") {
  CHECK(chosen({{}, {}, {}}) == 0);
  CHECK(chosen({primary(), replica(), replica()}) == 0);
}

TEST_CASE("a promoted replica takes them over") {
  CHECK(chosen({replica(), replica(), primary(2)}) == 2);
  CHECK(chosen({gone(primary()), replica(), primary(2)}) == 2);
}

TEST_CASE("it keeps them when the old one comes back, as whatever") {
  CHECK(chosen({replica(), primary(2)}, 1) == 1);
  CHECK(chosen({primary(1), primary(2)}, 1) == 1);
  CHECK(chosen({primary(2), primary(2)}, 1) == 1);
}

TEST_CASE("the newer timeline is the one that goes on") {
  CHECK(chosen({primary(1), primary(2)}) == 1);
  CHECK(chosen({primary(1), primary(2), primary(3)}) == 2);
  CHECK(chosen({primary(1), gone(primary(2))}) == 0);
}

TEST_CASE("while nobody is a primary it stays with who was") {
  CHECK(chosen({gone(primary()), replica()}) == 0);
  CHECK(chosen({replica(), replica()}, 1) == 1);
  CHECK(chosen({replica(), gone(primary())}, 0) == 0);
}

TEST_CASE("a replica that was never made read-only is not taken for a primary") {
  CHECK(chosen({gone(primary()), uncertain()}) == 0);
  CHECK(chosen({primary(), uncertain()}) == 0);
}

TEST_CASE("it is taken for one once it was seen as a replica, or once the primary is one") {
  CHECK(chosen({gone(primary()), uncertain(true)}) == 1);
  CHECK(chosen({replica(), uncertain()}) == 1);
  CHECK(chosen({uncertain(), replica()}) == 0);
}
