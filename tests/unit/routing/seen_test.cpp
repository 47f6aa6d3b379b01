#include <doctest/doctest.h>

#include "seen.hpp"

using namespace tl;
using driver::ServerRole;
using routing::Seen;
using namespace std::chrono_literals;

namespace {

constexpr Instant now{int64_t{400} * 24 * 3600 * 1'000'000'000 + 123'456'789};  // a machine that runs for long

Seen there_and_back(const Seen& seen, Instant when = now) { return routing::unpack(routing::pack(seen), when); }

}  // namespace

TEST_CASE("what is known survives being one word") {
  for (const ServerRole role : {ServerRole::unknown, ServerRole::primary, ServerRole::replica}) {
    for (const bool aside : {false, true}) {
      const Seen seen = there_and_back({role, aside, Nanos(1500ms), now + Nanos(-2s)});
      CHECK(seen.role == role);
      CHECK(seen.is_aside == aside);
      CHECK(seen.lag == Nanos(1500ms));
      CHECK(now - seen.at >= Nanos(2s) - Nanos(10ms));
      CHECK(now - seen.at <= Nanos(2s) + Nanos(10ms));
    }
  }
}

TEST_CASE("a lag is never told as less than it is") {
  CHECK(there_and_back({.lag = Nanos(0)}).lag == Nanos(0));
  CHECK(there_and_back({.lag = Nanos(1)}).lag == Nanos(1ms));
  CHECK(there_and_back({.lag = Nanos(1'000'001)}).lag == Nanos(2ms));
  CHECK(there_and_back({.lag = Nanos(24h * 365)}).lag >= Nanos(72h));
  CHECK(there_and_back({.lag = Nanos(-5)}).lag == Nanos(0));
}

TEST_CASE("a lag that is not known is not short") {
  CHECK_FALSE(there_and_back({}).lag);
  CHECK_FALSE(there_and_back({}).lag_by(now));
}

TEST_CASE("a lag grows while nobody looks") {
  const Seen seen = there_and_back({.lag = Nanos(1s), .at = now}, now + Nanos(3s));
  CHECK(*seen.lag_by(now + Nanos(3s)) >= Nanos(4s) - Nanos(10ms));
  CHECK(*seen.lag_by(now + Nanos(3s)) <= Nanos(4s) + Nanos(10ms));
}

TEST_CASE("a clock that is a little behind does no harm") {
  const Seen seen = there_and_back({.lag = Nanos(1s), .at = now}, now + Nanos(-20ms));
  CHECK(*seen.lag_by(now + Nanos(-20ms)) == Nanos(1s));
}
