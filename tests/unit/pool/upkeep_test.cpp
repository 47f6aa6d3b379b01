// Sessions that idle or grow old, the sessions kept ready, checks before a session is trusted, and closing.
#include <algorithm>
#include <set>

#include "pool_fixture.hpp"

namespace tl::pool {

TEST_CASE("idle_timeout: sessions that nobody needed for so long are closed, the coldest first") {
  config::Pool settings = lasting();
  settings.idle_timeout = 10s;
  settings.reap_interval = 1ms;
  Desk desk(settings);
  auto held = desk.leases(2);
  const uint64_t cold = held[0].session().number();
  held[0].give_back(Fate::keep);
  REQUIRE(desk.supply.wakes.size() == 1);  // the first idle session starts the clock
  CHECK(desk.supply.wakes[0] == desk.clock.now() + 10s);
  desk.let_pass(4s);
  held[1].give_back(Fate::keep);
  CHECK(desk.supply.wakes.size() == 1);
  desk.let_pass(6s - 1ns);
  CHECK(desk.supply.retired.empty());
  desk.let_pass(1ns);
  REQUIRE(desk.supply.retired.size() == 1);
  CHECK(desk.supply.retired[0]->number() == cold);
  desk.let_pass(4s);
  CHECK(desk.supply.retired.size() == 2);
  CHECK(desk.pool.figures().idle == 0);
  CHECK(desk.pool.figures().closed == 2);
  CHECK(desk.pool.maintain().ns == std::numeric_limits<int64_t>::max());
}

TEST_CASE("a session in use does not idle") {
  config::Pool settings = lasting();
  settings.idle_timeout = 10s;
  Desk desk(settings);
  for (int i = 0; i < 10; ++i) {
    Lease lease = desk.lease();
    desk.let_pass(9s);
    lease.give_back(Fate::keep);
    desk.let_pass(9s);
  }
  CHECK(desk.supply.dials == 1);
  CHECK(desk.supply.retired.empty());
}

TEST_CASE("borrowing does not ask for a wake-up each time") {
  Desk desk;
  for (int i = 0; i < 100; ++i) {
    desk.lease().give_back(Fate::keep);
    desk.clock.advance(1ms);
  }
  CHECK(desk.supply.wakes.size() == 1);
}

TEST_CASE("a session that lingers rests once nobody has needed it for 10 ms") {
  Desk desk(lasting());
  auto held = desk.leases(2);
  FakeSession& one = fake(held[0]);
  FakeSession& other = fake(held[1]);
  one.told_lingers = true;
  held[0].give_back(Fate::keep);
  REQUIRE(desk.supply.wakes.size() == 1);
  CHECK(desk.supply.wakes[0] == desk.clock.now() + 10ms);
  desk.let_pass(6ms);
  other.told_lingers = true;
  held[1].give_back(Fate::keep);
  CHECK(desk.supply.wakes.size() == 1);
  desk.let_pass(4ms);
  CHECK_FALSE(one.told_lingers);
  CHECK(other.told_lingers);
  SUBCASE("each in its time") { desk.let_pass(6ms); }
  SUBCASE("unless it is in use, for which the pool does not go on looking") {
    Lease again = desk.lease();
    desk.let_pass(1s);
    CHECK(other.told_lingers);
    CHECK(desk.pool.maintain().ns == std::numeric_limits<int64_t>::max());
    again.give_back(Fate::keep);
    desk.let_pass(10ms);
  }
  SUBCASE("nor is it woken each time it comes home") {
    for (int i = 0; i < 100; ++i) {
      Lease again = desk.lease();
      desk.clock.advance(100us);
      again.give_back(Fate::keep);
    }
    CHECK(desk.supply.wakes.size() == 1);
    desk.let_pass(20ms);
  }
  CHECK_FALSE(other.told_lingers);
  CHECK(desk.pool.maintain().ns == std::numeric_limits<int64_t>::max());
}

TEST_CASE("min: so many sessions are opened once the pool is, kept when they idle, and replaced") {
  config::Pool settings = lasting();
  settings.min = 2;
  settings.idle_timeout = 10s;
  settings.reap_interval = 1ms;
  Desk desk(settings);
  CHECK(desk.supply.dials == 0);
  (void)desk.pool.maintain();
  CHECK(desk.supply.dials == 0);  // lazy until open()
  desk.pool.open();
  CHECK(desk.supply.dials == 2);
  (void)desk.pool.maintain();
  CHECK(desk.supply.dials == 2);
  desk.dial_succeeds(2);
  CHECK(desk.pool.figures().idle == 2);

  SUBCASE("what was opened beyond is reaped down to it") {
    { const auto held = desk.leases(5); }
    desk.let_pass(20s);
    CHECK(desk.supply.retired.size() == 3);
    CHECK(desk.pool.figures().idle == 2);
    desk.let_pass(1h);
    CHECK(desk.pool.figures().idle == 2);
  }
  SUBCASE("a destroyed one is replaced at once") {
    desk.lease().give_back(Fate::destroy);
    CHECK(desk.supply.dials == 3);
  }
  SUBCASE("callers take what is there before more is opened") {
    const auto held = desk.leases(2);
    CHECK(desk.supply.dials == 2);
    NotingWaiter waiter;
    REQUIRE(desk.pool.enqueue(waiter, {}).ok());
    CHECK(desk.supply.dials == 3);
    CHECK(desk.pool.abandon(waiter));
  }
}

TEST_CASE("a dial for min serves a caller too") {
  config::Pool settings = lasting();
  settings.min = 1;
  Desk desk(settings);
  desk.pool.open();
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  CHECK(desk.supply.dials == 1);
  desk.dial_succeeds();
  CHECK(waiter.grants == 1);
}

TEST_CASE("max_lifetime: no session outlives it, and they do not all end together") {
  config::Pool settings = lasting();
  settings.max_lifetime = 100s;
  settings.reap_interval = 1ms;
  Desk desk(settings, 7);
  const Instant begin = desk.clock.now();

  SUBCASE("idle ones end by themselves, spread over a tenth of it") {
    { const auto held = desk.leases(10); }
    desk.let_pass(90s - 1ns);
    CHECK(desk.supply.retired.empty());
    std::set<int64_t> ends;
    while (desk.pool.figures().idle > 0) {
      const Instant next = desk.pool.maintain();
      REQUIRE(next <= begin + 100s);
      ends.insert(next.ns);
      desk.clock.advance(next - desk.clock.now());
      (void)desk.pool.maintain();
    }
    CHECK(ends.size() == 10);
    CHECK(*ends.rbegin() - *ends.begin() > Nanos(3s).count());
  }
  SUBCASE("a leased one ends when it comes back") {
    Lease lease = desk.lease();
    desk.let_pass(101s);
    CHECK(desk.supply.retired.empty());
    lease.give_back(Fate::keep);
    CHECK(desk.supply.retired.size() == 1);
  }
  SUBCASE("a waiter is not given one that ended, but a new one") {
    Lease lease = desk.lease();
    std::vector<Lease> rest = desk.leases(9);
    NotingWaiter waiter;
    REQUIRE(desk.pool.enqueue(waiter, {}).ok());
    desk.clock.advance(101s);
    lease.give_back(Fate::keep);
    CHECK(waiter.grants == 0);
    CHECK(desk.supply.dials == 11);
    CHECK(desk.pool.abandon(waiter));
  }
  SUBCASE("an idle one that ended is not lent, even if nobody reaped it") {
    { const auto held = desk.leases(2); }
    desk.clock.advance(101s);
    CHECK_FALSE(desk.pool.try_acquire({}));
    CHECK(desk.supply.retired.size() == 2);
  }
}

TEST_CASE("max_lifetime: a session of min that ended is replaced") {
  config::Pool settings = lasting();
  settings.max_lifetime = 100s;
  settings.min = 1;
  Desk desk(settings);
  desk.pool.open();
  desk.dial_succeeds();
  desk.let_pass(101s);
  CHECK(desk.supply.retired.size() == 1);
  CHECK(desk.supply.dials == 2);
}

TEST_CASE("reap_interval: idle sessions are looked over no more often than that") {
  config::Pool settings = lasting();
  settings.idle_timeout = 10s;
  settings.reap_interval = 5s;
  Desk desk(settings);
  auto held = desk.leases(2);
  held[0].give_back(Fate::keep);
  desk.clock.advance(1s);
  held[1].give_back(Fate::keep);
  desk.clock.advance(9s);
  CHECK(desk.pool.maintain() == desk.clock.now() + 5s);
  CHECK(desk.supply.retired.size() == 1);
  desk.clock.advance(5s - 1ns);  // the second came of age after one second
  (void)desk.pool.maintain();
  CHECK(desk.supply.retired.size() == 1);
  desk.clock.advance(1ns);
  (void)desk.pool.maintain();
  CHECK(desk.supply.retired.size() == 2);
}

TEST_CASE("settings without any end keep their one session for ever") {
  config::Pool settings = lasting();  // as for SQLite's :memory:
  settings.min = settings.max = settings.max_idle = 1;
  Desk desk(settings);
  desk.pool.open();
  desk.dial_succeeds();
  const uint64_t only = desk.lease().session().number();
  for (int day = 0; day < 1000; ++day) {
    desk.clock.advance(24h);
    CHECK(desk.pool.maintain().ns == std::numeric_limits<int64_t>::max());
    CHECK(desk.lease().session().number() == only);
  }
  CHECK(desk.supply.dials == 1);
  CHECK(desk.supply.retired.empty());
  CHECK(desk.supply.wakes.empty());
}

TEST_CASE("pre_ping: what is checked before a session that was quiet is trusted") {
  using Mode = config::PrePing::Mode;
  config::Pool settings = lasting();
  const auto check_after = [&](Mode mode, Nanos given, Nanos quiet) {
    settings.pre_ping = {mode, given};
    Desk desk(settings);
    desk.lease().give_back(Fate::keep);
    desk.clock.advance(quiet);
    return desk.pool.try_acquire({}).check();
  };
  CHECK(check_after(Mode::automatic, 0s, 9ms) == Check::none);
  CHECK(check_after(Mode::automatic, 0s, 10ms) == Check::look);
  CHECK(check_after(Mode::automatic, 0s, 30s - 1ns) == Check::look);
  CHECK(check_after(Mode::automatic, 0s, 30s) == Check::ping);
  CHECK(check_after(Mode::always, 0s, 0s) == Check::ping);
  CHECK(check_after(Mode::never, 0s, 1h) == Check::none);
  CHECK(check_after(Mode::after_quiet, 60s, 9ms) == Check::none);
  CHECK(check_after(Mode::after_quiet, 60s, 59s) == Check::look);
  CHECK(check_after(Mode::after_quiet, 60s, 60s) == Check::ping);
  CHECK(check_after(Mode::after_quiet, 1ms, 1ms) == Check::ping);
}

TEST_CASE("a session that is handed on was not quiet, however long it was leased") {
  config::Pool settings = lasting();
  settings.max = 1;
  Desk desk(settings);
  Lease lease = desk.lease();
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  desk.clock.advance(1h);
  lease.give_back(Fate::keep);
  CHECK(waiter.take().take().check() == Check::none);
}

TEST_CASE("close: callers are refused, waiters fail, idle sessions end now and leased ones as they come back") {
  config::Pool settings = lasting();
  settings.min = 1;
  settings.max = 3;
  Desk desk(settings);
  desk.pool.open();
  desk.dial_succeeds();
  auto held = desk.leases(2);
  NotingWaiter first, second;
  held[0].give_back(Fate::keep);  // one idle, one leased, none waits
  CHECK_FALSE(desk.pool.drained());

  SUBCASE("with sessions out") {
    desk.pool.close();
    CHECK(desk.supply.retired.size() == 1);
    CHECK_FALSE(desk.pool.drained());
    CHECK_FALSE(desk.pool.try_acquire({}));
    const Result<void> refused = desk.pool.enqueue(first, {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().status == Status::closed);
    CHECK(refused.error().message == "the pool of \"127.0.0.1:5432/app\" is closed");
    held[1].give_back(Fate::keep);
    CHECK(desk.supply.retired.size() == 2);
    CHECK(desk.pool.drained());
    desk.pool.close();  // again is harmless
    CHECK(desk.pool.drained());
  }
  SUBCASE("with waiters and dials") {
    auto more = desk.leases(2);
    REQUIRE(desk.pool.enqueue(first, {}).ok());
    REQUIRE(desk.pool.enqueue(second, {}).ok());
    more[0].give_back(Fate::destroy);
    const int dials = desk.supply.dials;
    desk.pool.close();
    for (NotingWaiter* waiter : {&first, &second}) {
      CHECK(waiter->grants == 1);
      CHECK_FALSE(desk.pool.abandon(*waiter));
      CHECK(waiter->take().error().status == Status::closed);
    }
    more.clear();
    held.clear();
    CHECK_FALSE(desk.pool.drained());  // a dial is under way
    desk.dial_succeeds();
    CHECK(desk.pool.drained());
    CHECK(desk.supply.retired.size() == 4);
    CHECK(desk.pool.figures().closed == desk.pool.figures().opened);
    (void)desk.pool.maintain();
    CHECK(desk.supply.dials == dials);
  }
  SUBCASE("with a dial that fails") {
    held[1].give_back(Fate::keep);
    auto all = desk.leases(2);
    REQUIRE(desk.pool.enqueue(first, {}).ok());
    desk.pool.close();
    all.clear();
    CHECK_FALSE(desk.pool.drained());
    desk.dial_fails();
    CHECK(desk.pool.drained());
    CHECK(desk.pool.maintain().ns == std::numeric_limits<int64_t>::max());
  }
}

TEST_CASE("a pool that is dropped retires its idle sessions") {
  VirtualClock clock;
  NotingSupply supply;
  {
    observe::Source source(std::make_shared<observe::Hub>(), {});
    Pool pool(source, lasting(), supply, clock, 1);
    NotingWaiter waiter;
    REQUIRE(pool.enqueue(waiter, {}).ok());
    pool.dialled(std::make_unique<FakeSession>());
    waiter.take().take().give_back(Fate::keep);
  }
  CHECK(supply.retired.size() == 1);
}

TEST_CASE("a session that its server closes is watched for, and leaves the pool while it is idle") {
  Desk desk(lasting());
  Lease held = desk.lease();
  const uint64_t number = held.session().number();
  CHECK(desk.supply.watched == number);
  held.give_back(Fate::keep);
  desk.pool.expire(number);
  REQUIRE(desk.supply.retired.size() == 1);
  CHECK(desk.supply.retired[0]->number() == number);
  CHECK(desk.pool.figures().idle == 0);
  CHECK_FALSE(desk.pool.try_acquire({}));
}

TEST_CASE("a session that its server closes while it is leased goes when it comes home, also past a waiter") {
  Desk desk(lasting());
  Lease held = desk.lease();
  const uint64_t number = held.session().number();
  desk.pool.expire(number);
  CHECK(desk.supply.retired.empty());
  held.give_back(Fate::keep);
  REQUIRE(desk.supply.retired.size() == 1);
  desk.pool.expire(number);  // long gone
  CHECK(desk.pool.figures().closed == 1);
}

TEST_CASE("expire_all: idle sessions go now, leased ones as they come back, and who waits gets a fresh one") {
  config::Pool settings = lasting();
  settings.max = 2;
  Desk desk(settings);
  auto held = desk.leases(2);
  held[0].give_back(Fate::keep);
  desk.pool.expire_all();
  CHECK(desk.supply.retired.size() == 1);
  CHECK(desk.pool.figures().leased == 1);
  const Lease fresh = desk.lease();
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  CHECK(desk.supply.dials == 3);  // as many as there may be
  held[1].give_back(Fate::keep);
  CHECK(desk.supply.retired.size() == 2);
  CHECK(waiter.grants == 0);
  CHECK(desk.supply.dials == 4);
  desk.dial_succeeds();
  REQUIRE(waiter.grants == 1);
  Lease waited = waiter.take().take();
  const uint64_t number = waited.session().number();
  waited.give_back(Fate::keep);
  CHECK(desk.pool.try_acquire({}).session().number() == number);
}

TEST_CASE("expire_all: sessions that are kept ready are opened anew") {
  config::Pool settings = lasting();
  settings.min = 2;
  Desk desk(settings);
  desk.pool.open();
  desk.dial_succeeds(2);
  desk.pool.expire_all();
  CHECK(desk.supply.retired.size() == 2);
  CHECK(desk.supply.dials == 4);
  desk.dial_succeeds(2);
  CHECK(desk.pool.figures().idle == 2);
}

}  // namespace tl::pool
