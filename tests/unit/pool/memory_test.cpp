// What a pool does where no memory can be had: nobody is left without an answer, and it works on when there is some.
#include "pool_fixture.hpp"
#include "short_memory.hpp"

namespace tl::pool {
namespace {

struct PoorDesk : Desk {
  PoorDesk() : Desk(lasting()) {
    supply.retired.reserve(8);
    supply.permits.reserve(8);
    supply.wakes.reserve(64);
    REQUIRE(pool.enqueue(waiter, {}).ok());
  }
  ~PoorDesk() { (void)pool.abandon(waiter); }
  void works_again() {
    clock.advance(1min);
    (void)pool.maintain();
    Lease next = lease();
    CHECK(next);
    next.give_back(Fate::keep);
    CHECK(pool.figures().leased == 0);
    CHECK(pool.figures().dialling == 0);
  }
  NotingWaiter waiter;
};

constexpr int enough = 12;

}  // namespace

TEST_CASE("a session for which there is no memory is closed, and who waited for it is told") {
  bool refused = false, served = false;
  for (int left = 0; left < enough; ++left) {
    PoorDesk desk;
    auto session = std::make_unique<FakeSession>();
    {
      const ShortMemory memory(left);
      desk.pool.dialled(std::move(session));
    }
    REQUIRE(desk.waiter.grants == 1);
    Result<Lease> result = desk.waiter.take();
    if (result.ok()) {
      served = true;
      result.take().give_back(Fate::keep);
    } else {
      refused = true;
      CHECK(result.error().status == Status::no_memory);
      CHECK(result.error().endpoint == "127.0.0.1:5432/app");
      CHECK(desk.supply.retired.size() == 1);
    }
    desk.works_again();
  }
  CHECK(refused);
  CHECK(served);
}

TEST_CASE("a dial that failed without the memory to say why is told as that") {
  bool untold = false, told = false;
  for (int left = 0; left < enough; ++left) {
    PoorDesk desk;
    Failure failure = left == 0 ? nullptr : fail(Status::unavailable, "connection refused", Phase::connect);
    {
      const ShortMemory memory(left / 2);
      desk.pool.dial_failed(std::move(failure));
    }
    REQUIRE(desk.waiter.grants == 1);
    const Status status = desk.waiter.take().error().status;
    CHECK((status == Status::no_memory || status == Status::unavailable));
    (status == Status::no_memory ? untold : told) = true;
    desk.works_again();
  }
  CHECK(untold);
  CHECK(told);
}

TEST_CASE("a reason that cannot be copied for lack of memory stays the waiter's") {
  PoorDesk desk;
  desk.dial_fails();
  {
    const ShortMemory memory(0);
    CHECK_THROWS_AS((void)desk.waiter.take(), std::bad_alloc);
  }
  CHECK(desk.waiter.take().error().status == Status::unavailable);
}

TEST_CASE("closing takes no memory") {
  PoorDesk desk;
  {
    const ShortMemory memory(0);
    desk.pool.close();
  }
  REQUIRE(desk.waiter.grants == 1);
  CHECK(desk.waiter.take().error().status == Status::closed);
}

}  // namespace tl::pool
