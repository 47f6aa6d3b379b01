// Waiting on the calling thread, in real time.
#include "dialling_thread.hpp"

namespace tl::pool {
namespace {

struct Shop {
  explicit Shop(const config::Pool& settings, bool refuses = false)
      : supply([refuses] { return refuses ? nullptr : std::make_unique<FakeSession>(); }),
        pool(source, settings, supply, steady_clock(), 1) {}
  ~Shop() {
    pool.close();
    supply.stop();
  }
  void await_waiters(uint32_t n) const {
    while (pool.figures().waiting != n) std::this_thread::yield();
  }
  DiallingThread supply;
  observe::Source source{std::make_shared<observe::Hub>(), {.connection = "db", .endpoint = "db"}};
  Pool pool;
};

config::Pool one_session() {
  config::Pool settings = lasting();
  settings.max = 1;
  return settings;
}

Deadline in(Nanos budget) { return Deadline::after(steady_clock().now(), budget); }

}  // namespace

TEST_CASE("acquire dials, lends, and lends again") {
  Shop shop(one_session());
  uint64_t number = 0;
  {
    Result<Lease> lease = shop.pool.acquire({}, Deadline::never());
    REQUIRE(lease.ok());
    number = lease->session().number();
  }
  Result<Lease> again = shop.pool.acquire({}, Deadline::never());
  REQUIRE(again.ok());
  CHECK(again->session().number() == number);
}

TEST_CASE("a waiting thread gets what another gives back") {
  Shop shop(one_session());
  Lease lease = shop.pool.acquire({}, Deadline::never()).take();
  std::atomic<bool> served{false};
  std::thread other([&] {
    Result<Lease> result = shop.pool.acquire({}, Deadline::never());
    served = result.ok();
  });
  shop.await_waiters(1);
  CHECK_FALSE(served);
  lease.give_back(Fate::keep);
  other.join();
  CHECK(served);
}

TEST_CASE("acquire_timeout and the caller's deadline: the nearer one ends the wait, with the reason") {
  config::Pool settings = one_session();
  Nanos deadline = 1h, expected = 0s;
  const char* told = nullptr;
  SUBCASE("acquire_timeout") {
    settings.acquire_timeout = 30ms;
    expected = 30ms;
    told = "no session of \"db\" within 30 ms: 1 of 1 leased (tag \"holder\" for ";
  }
  SUBCASE("deadline") {
    deadline = 20ms;
    expected = 20ms;
    told = "no session of \"db\" within ";
  }
  SUBCASE("a deadline that has passed") {
    deadline = 0s;
    told = "no session of \"db\" within ";
  }
  Shop shop(settings);
  const Lease lease = shop.pool.acquire({.tag = "holder"}, Deadline::never()).take();
  const Instant before = steady_clock().now();
  const Result<Lease> result = shop.pool.acquire({}, in(deadline));
  const Nanos took = steady_clock().now() - before;
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().status == Status::acquire_timeout);
  CHECK(result.error().message.find(told) == 0);
  CHECK(took >= expected);
  CHECK(took < expected + 5s);
  CHECK(shop.pool.figures().waiting == 0);
  CHECK(shop.pool.figures().acquire_timeouts == 1);
}

TEST_CASE("a refused connection is told promptly, not after acquire_timeout") {
  Shop shop(one_session(), true);
  const Instant before = steady_clock().now();
  const Result<Lease> first = shop.pool.acquire({}, Deadline::never());
  REQUIRE_FALSE(first.ok());
  CHECK(first.error().status == Status::unavailable);
  const Result<Lease> second = shop.pool.acquire({}, Deadline::never());
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("connection refused") == 0);
  CHECK(steady_clock().now() - before < 5s);
}

TEST_CASE("a caller who would wait for himself is told at once") {
  Shop shop(one_session());
  const Borrower mine{.owner = 1};
  const Lease lease = shop.pool.acquire(mine, Deadline::never()).take();
  CHECK(shop.pool.acquire(mine, Deadline::never()).error().status == Status::busy);
}

TEST_CASE("closing wakes the threads that wait") {
  Shop shop(one_session());
  Lease lease = shop.pool.acquire({}, Deadline::never()).take();
  std::atomic<int> closed{0};
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&] {
      const Result<Lease> result = shop.pool.acquire({}, Deadline::never());
      if (!result.ok() && result.error().status == Status::closed) ++closed;
    });
  }
  shop.await_waiters(3);
  shop.pool.close();
  for (std::thread& other : others) other.join();
  CHECK(closed == 3);
  lease.give_back(Fate::keep);
  CHECK(shop.pool.drained());
}

}  // namespace tl::pool
