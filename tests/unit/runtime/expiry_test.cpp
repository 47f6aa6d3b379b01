// What has ended on a queue and lies there untaken for longer than it may.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "events.hpp"
#include "queue.hpp"

namespace tl::runtime {
namespace {

Deadline in(Nanos budget) { return Deadline::after(steady_clock().now(), budget); }

class Perishable final : public Errand {
 public:
  Perishable(
      Nanos lasts, Events& events, std::function<void()> expires = [] {})
      : lasts_(lasts), events_(events), expires_(std::move(expires)) {}
  ~Perishable() override { events_.add("deleted"); }
  void run() noexcept override { lie_until(in(lasts_)); }
  void expire() noexcept override {
    expires_();
    events_.add("expired");
  }

 private:
  const Nanos lasts_;
  Events& events_;
  const std::function<void()> expires_;
};

class Lasting final : public Errand {
 public:
  void run() noexcept override {}
};

struct Bench {
  explicit Bench(Queue::Driver driver = Queue::Driver::callers) {
    auto made = Queue::make(driver);
    REQUIRE(made.ok());
    queue = made.take();
  }
  ~Bench() { queue->forsake(); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  template <class Kind, class... Args>
  void submit(Args&&... args) const {
    std::unique_ptr<Errand> errand = std::make_unique<Kind>(std::forward<Args>(args)...);
    REQUIRE(queue->submit(errand).ok());
  }
  // How many were taken.
  size_t take(Deadline until, Queue::Got* got = nullptr) const {
    LinkedList<Errand> ended;
    const Queue::Got answer = queue->take(ended, 64, until);
    if (got != nullptr) *got = answer;
    const size_t n = ended.size();
    while (Errand* const errand = ended.pop()) delete errand;
    return n;
  }

  std::shared_ptr<Queue> queue;
};

using Words = std::vector<std::string>;
const Deadline at_once{Instant{}};

}  // namespace

TEST_CASE("what lies untaken for too long expires once, and is still to be taken") {
  for (const auto driver : {Queue::Driver::callers, Queue::Driver::own_thread}) {
    Events events;
    const Bench bench(driver);
    bench.submit<Lasting>();
    bench.submit<Perishable>(20ms, events);
    bench.submit<Perishable>(5ms, events);
    bench.submit<Lasting>();
    CHECK(events.reach(2));
    size_t taken = 0;
    while (taken < 4) taken += bench.take(in(10s));
    CHECK(taken == 4);
    CHECK(bench.take(in(30ms)) == 0);
    CHECK(events.all() == Words{"expired", "expired", "deleted", "deleted"});
  }
}

TEST_CASE("what is taken in time does not expire, also where it is looked for") {
  Events early, late;
  const Bench bench;
  for (int i = 0; i < 10; ++i) {
    bench.submit<Perishable>(20ms, early);
    CHECK(bench.take(in(10s)) == 1);
  }
  bench.submit<Perishable>(100ms, late);  // the housekeeper looks for what was taken, and finds this one
  CHECK(late.reach(1));
  CHECK(early.all() == Words(10, "deleted"));
}

TEST_CASE("while it expires it is neither taken nor forgotten") {
  for (const auto driver : {Queue::Driver::callers, Queue::Driver::own_thread}) {
    Events events;
    const Bench bench(driver);
    std::promise<void> begun, go_on;
    bench.submit<Perishable>(1ms, events, [&] {
      begun.set_value();
      go_on.get_future().wait();
    });
    bench.queue->shut_down();
    begun.get_future().wait();
    Queue::Got got{};
    CHECK(bench.take(at_once, &got) == 0);
    CHECK(got == Queue::Got::nothing);
    std::thread waiting([&] { CHECK(bench.take(Deadline::never()) == 1); });
    go_on.set_value();
    waiting.join();
    CHECK(bench.take(Deadline::never(), &got) == 0);
    CHECK(got == Queue::Got::ended);
    CHECK(events.all() == Words{"expired", "deleted"});
  }
}

TEST_CASE("a queue that is forsaken while something expires deletes it") {
  Events events;
  std::promise<void> begun, go_on;
  {
    const Bench bench;
    bench.submit<Perishable>(1ms, events, [&] {
      begun.set_value();
      go_on.get_future().wait();
    });
    begun.get_future().wait();
  }
  CHECK(events.size() == 0);
  go_on.set_value();
  CHECK(events.reach(2));
  CHECK(events.all() == Words{"expired", "deleted"});
}

TEST_CASE("taking and expiring at the same moment: each is taken once") {
  constexpr int errands = 3000;
  Events events;
  const Bench bench;
  std::atomic<size_t> taken{0};
  std::vector<std::thread> takers;
  for (int i = 0; i < 2; ++i) {
    takers.emplace_back([&] {
      for (Queue::Got got{}; got != Queue::Got::ended;) {
        std::this_thread::sleep_for(300us);
        taken += bench.take(Deadline::never(), &got);
      }
    });
  }
  for (int i = 0; i < errands; ++i) {
    bench.submit<Perishable>(std::chrono::microseconds(i % 500), events);
    if (i % 10 == 0) std::this_thread::sleep_for(50us);
  }
  bench.queue->shut_down();
  for (std::thread& taker : takers) taker.join();
  CHECK(taken == errands);
  const Words all = events.all();
  CHECK(std::count(all.begin(), all.end(), "deleted") == errands);
  MESSAGE("expired: ", all.size() - errands);
}

}  // namespace tl::runtime
