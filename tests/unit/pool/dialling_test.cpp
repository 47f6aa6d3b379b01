// How many dials are started, what becomes of their sessions, and what happens when they fail.
#include <algorithm>

#include "pool_fixture.hpp"

namespace tl::pool {
namespace {

struct Line {
  Line(Desk& desk, int n) : desk_(desk), waiters(n) {
    for (NotingWaiter& waiter : waiters) REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  }
  ~Line() {
    for (NotingWaiter& waiter : waiters) (void)desk_.pool.abandon(waiter);
  }
  [[nodiscard]] int granted() const {
    int n = 0;
    for (const NotingWaiter& waiter : waiters) n += waiter.grants;
    return n;
  }
  Desk& desk_;
  std::vector<NotingWaiter> waiters;
};

}  // namespace

TEST_CASE("dials are started in parallel, never more than are lacking") {
  config::Pool settings = lasting();
  settings.max = 10;
  settings.max_idle = 10;
  Desk desk(settings);

  SUBCASE("max: 100 callers at once, 10 dials") {
    Line line(desk, 100);
    CHECK(desk.supply.dials == 10);
    desk.dial_succeeds(10);
    CHECK(line.granted() == 10);
    CHECK(desk.supply.dials == 10);
    for (NotingWaiter& waiter : line.waiters) {
      REQUIRE(waiter.grants == 1);
      waiter.take().take().give_back(Fate::keep);
    }
    CHECK(desk.supply.dials == 10);
    CHECK(desk.pool.figures().idle == 10);
  }
  SUBCASE("three callers, three dials") {
    Line line(desk, 3);
    CHECK(desk.supply.dials == 3);
    desk.dial_succeeds(3);
    CHECK(line.granted() == 3);
    CHECK(desk.supply.dials == 3);
  }
  SUBCASE("a waiter who gets a returned session leaves his dial to the idle") {
    Lease lease = desk.lease();
    Line line(desk, 1);
    CHECK(desk.supply.dials == 2);
    lease.give_back(Fate::keep);
    CHECK(line.granted() == 1);
    desk.dial_succeeds();
    CHECK(desk.pool.figures().idle == 1);
    CHECK(desk.supply.retired.empty());
    CHECK(desk.supply.dials == 2);
  }
  SUBCASE("a dial under way is counted on by the next caller") {
    { Line gone(desk, 2); }
    Line line(desk, 3);
    CHECK(desk.supply.dials == 3);
  }
  SUBCASE("no dial while somebody can be served") {
    desk.lease().give_back(Fate::keep);
    desk.lease().give_back(Fate::keep);
    CHECK(desk.supply.dials == 1);
  }
}

TEST_CASE("max_overflow: opened beyond max for waiters only, closed on return when nobody waits") {
  config::Pool settings = lasting();
  settings.max = 2;
  settings.max_idle = 2;
  settings.max_overflow = 1;
  Desk desk(settings);
  auto held = desk.leases(2);
  Line line(desk, 3);
  CHECK(desk.supply.dials == 3);
  desk.dial_succeeds();
  REQUIRE(line.waiters[0].grants == 1);
  Lease overflow = line.waiters[0].take().take();

  SUBCASE("handed on while somebody waits") {
    overflow.give_back(Fate::keep);
    CHECK(line.waiters[1].grants == 1);
    CHECK(desk.supply.retired.empty());
  }
  SUBCASE("closed when nobody does") {
    CHECK(desk.pool.abandon(line.waiters[1]));
    CHECK(desk.pool.abandon(line.waiters[2]));
    overflow.give_back(Fate::keep);
    CHECK(desk.supply.retired.size() == 1);
    held.clear();
    CHECK(desk.pool.figures().idle == 2);
    CHECK(desk.supply.retired.size() == 1);
  }
}

TEST_CASE("a session beyond max that arrives when nobody waits any more is closed") {
  config::Pool settings = lasting();
  settings.max = 1;
  settings.max_overflow = 1;
  Desk desk(settings);
  const Lease lease = desk.lease();
  { Line gone(desk, 1); }
  CHECK(desk.supply.dials == 2);
  desk.dial_succeeds();
  CHECK(desk.supply.retired.size() == 1);
  CHECK(desk.pool.figures().idle == 0);
}

TEST_CASE("max_idle: more idle sessions than that are closed") {
  config::Pool settings = lasting();
  settings.max = 5;
  settings.max_idle = 2;
  Desk desk(settings);
  { const auto held = desk.leases(5); }
  CHECK(desk.pool.figures().idle == 2);
  CHECK(desk.supply.retired.size() == 3);

  SUBCASE("also one that was dialled for a caller who left") {
    const auto held = desk.leases(2);
    { Line gone(desk, 3); }
    desk.dial_succeeds(3);
    CHECK(desk.pool.figures().idle == 2);
    CHECK(desk.supply.retired.size() == 4);
  }
}

TEST_CASE("max_idle = 0 keeps nothing, and hands on nevertheless") {
  config::Pool settings = lasting();
  settings.max = 1;
  settings.max_idle = 0;
  settings.min = 1;
  Desk desk(settings);
  desk.pool.open();
  CHECK(desk.supply.dials == 0);
  Lease lease = desk.lease();
  Line line(desk, 1);
  lease.give_back(Fate::keep);
  REQUIRE(line.waiters[0].grants == 1);
  line.waiters[0].take().take().give_back(Fate::keep);
  CHECK(desk.supply.retired.size() == 1);
  CHECK(desk.supply.dials == 1);
}

TEST_CASE("a refused connection is told at once to those the dial was started for") {
  Desk desk(lasting());
  Line line(desk, 2);
  CHECK(desk.supply.dials == 2);
  desk.dial_fails();
  CHECK(line.granted() == 0);  // the other dial may still succeed
  desk.dial_fails();
  for (NotingWaiter& waiter : line.waiters) {
    REQUIRE(waiter.grants == 1);
    const Result<Lease> result = waiter.take();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().status == Status::unavailable);
    CHECK(result.error().message == "connection refused");
    CHECK(result.error().endpoint == "127.0.0.1:5432/app");
  }
}

TEST_CASE("a waiter goes on waiting after a failed dial") {
  config::Pool settings = lasting();
  settings.min = 1;
  Desk desk(settings);
  SUBCASE("that was started before he came") {
    desk.pool.open();
    Line line(desk, 1);
    CHECK(desk.supply.dials == 1);
    desk.dial_fails();
    CHECK(line.granted() == 0);
    desk.let_pass(100ms);
    CHECK(desk.supply.dials == 2);
    SUBCASE("and is served by the next") {
      desk.dial_succeeds();
      CHECK(line.waiters[0].take().ok());
    }
    SUBCASE("and is told when his own fails too") {
      desk.dial_fails();
      CHECK_FALSE(line.waiters[0].take().ok());
    }
  }
  SUBCASE("while sessions exist, which may come back") {
    Lease lease = desk.lease();
    Line line(desk, 1);
    desk.dial_fails();
    desk.let_pass(100ms);
    CHECK(desk.supply.dials == 3);
    desk.dial_fails();
    CHECK(line.granted() == 0);
    lease.give_back(Fate::keep);
    CHECK(line.waiters[0].take().ok());
  }
}

TEST_CASE("what waiting does not heal fails every waiter, each with a copy") {
  Status status = Status::ok;
  SUBCASE("authentication") { status = Status::authentication; }
  SUBCASE("tls") { status = Status::tls; }
  SUBCASE("configuration") { status = Status::configuration; }
  config::Pool settings = lasting();
  settings.max = 3;
  Desk desk(settings);
  const Lease lease = desk.lease();
  Line line(desk, 5);
  CHECK(desk.supply.dials == 3);
  desk.dial_fails(status, "password authentication failed for user \"app\"");
  for (NotingWaiter& waiter : line.waiters) {
    REQUIRE(waiter.grants == 1);
    const Result<Lease> result = waiter.take();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().status == status);
    CHECK(result.error().message == "password authentication failed for user \"app\"");
  }
  desk.dial_succeeds();
  CHECK(desk.pool.figures().idle == 1);
}

TEST_CASE("after the first failed dial a caller waits for the next one") {
  Desk desk(lasting());
  {
    Line line(desk, 1);
    desk.dial_fails();
  }
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  CHECK(desk.supply.dials == 1);
  desk.clock.advance(100ms);
  desk.pool.maintain();
  CHECK(desk.supply.dials == 2);
  desk.dial_succeeds();
  CHECK(waiter.grants == 1);
}

TEST_CASE("while failed dials are far apart and there is no session, a caller is refused at once and told when") {
  Desk desk(lasting());
  for (int failures = 0; failures < 3; ++failures) {
    desk.clock.advance(200ms);
    Line line(desk, 1);
    desk.dial_fails();
  }
  CHECK(desk.supply.dials == 3);
  NotingWaiter waiter;
  const Result<void> refused = desk.pool.enqueue(waiter, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().status == Status::unavailable);
  CHECK(refused.error().message.find("connection refused (next attempt in ") == 0);
  CHECK(refused.error().message.find(" ms)") != std::string::npos);
  CHECK(desk.supply.dials == 3);

  desk.clock.advance(400ms);
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  CHECK(desk.supply.dials == 4);
  SUBCASE("a caller who comes while the next dial is under way waits for it") {
    NotingWaiter second;
    REQUIRE(desk.pool.enqueue(second, {}).ok());
    CHECK(desk.supply.dials == 4);  // one attempt at a time
    desk.dial_succeeds();
    CHECK(waiter.grants == 1);
    CHECK(desk.supply.dials == 5);  // healed: whatever is lacking
    desk.dial_succeeds();
    CHECK(second.grants == 1);
  }
  CHECK((waiter.grants == 1 || desk.pool.abandon(waiter)));
}

TEST_CASE("create_retry_interval: failed dials are spaced by that, growing, jittered, at most 30 s") {
  config::Pool settings = lasting();
  settings.create_retry_interval = 200ms;
  settings.min = 1;
  Desk desk(settings, 42);
  desk.pool.open();
  Nanos whole = 200ms;
  std::vector<int64_t> shares;
  for (int failures = 1; failures <= 12; ++failures) {
    REQUIRE(desk.supply.dials == failures);
    const Instant failed_at = desk.clock.now();
    desk.dial_fails();
    const Instant retry = desk.pool.maintain();
    const Nanos pause = retry - failed_at;
    CHECK(pause <= whole);
    CHECK(pause >= whole * 3 / 4);
    shares.push_back(pause * 1000 / whole);
    desk.clock.advance(pause - 1ns);
    (void)desk.pool.maintain();
    CHECK(desk.supply.dials == failures);
    desk.clock.advance(1ns);
    (void)desk.pool.maintain();
    whole = std::min<Nanos>(whole * 2, 30s);
  }
  CHECK(whole == 30s);
  std::sort(shares.begin(), shares.end());
  CHECK(shares.front() + 50 < shares.back());  // the jitter is one

  SUBCASE("a success begins anew") {
    desk.dial_succeeds();
    CHECK(desk.pool.figures().last_dial_error.empty());
    Lease lease = desk.lease();
    lease.give_back(Fate::destroy);
    desk.dial_fails();
    CHECK(desk.pool.maintain() - desk.clock.now() <= 200ms);
  }
}

TEST_CASE("dials that fail together count as one failure") {
  Desk desk(lasting());
  const Lease lease = desk.lease();
  Line line(desk, 5);
  for (int i = 0; i < 5; ++i) desk.dial_fails();
  CHECK(desk.pool.figures().dial_failures == 5);
  REQUIRE_FALSE(desk.supply.wakes.empty());
  CHECK(desk.supply.wakes.back() - desk.clock.now() <= 100ms);
  desk.let_pass(100ms);
  CHECK(desk.supply.dials == 7);  // one attempt, not five
  desk.dial_succeeds();
  CHECK(desk.supply.dials == 11);
}

TEST_CASE("two pools do not dial in step") {
  config::Pool settings = lasting();
  settings.min = 1;
  Desk one(settings, 1), other(settings, 2);
  one.pool.open();
  other.pool.open();
  one.dial_fails();
  other.dial_fails();
  CHECK(one.pool.maintain() != other.pool.maintain());
}

}  // namespace tl::pool
