// A limit over all sessions: who gets a permit, whose session goes for it, and when.
#include "pool_fixture.hpp"

namespace tl::pool {
namespace {

// Pools that share a limit and a clock that is moved for all of them.
class Street {
 public:
  explicit Street(uint32_t max_open) : limit(std::make_shared<SessionLimit>(max_open)) {}

  Desk& pool(const std::string& name, const config::Pool& settings = lasting(), bool keeps_idle = false) {
    desks_.push_back(std::make_unique<Desk>(name, settings, Share{limit, keeps_idle}));
    return *desks_.back();
  }
  void pass(Nanos by) {
    for (const auto& desk : desks_) desk->clock.advance(by);
  }
  [[nodiscard]] uint32_t open() const { return limit->figures().open; }

  const std::shared_ptr<SessionLimit> limit;

 private:
  std::vector<std::unique_ptr<Desk>> desks_;
};

// What was closed is gone at the server.
void gone(Desk& desk) {
  desk.supply.retired.clear();
  std::exchange(desk.supply.permits, {}).clear();  // others may be closed for those who get these
}

config::Pool with_min(uint32_t min) {
  config::Pool settings = lasting();
  settings.min = min;
  return settings;
}

}  // namespace

TEST_CASE("a session that is opened, in use, idle or being closed has a permit, and no other") {
  Street street(5);
  Desk& a = street.pool("a");
  CHECK(street.open() == 0);
  NotingWaiter waiter;
  REQUIRE(a.pool.enqueue(waiter, {}).ok());
  CHECK(street.open() == 1);  // being opened
  a.dial_fails();
  CHECK(street.open() == 0);
  CHECK_FALSE(waiter.take().ok());
  a.clock.advance(1s);
  Lease lease = a.lease();
  CHECK(street.open() == 1);
  lease.give_back(Fate::keep);
  CHECK(street.open() == 1);
  a.lease().give_back(Fate::destroy);
  CHECK(street.open() == 1);  // the server may still have it
  gone(a);
  CHECK(street.open() == 0);
}

TEST_CASE("without a limit nobody waits for a permit") {
  Street street(SessionLimit::none);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  const auto some = a.leases(10);
  const auto others = b.leases(10);
  CHECK(street.open() == 20);
  CHECK_FALSE(street.limit->is_short());
}

TEST_CASE("the session that was used least recently goes for another pool's caller, of whichever pool it is") {
  Street street(3);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  Desk& c = street.pool("c");
  { const auto both = a.leases(2); }
  street.pass(1s);
  const uint64_t cold = a.pool.sessions()[0].session;
  b.lease().give_back(Fate::keep);
  street.pass(1s);
  a.lease().give_back(Fate::keep);
  street.pass(1s);

  NotingWaiter waiter;
  REQUIRE(c.pool.enqueue(waiter, {}).ok());
  REQUIRE(a.supply.retired.size() == 1);
  CHECK(a.supply.retired[0]->number() == cold);
  CHECK(b.supply.retired.empty());
  CHECK(c.supply.dials == 0);  // not before the server has seen the other one go
  CHECK(street.open() == 3);
  gone(a);
  CHECK(c.supply.dials == 1);
  c.dial_succeeds();
  CHECK(waiter.take().ok());

  NotingWaiter second;
  street.pass(1s);
  REQUIRE(c.pool.enqueue(second, {}).ok());  // its first session has gone home meanwhile, and serves
  CHECK(second.grants == 1);
  CHECK(second.take().ok());
}

TEST_CASE("idle sessions of others go one at a time for a pool's callers") {
  Street street(4);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  { const auto all = a.leases(4); }
  NotingWaiter first;
  NotingWaiter second;
  REQUIRE(b.pool.enqueue(first, {}).ok());
  CHECK(a.supply.retired.size() == 1);
  (void)a.pool.try_acquire({});  // somebody's visit in between
  CHECK(a.supply.retired.size() == 1);
  REQUIRE(b.pool.enqueue(second, {}).ok());
  CHECK(a.supply.retired.size() == 1);  // whoever gets the first may be ready before another is opened
  gone(a);
  CHECK(b.supply.dials == 1);
  CHECK(a.supply.retired.empty());
  b.dial_succeeds();
  REQUIRE(first.grants == 1);
  CHECK(a.supply.retired.size() == 1);
  gone(a);
  CHECK(b.supply.dials == 2);
  b.dial_succeeds();
  CHECK(second.take().ok());
  CHECK(first.take().ok());
}

TEST_CASE("where all sessions are in use, the next one that comes home in any pool goes for who waits") {
  Street street(2);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  std::vector<Lease> held = a.leases(2);
  NotingWaiter waiter;
  REQUIRE(b.pool.enqueue(waiter, {}).ok());
  CHECK(b.supply.dials == 0);
  held.pop_back();
  CHECK(a.supply.retired.size() == 1);
  held.pop_back();
  CHECK(a.supply.retired.size() == 1);  // one is enough, the other is kept
  CHECK(a.pool.figures().idle == 1);
  gone(a);
  b.dial_succeeds();
  CHECK(waiter.grants == 1);
  CHECK(waiter.take().ok());
  CHECK_FALSE(street.limit->is_short());
}

TEST_CASE("pools are served in the order in which they began to wait, one session each") {
  Street street(1);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  Desk& c = street.pool("c");
  Lease held = a.lease();
  std::vector<NotingWaiter> crowd(3);
  for (NotingWaiter& waiter : crowd) REQUIRE(b.pool.enqueue(waiter, {}).ok());
  street.pass(1ms);
  NotingWaiter later;
  REQUIRE(c.pool.enqueue(later, {}).ok());
  CHECK(street.limit->figures().waiting == 2);

  held.give_back(Fate::keep);
  gone(a);
  CHECK(b.supply.dials == 1);
  CHECK(c.supply.dials == 0);
  b.dial_succeeds();
  REQUIRE(crowd[0].grants == 1);
  street.pass(1s);  // its turn is over
  crowd[0].take()->give_back(Fate::keep);
  REQUIRE(crowd[1].grants == 1);  // who came before the one of the other pool
  crowd[1].take()->give_back(Fate::keep);
  REQUIRE(crowd[2].grants == 1);
  crowd[2].take()->give_back(Fate::keep);
  CHECK(later.grants == 0);
  gone(b);
  CHECK(c.supply.dials == 1);
  c.dial_succeeds();
  CHECK(later.take().ok());
}

TEST_CASE("who has waited longer than a pool's own callers gets their session, once it had a turn with them") {
  Street street(1);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  Lease held = a.lease();
  NotingWaiter other;
  REQUIRE(b.pool.enqueue(other, {}).ok());
  std::vector<NotingWaiter> own(3);
  street.pass(1ms);
  for (NotingWaiter& waiter : own) REQUIRE(a.pool.enqueue(waiter, {}).ok());
  held.give_back(Fate::keep);
  REQUIRE(own[0].grants == 1);  // opened just now: an opening for each call would be dear
  street.pass(20ms);
  own[0].take()->give_back(Fate::keep);
  CHECK(own[1].grants == 0);
  CHECK(a.supply.retired.size() == 1);
  gone(a);
  b.dial_succeeds();
  REQUIRE(other.grants == 1);
  other.take()->give_back(Fate::keep);  // nobody of its own waits
  CHECK(b.supply.retired.size() == 1);
  gone(b);
  a.dial_succeeds();
  REQUIRE(own[1].grants == 1);
  own[1].take()->give_back(Fate::keep);
  CHECK(own[2].grants == 1);
  CHECK(own[2].take().ok());
}

TEST_CASE("a caller who leaves no longer costs anybody a session") {
  Street street(1);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  Lease held = a.lease();
  NotingWaiter waiter;
  REQUIRE(b.pool.enqueue(waiter, {}).ok());
  CHECK(street.limit->is_short());
  REQUIRE(b.pool.abandon(waiter));
  CHECK_FALSE(street.limit->is_short());
  held.give_back(Fate::keep);
  CHECK(a.pool.figures().idle == 1);

  Lease again = a.lease();
  REQUIRE(b.pool.enqueue(waiter, {}).ok());
  again.give_back(Fate::keep);
  REQUIRE(b.pool.abandon(waiter));  // while the session is being closed
  gone(a);
  CHECK(street.open() == 0);
  CHECK(b.supply.dials == 0);
  CHECK(a.lease());
}

TEST_CASE("the callers of a pool that is closed leave the line, and it can go") {
  Street street(1);
  Desk& a = street.pool("a");
  Lease held = a.lease();
  NotingWaiter waiter;
  {
    Desk b("b", lasting(), {street.limit});
    REQUIRE(b.pool.enqueue(waiter, {}).ok());
    b.pool.close();
    CHECK(waiter.take().error().status == Status::closed);
    CHECK(street.limit->figures().waiting == 0);
  }
  held.give_back(Fate::keep);
  CHECK(a.pool.figures().idle == 1);
}

TEST_CASE("min is filled only with what nobody waits for") {
  Street street(3);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b", with_min(2));
  { const auto all = a.leases(2); }
  b.pool.open();
  CHECK(b.supply.dials == 1);
  b.dial_succeeds();
  CHECK(a.supply.retired.empty());  // not for that
  CHECK_FALSE(street.limit->is_short());

  Lease held = a.lease();
  Lease other = a.lease();
  Desk& c = street.pool("c");
  NotingWaiter waiter;
  REQUIRE(c.pool.enqueue(waiter, {}).ok());
  CHECK(b.supply.retired.size() == 1);  // somebody waits, and there is no other
  CHECK(b.supply.dials == 1);
  gone(b);
  CHECK(c.supply.dials == 1);  // who goes before the pool that has less than its min now
  CHECK(b.supply.dials == 1);
  c.dial_succeeds();
  waiter.take()->give_back(Fate::keep);
  CHECK(c.pool.figures().idle == 1);

  other.give_back(Fate::destroy);
  gone(a);
  CHECK(b.supply.dials == 2);  // without being asked again
  b.dial_succeeds();
  CHECK(b.pool.figures().idle == 1);
}

TEST_CASE("sessions that min keeps go last") {
  Street street(2);
  Desk& a = street.pool("a", with_min(1));
  Desk& b = street.pool("b");
  Desk& c = street.pool("c");
  a.lease().give_back(Fate::keep);
  street.pass(1s);
  b.lease().give_back(Fate::keep);
  NotingWaiter waiter;
  REQUIRE(c.pool.enqueue(waiter, {}).ok());
  CHECK(a.supply.retired.empty());
  CHECK(b.supply.retired.size() == 1);
  REQUIRE(c.pool.abandon(waiter));
}

TEST_CASE(
    "another limit holds at once: idle sessions beyond it go, others as they come home, and who waited is served") {
  Street street(3);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  Lease first = a.lease();
  Lease second = a.lease();
  b.lease().give_back(Fate::keep);
  street.limit->change(1);
  CHECK(b.supply.retired.size() == 1);
  gone(b);
  first.give_back(Fate::keep);
  CHECK(a.supply.retired.size() == 1);
  gone(a);
  CHECK(street.open() == 1);
  NotingWaiter waiter;
  REQUIRE(b.pool.enqueue(waiter, {}).ok());
  CHECK(b.supply.dials == 1);  // its first one
  street.limit->change(2);
  CHECK(b.supply.dials == 2);
  b.dial_succeeds();
  CHECK(waiter.take().ok());
  second.give_back(Fate::keep);
  CHECK(a.supply.retired.empty());
}

TEST_CASE("a session whose data would be lost counts, and never goes") {
  Street street(1);
  Desk& memory = street.pool("memory", lasting(), true);
  Desk& b = street.pool("b");
  Lease held = memory.lease();
  NotingWaiter waiter;
  REQUIRE(b.pool.enqueue(waiter, {}).ok());
  held.give_back(Fate::keep);
  CHECK(memory.supply.retired.empty());
  CHECK(memory.pool.figures().idle == 1);
  CHECK(memory.pool.try_acquire({}));
  CHECK(memory.supply.retired.empty());
  REQUIRE(b.pool.abandon(waiter));
}

TEST_CASE("a dial that fails gives its permit to the next one in line") {
  Street street(1);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  NotingWaiter first;
  NotingWaiter second;
  REQUIRE(a.pool.enqueue(first, {}).ok());
  REQUIRE(b.pool.enqueue(second, {}).ok());
  CHECK(b.supply.dials == 0);
  a.dial_fails();
  CHECK_FALSE(first.take().ok());
  CHECK(b.supply.dials == 1);
  b.dial_succeeds();
  CHECK(second.take().ok());
}

TEST_CASE("a server that has let nobody in yet gets one permit, however many wait for it") {
  Street street(5);
  Desk& silent = street.pool("silent");
  Desk& other = street.pool("other");
  NotingWaiter waiters[4];
  for (NotingWaiter& waiter : waiters) REQUIRE(silent.pool.enqueue(waiter, {}).ok());
  CHECK(street.open() == 1);
  const Lease first = other.lease();
  CHECK(street.open() == 2);
  silent.dial_succeeds();
  CHECK(street.open() == 5);  // one for the other pool; and as many here as there are
  for (int i = 0; i < 3; ++i) silent.dial_succeeds();
  for (NotingWaiter& waiter : waiters) CHECK(waiter.take().ok());
}

TEST_CASE("a pool that cannot dial now lets others go before it, and dials again by itself") {
  Street street(1);
  Desk& dead = street.pool("dead");
  Desk& b = street.pool("b");
  NotingWaiter first;
  NotingWaiter stays;
  REQUIRE(dead.pool.enqueue(first, {}).ok());
  dead.dial_fails();
  (void)first.take();
  REQUIRE(dead.pool.enqueue(stays, {}).ok());  // it waits for the next attempt
  CHECK(street.limit->figures().waiting == 0);
  Lease held = b.lease();
  street.pass(1s);
  (void)dead.pool.maintain();
  CHECK(dead.supply.dials == 1);
  CHECK(street.limit->figures().waiting == 1);
  held.give_back(Fate::keep);
  gone(b);
  CHECK(dead.supply.dials == 2);
  dead.dial_succeeds();
  CHECK(stays.take().ok());
}

TEST_CASE("what comes home to a closed pool goes for who waits elsewhere") {
  Street street(1);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  Lease held = a.lease();
  NotingWaiter waiter;
  REQUIRE(b.pool.enqueue(waiter, {}).ok());
  a.pool.close();
  held.give_back(Fate::keep);
  CHECK(a.supply.retired.size() == 1);
  gone(a);
  CHECK(b.supply.dials == 1);
  b.dial_succeeds();
  CHECK(waiter.take().ok());
}

TEST_CASE("who got nothing because of the limit is told so, and who holds the sessions") {
  Street street(4);
  Desk& a = street.pool("a");
  Desk& b = street.pool("b");
  Desk& c = street.pool("c");
  const auto three = a.leases(3);
  const auto one = b.leases(1);
  const Result<Lease> refused = c.pool.acquire({}, Deadline::after(c.clock.now(), Nanos(0)));
  REQUIRE_FALSE(refused.ok());
  const Error& error = refused.error();
  CHECK(error.status == Status::acquire_timeout);
  CHECK(error.message ==
        "no session of \"127.0.0.1:5432/app\" within 0 ms: 0 of 10 leased, 0 waiting; max_open: 4 of 4 sessions over "
        "all names are open (most of them: \"a\" 3, \"b\" 1)");
  const auto detail = [&](std::string_view key) -> std::string {
    for (const auto& [name, value] : error.details) {
      if (name == key) return value;
    }
    return "";
  };
  CHECK(detail("max_open") == "4");
  CHECK(detail("open") == "4");
  CHECK(detail("most") == "\"a\" 3, \"b\" 1");
}

TEST_CASE("who waits for the pool's own sessions is not told of the limit") {
  Street street(1);
  config::Pool one = lasting();
  one.max = one.max_idle = 1;
  Desk& a = street.pool("a", one);
  const auto held = a.leases(1);
  const Result<Lease> refused = a.pool.acquire({}, Deadline::after(a.clock.now(), Nanos(0)));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("max_open") == std::string::npos);
}

}  // namespace tl::pool
