// Who gets a session, in which order, and what a caller who leaves gives back.
#include "pool_fixture.hpp"

namespace tl::pool {

TEST_CASE("a returned session is lent again, the hottest first") {
  Desk desk;
  auto held = desk.leases(3);
  const uint64_t first = held[0].session().number();
  const uint64_t last = held[2].session().number();
  held[2].give_back(Fate::keep);
  held[1].give_back(Fate::keep);
  held[0].give_back(Fate::keep);

  const Lease hottest = desk.pool.try_acquire({});
  CHECK(hottest.session().number() == first);
  const Lease next = desk.pool.try_acquire({});
  const Lease coldest = desk.pool.try_acquire({});
  CHECK(coldest.session().number() == last);
  CHECK_FALSE(desk.pool.try_acquire({}));
  CHECK(desk.supply.dials == 3);
}

TEST_CASE("a lease moves, and gives back once") {
  Desk desk;
  {
    Lease lease = desk.lease();
    Lease moved = std::move(lease);
    CHECK_FALSE(lease);
    CHECK(moved);
    CHECK(moved.pool() == &desk.pool);
    lease.give_back(Fate::keep);
    CHECK(desk.pool.figures().leased == 1);
    moved = desk.lease();  // what it held goes home
    CHECK(desk.pool.figures().leased == 1);
  }
  CHECK(desk.pool.figures().leased == 0);
  CHECK(desk.pool.figures().idle == 2);
}

TEST_CASE("waiters are served in the order in which they came, and nobody overtakes them") {
  config::Pool settings = lasting();
  settings.max = 1;
  Desk desk(settings);
  Lease lease = desk.lease();
  std::vector<std::unique_ptr<NotingWaiter>> line;
  for (int i = 0; i < 5; ++i) {
    line.push_back(std::make_unique<NotingWaiter>());
    REQUIRE(desk.pool.enqueue(*line.back(), {}).ok());
  }
  for (int i = 0; i < 5; ++i) {
    CHECK_FALSE(desk.pool.try_acquire({}));
    lease.give_back(Fate::keep);
    for (int other = 0; other < 5; ++other) CHECK(line[other]->grants == (other <= i ? 1 : 0));
    CHECK_FALSE(desk.pool.try_acquire({}));
    lease = line[i]->take().take();
    CHECK(lease);
  }
  CHECK(desk.supply.dials == 1);
}

TEST_CASE("a session that went home between try_acquire and enqueue is granted at once") {
  config::Pool settings = lasting();
  settings.max = 1;
  Desk desk(settings);
  desk.lease().give_back(Fate::keep);
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  CHECK(waiter.grants == 1);
  CHECK_FALSE(desk.pool.abandon(waiter));
  CHECK(waiter.take().take());
}

TEST_CASE("a waiter who leaves") {
  config::Pool settings = lasting();
  settings.max = 1;
  Desk desk(settings);
  Lease lease = desk.lease();
  NotingWaiter first, second, third;
  REQUIRE(desk.pool.enqueue(first, {}).ok());
  REQUIRE(desk.pool.enqueue(second, {}).ok());
  REQUIRE(desk.pool.enqueue(third, {}).ok());

  SUBCASE("before the grant leaves his place to the next, wherever he stood") {
    NotingWaiter* leaver = nullptr;
    SUBCASE("first") { leaver = &first; }
    SUBCASE("middle") { leaver = &second; }
    SUBCASE("last") { leaver = &third; }
    CHECK(desk.pool.abandon(*leaver));
    CHECK_FALSE(desk.pool.abandon(*leaver));
    CHECK(desk.pool.figures().waiting == 2);
    for (NotingWaiter* waiter : {&first, &second, &third}) {
      if (waiter == leaver) continue;
      lease.give_back(Fate::keep);
      CHECK(waiter->grants == 1);
      lease = waiter->take().take();
    }
    CHECK(leaver->grants == 0);
  }
  SUBCASE("after the grant takes and gives back, to the next") {
    lease.give_back(Fate::keep);
    CHECK_FALSE(desk.pool.abandon(first));
    CHECK(first.take().take());  // dropped at once
    CHECK(second.grants == 1);
    lease = second.take().take();
    CHECK(third.grants == 0);
    CHECK(desk.pool.abandon(third));
  }
  SUBCASE("without taking what he was granted loses nothing") {
    CHECK(desk.pool.abandon(first));
    CHECK(desk.pool.abandon(second));
    CHECK(desk.pool.abandon(third));
    {
      NotingWaiter careless;
      REQUIRE(desk.pool.enqueue(careless, {}).ok());
      lease.give_back(Fate::keep);
      CHECK(careless.grants == 1);
    }
    CHECK(desk.pool.figures().idle == 1);
  }
  SUBCASE("leaves the line usable for others and for himself") {
    CHECK(desk.pool.abandon(third));
    CHECK(desk.pool.abandon(first));
    CHECK(desk.pool.abandon(second));
    lease.give_back(Fate::keep);
    CHECK(desk.pool.figures().idle == 1);
    lease = desk.pool.try_acquire({});
    REQUIRE(desk.pool.enqueue(first, {}).ok());
    lease.give_back(Fate::keep);
    CHECK(first.grants == 1);
    CHECK(first.take().take());
  }
  lease.give_back(Fate::keep);
  CHECK(desk.pool.figures().leased == 0);
  CHECK(desk.pool.figures().idle == 1);
  CHECK(desk.supply.dials == 1);
}

TEST_CASE("a dial that others wait for survives the waiter who caused it") {
  Desk desk(lasting());
  NotingWaiter first, second;
  REQUIRE(desk.pool.enqueue(first, {}).ok());
  CHECK(desk.pool.abandon(first));
  REQUIRE(desk.pool.enqueue(second, {}).ok());
  CHECK(desk.supply.dials == 1);
  desk.dial_succeeds();
  CHECK(second.grants == 1);
}

TEST_CASE("max_waiters: one caller too many is refused at once") {
  config::Pool settings = lasting();
  settings.max = 1;
  settings.max_waiters = 2;
  Desk desk(settings);
  const Lease lease = desk.lease();
  NotingWaiter first, second, third;
  REQUIRE(desk.pool.enqueue(first, {}).ok());
  REQUIRE(desk.pool.enqueue(second, {}).ok());
  const Result<void> refused = desk.pool.enqueue(third, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().status == Status::acquire_timeout);
  CHECK(refused.error().message == "too many callers wait for a session of \"127.0.0.1:5432/app\": 2 (max_waiters)");
  CHECK(refused.error().phase == Phase::acquire);
  CHECK(desk.pool.abandon(first));
  CHECK(desk.pool.enqueue(third, {}).ok());
  CHECK(desk.pool.abandon(second));
  CHECK(desk.pool.abandon(third));
}

TEST_CASE("a caller who holds every session and asks for another is told so instead of waiting for himself") {
  config::Pool settings = lasting();
  settings.max = 2;
  Desk desk(settings);
  const Borrower mine{.tag = "report", .owner = 7};
  Lease first = desk.lease(mine);
  NotingWaiter waiter;

  SUBCASE("of one owner") {
    const Lease second = desk.lease(mine);
    const Result<void> refused = desk.pool.enqueue(waiter, mine);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().status == Status::busy);
    CHECK(refused.error().message.find("all 2 sessions of \"127.0.0.1:5432/app\" are already held by the caller") == 0);
    // Another may wait: he does not wait for himself.
    REQUIRE(desk.pool.enqueue(waiter, {.owner = 8}).ok());
    CHECK(desk.pool.abandon(waiter));
  }
  SUBCASE("not while the pool may still grow") {
    REQUIRE(desk.pool.enqueue(waiter, mine).ok());
    CHECK(desk.supply.dials == 2);
    CHECK(desk.pool.abandon(waiter));
  }
  SUBCASE("not when one is in other hands") {
    const Lease second = desk.lease({.owner = 8});
    REQUIRE(desk.pool.enqueue(waiter, mine).ok());
    CHECK(desk.pool.abandon(waiter));
  }
  SUBCASE("not while one of them is being cleaned for him") {
    Lease second = desk.lease(mine);
    second.disown();
    CHECK(desk.pool.enqueue(waiter, mine).ok());
    CHECK(desk.pool.abandon(waiter));
  }
  SUBCASE("not when the owner is unknown") {
    first.give_back(Fate::keep);
    const auto held = desk.leases(2);
    REQUIRE(desk.pool.enqueue(waiter, {}).ok());
    CHECK(desk.pool.abandon(waiter));
  }
}

TEST_CASE("a session that is not proven clean is destroyed when it comes back, and a waiter gets a new one") {
  config::Pool settings = lasting();
  settings.max = 1;
  Desk desk(settings);
  Lease lease = desk.lease();
  const uint64_t old = lease.session().number();
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  Fate fate = Fate::keep;
  SUBCASE("in a transaction") { fake(lease).told_state = driver::State::in_transaction; }
  SUBCASE("in a failed transaction") { fake(lease).told_state = driver::State::in_failed; }
  SUBCASE("with an answer pending") { fake(lease).told_state = driver::State::answering; }
  SUBCASE("broken") { fake(lease).told_state = driver::State::broken; }
  SUBCASE("changed") { fake(lease).told_changed = true; }
  SUBCASE("by request") { fate = Fate::destroy; }
  lease.give_back(fate);
  CHECK(waiter.grants == 0);
  REQUIRE(desk.supply.retired.size() == 1);
  CHECK(desk.supply.retired[0]->number() == old);
  CHECK(desk.supply.dials == 2);
  desk.dial_succeeds();
  REQUIRE(waiter.grants == 1);
  CHECK(waiter.take().take().session().number() != old);
}

}  // namespace tl::pool
