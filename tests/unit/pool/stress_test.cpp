// Many threads on few sessions, with callers who leave, deadlines that pass, sessions that are destroyed and dials that
// fail, in every interleaving that the machine finds.
#include <random>

#include "counted_session.hpp"
#include "dialling_thread.hpp"

namespace tl::pool {
namespace {

constexpr int threads = 8;
constexpr int cycles = 20'000;

class FlagWaiter final : public Waiter {
 public:
  void granted() noexcept override {
    flag_.store(true);  // the waiter may be gone after this
  }
  void await() const {
    while (!flag_.load()) std::this_thread::yield();
  }

 private:
  std::atomic<bool> flag_{false};
};

struct Outcomes {
  std::atomic<uint64_t> served{0}, timed_out{0}, unavailable{0}, abandoned{0}, lent_twice{0}, other{0};
};

class Customer {
 public:
  Customer(Pool& pool, Outcomes& outcomes, uint32_t seed) : pool_(pool), outcomes_(outcomes), random_(seed) {}

  void run() {
    for (int i = 0; i < cycles; ++i) {
      if (chance(5)) {
        wait_in_line();
      } else {
        const Deadline deadline =
            Deadline::after(steady_clock().now(), Nanos(chance(10) ? random_() % 50'000 : 10'000'000'000));
        use(pool_.acquire({.tag = "stress", .statement = "SELECT 1"}, deadline));
      }
      if (chance(100)) {
        (void)pool_.leases();
        (void)pool_.sessions();
      }
    }
  }

 private:
  bool chance(uint32_t one_in) { return random_() % one_in == 0; }

  void wait_in_line() {
    FlagWaiter waiter;
    if (auto queued = pool_.enqueue(waiter, {.tag = "line"}); !queued) return note(queued.error());
    for (uint32_t patience = random_() % 4; patience > 0; --patience) std::this_thread::yield();
    if (chance(2) && pool_.abandon(waiter)) {
      ++outcomes_.abandoned;
      return;
    }
    waiter.await();
    use(waiter.take());
  }

  void use(Result<Lease> result) {
    if (!result) return note(result.error());
    auto& session = static_cast<CountedSession&>(result->session());
    if (session.holders.fetch_add(1) != 0) ++outcomes_.lent_twice;
    ++session.uses;
    if (chance(4)) std::this_thread::yield();
    session.holders.fetch_sub(1);
    ++outcomes_.served;
    if (chance(100)) result->give_back(Fate::destroy);
  }

  void note(const Error& error) {
    if (error.status == Status::acquire_timeout || error.status == Status::connect_timeout) {
      ++outcomes_.timed_out;
    } else if (error.status == Status::unavailable) {
      ++outcomes_.unavailable;
      for (int i = 0; i < 20; ++i) std::this_thread::yield();  // let the next dial happen
    } else {
      ++outcomes_.other;
    }
  }

  Pool& pool_;
  Outcomes& outcomes_;
  std::minstd_rand random_;
};

}  // namespace

TEST_CASE("under load no session is lent twice at once, and none is lost") {
  std::atomic<int> alive{0};
  std::atomic<uint64_t> opened{0}, dials{0};
  DiallingThread supply([&]() -> std::unique_ptr<driver::Session> {
    if (++dials % 50 == 0) return nullptr;
    ++opened;
    return std::make_unique<CountedSession>(alive);
  });
  config::Pool settings;
  settings.max = settings.max_idle = 3;
  settings.min = 1;
  settings.max_overflow = 1;
  settings.max_lifetime = 50ms;
  settings.idle_timeout = 1ms;
  settings.reap_interval = 1ms;
  settings.create_retry_interval = 1ms;
  settings.acquire_timeout = 10s;
  Outcomes outcomes;
  {
    observe::Source source(std::make_shared<observe::Hub>(), {});
    Pool pool(source, settings, supply, steady_clock(), 1);
    pool.open();
    std::vector<std::thread> customers;
    for (uint32_t i = 0; i < threads; ++i) customers.emplace_back([&, i] { Customer(pool, outcomes, i + 1).run(); });
    for (std::thread& customer : customers) customer.join();

    CHECK(outcomes.lent_twice == 0);
    CHECK(outcomes.other == 0);
    CHECK(outcomes.served > 0);
    CHECK(outcomes.abandoned > 0);
    CHECK(outcomes.served + outcomes.timed_out + outcomes.unavailable + outcomes.abandoned == threads * cycles);
    const Figures figures = pool.figures();
    CHECK(figures.leased == 0);
    CHECK(figures.waiting == 0);
    CHECK(figures.acquired == outcomes.served);
    CHECK(figures.acquire_timeouts == outcomes.timed_out);
    CHECK(figures.idle <= 3);

    pool.close();
    supply.stop();
    CHECK(pool.drained());
    CHECK(pool.figures().opened == opened);
    CHECK(pool.figures().closed == opened);
  }
  CHECK(supply.retired == opened);
  CHECK(alive == 0);
  MESSAGE("served " << outcomes.served.load() << ", timed out " << outcomes.timed_out.load() << ", refused "
                    << outcomes.unavailable.load() << ", left " << outcomes.abandoned.load() << "; sessions opened "
                    << opened.load() << " in " << dials.load() << " dials");
}

}  // namespace tl::pool
