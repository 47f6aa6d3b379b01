// A queue by itself: its fibers, its descriptor, who drives it, and its end.
#include "queue.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <set>

#include "condition.hpp"
#include "events.hpp"

namespace tl::runtime {
namespace {

using driver::Ready;

Deadline in(Nanos budget) { return Deadline::after(steady_clock().now(), budget); }
const Deadline at_once{Instant{}};

class Task : public Errand {
 public:
  explicit Task(std::function<void()> body) : body_(std::move(body)) {}
  void run() noexcept override { body_(); }

 private:
  const std::function<void()> body_;
};

class Numbered final : public Task {
 public:
  Numbered(int given, std::function<void()> body) : Task(std::move(body)), number(given) {}
  const int number;
};

struct EventFd {
  EventFd() : fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { REQUIRE(fd >= 0); }
  ~EventFd() { close(fd); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;
  void signal() const { eventfd_write(fd, 1); }
  // [on a fiber] Until it is signalled.
  void await() const {
    eventfd_t count = 0;
    while (eventfd_read(fd, &count) != 0) (void)Fiber::current()->park(fd, Ready::readable, Deadline::never());
  }
  const int fd;
};

struct Bench {
  explicit Bench(Queue::Driver driver = Queue::Driver::callers) {
    auto made = Queue::make(driver);
    REQUIRE(made.ok());
    queue = made.take();
  }
  ~Bench() {
    if (queue != nullptr) queue->forsake();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void submit(int number, std::function<void()> body) const {
    std::unique_ptr<Errand> errand = std::make_unique<Numbered>(number, std::move(body));
    REQUIRE(queue->submit(errand).ok());
  }
  [[nodiscard]] std::vector<int> take(size_t max, Deadline until, Queue::Got* got = nullptr) const {
    LinkedList<Errand> ended;
    const Queue::Got answer = queue->take(ended, max, until);
    if (got != nullptr) *got = answer;
    std::vector<int> numbers;
    while (Errand* const errand = ended.pop()) {
      numbers.push_back(static_cast<Numbered*>(errand)->number);
      delete errand;
    }
    return numbers;
  }
  // Takes until there were that many, within ten seconds.
  [[nodiscard]] std::vector<int> take_all(size_t n) const {
    std::vector<int> all;
    const Deadline until = in(10s);
    while (all.size() < n && !until.passed(steady_clock().now())) {
      for (const int number : take(n, until)) all.push_back(number);
    }
    return all;
  }

  std::shared_ptr<Queue> queue;
};

// A fiber that waits to be run by somebody else.
class Handed {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    CHECK(changed_.wait(lock, Deadline::never(), [this] { return given_; }));
  }
  void give() {
    Fiber* fiber = nullptr;
    {
      const std::lock_guard lock(mutex_);
      given_ = true;
      fiber = changed_.claim();
    }
    if (fiber != nullptr) Fiber::run_claimed(*fiber);
  }

 private:
  std::mutex mutex_;
  Condition changed_;
  bool given_ = false;
};

bool readable(int fd, std::chrono::milliseconds patience) {
  pollfd polled{fd, POLLIN, 0};
  return poll(&polled, 1, static_cast<int>(patience.count())) == 1;
}

// How often its threads have gone to sleep.
long sleeps_of_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
}

}  // namespace

TEST_CASE("errands that need not wait have ended when they were submitted, and are taken in that order") {
  const Bench bench;
  for (int i = 0; i < 10; ++i) bench.submit(i, [] { CHECK(Fiber::current() != nullptr); });
  CHECK(Fiber::current() == nullptr);
  CHECK(bench.take(4, at_once) == std::vector{0, 1, 2, 3});
  CHECK(bench.take(100, at_once) == std::vector{4, 5, 6, 7, 8, 9});
  Queue::Got got{};
  CHECK(bench.take(100, at_once, &got).empty());
  CHECK(got == Queue::Got::nothing);
}

TEST_CASE("errands that wait are taken in the order in which they end") {
  const Bench bench;
  EventFd first, second;
  bench.submit(1, [&] { second.await(); });
  bench.submit(2, [&] { first.await(); });
  bench.submit(3, [] { sleep_for(2ms); });
  CHECK(bench.take(8, in(10s)) == std::vector{3});
  first.signal();
  CHECK(bench.take(8, in(10s)) == std::vector{2});
  CHECK(bench.take(8, in(5ms)).empty());
  second.signal();
  CHECK(bench.take(8, in(10s)) == std::vector{1});
}

TEST_CASE("what a wait on a fiber is told") {
  const Bench bench;
  EventFd never, always;
  always.signal();
  bench.submit(0, [&] {
    Fiber& fiber = *Fiber::current();
    CHECK(fiber.park(always.fd, Ready::readable, Deadline::never()) == Ready::readable);
    CHECK(fiber.park(always.fd, Ready::readable | Ready::writable, in(10s)) == (Ready::readable | Ready::writable));
    const Instant began = steady_clock().now();
    CHECK(fiber.park(never.fd, Ready::readable, in(10ms)) == Ready::timer);
    CHECK(fiber.park(-1, Ready::start, in(10ms)) == Ready::timer);
    CHECK(steady_clock().now() - began >= 20ms);
    CHECK(fiber.park(never.fd, Ready::readable, at_once) == Ready::timer);
    fiber.wake();  // before it waits
    CHECK(fiber.park(-1, Ready::start, Deadline::never()) == Ready::start);
  });
  CHECK(bench.take_all(1) == std::vector{0});
}

TEST_CASE("a later wait is not told of an earlier one's descriptor") {
  const Bench bench;
  EventFd early, late;
  bench.submit(0, [&] {
    CHECK(Fiber::current()->park(early.fd, Ready::readable, in(1ms)) == Ready::timer);
    early.signal();
    CHECK(Fiber::current()->park(late.fd, Ready::readable, in(50ms)) == Ready::timer);
  });
  CHECK(bench.take_all(1).size() == 1);
}

TEST_CASE("deadlines are kept in whatever order they were asked for") {
  const Bench bench;
  const std::vector<int> after = {50, 10, 30, 20, 40, 0};
  const Instant began = steady_clock().now();
  for (const int ms : after) bench.submit(ms, [ms] { sleep_for(std::chrono::milliseconds(ms)); });
  for (size_t ended = 0; ended < after.size();) {
    for (const int ms : bench.take(1, in(10s))) {
      CHECK(steady_clock().now() - began >= std::chrono::milliseconds(ms));
      ++ended;
    }
  }
}

TEST_CASE("a fiber that was claimed runs on the claimer's thread, and one that another thread runs there after it") {
  const Bench bench;
  Handed first, second;
  std::thread::id ran_first, ran_second;
  bool nested = false, inside = false;
  bench.submit(1, [&] {
    first.wait();
    inside = true;
    ran_first = std::this_thread::get_id();
    second.give();
    inside = false;
  });
  bench.submit(2, [&] {
    second.wait();
    nested = inside;
    ran_second = std::this_thread::get_id();
  });
  std::thread giver([&] { first.give(); });
  const std::thread::id id = giver.get_id();
  giver.join();
  CHECK(ran_first == id);
  CHECK(ran_second == id);
  CHECK_FALSE(nested);
  CHECK(bench.take(8, at_once) == std::vector{1, 2});
}

TEST_CASE("of several threads that take one drives, and each errand is taken once") {
  constexpr int errands = 2000;
  const Bench bench;
  std::mutex mutex;
  std::multiset<int> taken;
  std::vector<std::thread> takers;
  for (int i = 0; i < 4; ++i) {
    takers.emplace_back([&] {
      for (;;) {
        Queue::Got got{};
        const std::vector<int> some = bench.take(3, Deadline::never(), &got);
        if (got == Queue::Got::ended) return;
        const std::lock_guard lock(mutex);
        taken.insert(some.begin(), some.end());
      }
    });
  }
  for (int i = 0; i < errands; ++i) {
    bench.submit(i, [i] {
      if (i % 3 == 0) sleep_for(std::chrono::microseconds(i % 100));
    });
  }
  bench.queue->shut_down();
  for (std::thread& taker : takers) taker.join();
  CHECK(taken.size() == errands);
  CHECK(std::set<int>(taken.begin(), taken.end()).size() == errands);
}

TEST_CASE("wake_up ends one wait, or else the next one") {
  for (const auto driver : {Queue::Driver::callers, Queue::Driver::own_thread}) {
    const Bench bench(driver);
    Queue::Got got{};
    bench.queue->wake_up();
    CHECK(readable(bench.queue->fd(), 10s));
    CHECK(bench.take(1, Deadline::never(), &got).empty());
    CHECK(got == Queue::Got::nothing);
    CHECK_FALSE(readable(bench.queue->fd(), 0ms));
    std::atomic<int> woken{0};
    std::vector<std::thread> takers;
    for (int i = 0; i < 2; ++i) {
      takers.emplace_back([&] {
        CHECK(bench.take(1, Deadline::never()).empty());
        ++woken;
      });
    }
    while (woken < 2) {
      const int before = woken;
      bench.queue->wake_up();
      for (int i = 0; i < 10000 && woken == before; ++i) std::this_thread::sleep_for(1ms);
      REQUIRE(woken > before);
    }
    for (std::thread& taker : takers) taker.join();
  }
}

TEST_CASE("a queue that was shut down refuses errands and gives all that there were") {
  const Bench bench;
  EventFd go;
  bench.submit(1, [&] { go.await(); });
  bench.submit(2, [] {});
  bench.queue->shut_down();
  std::unique_ptr<Errand> late = std::make_unique<Numbered>(3, [] {});
  const Result<void> refused = bench.queue->submit(late);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().status == Status::shutdown);
  CHECK(late != nullptr);
  CHECK(bench.take(8, at_once) == std::vector{2});
  Queue::Got got{};
  CHECK(bench.take(8, at_once, &got).empty());
  CHECK(got == Queue::Got::nothing);
  std::thread waiting([&] {
    CHECK(bench.take(8, Deadline::never()) == std::vector{1});
    CHECK(bench.take(8, Deadline::never(), &got).empty());
  });
  go.signal();
  waiting.join();
  CHECK(got == Queue::Got::ended);
}

TEST_CASE("a queue that is forsaken runs what is under way to its end, and is gone then") {
  for (const auto driver : {Queue::Driver::callers, Queue::Driver::own_thread}) {
    Bench bench(driver);
    Events events;
    EventFd go[3];
    const auto held = std::make_shared<int>(7);
    for (int i = 0; i < 3; ++i) {
      bench.submit(i, [&, held, i] {
        if (i > 0) go[i].await();
        events.add("ended");
      });
    }
    const std::weak_ptr<Queue> gone = bench.queue;
    bench.queue->forsake();
    bench.queue.reset();
    for (const EventFd& one : go) one.signal();
    CHECK(events.reach(3));
    for (int i = 0; i < 10000 && !gone.expired(); ++i) std::this_thread::sleep_for(1ms);
    CHECK(gone.expired());
    CHECK(held.use_count() == 1);
  }
}

TEST_CASE("a queue holds so many errands and no more, counted until they are taken") {
  const Bench bench;
  for (size_t i = 0; i < Queue::most; ++i) bench.submit(1, [] {});
  std::unique_ptr<Errand> more = std::make_unique<Numbered>(2, [] {});
  const Result<void> refused = bench.queue->submit(more);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().status == Status::busy);
  CHECK(bench.take(1, at_once) == std::vector{1});
  CHECK(bench.queue->submit(more).ok());
  CHECK(bench.take(2 * Queue::most, at_once).size() == Queue::most);
}

TEST_CASE("a queue with a thread of its own runs to the end without anybody waiting for it") {
  const Bench bench(Queue::Driver::own_thread);
  Events events;
  EventFd go;
  for (int i = 0; i < 3; ++i) {
    bench.submit(i, [&, i] {
      if (i == 0) go.await();
      if (i == 1) sleep_for(5ms);
      events.add("ended");
    });
  }
  go.signal();
  CHECK(events.reach(3));
  CHECK(readable(bench.queue->fd(), 10s));
  CHECK(bench.take_all(3).size() == 3);
  CHECK_FALSE(readable(bench.queue->fd(), 0ms));
}

TEST_CASE("what is left alone goes on by itself, and waits to be taken") {
  const Bench bench;
  Events events;
  EventFd go;
  bench.submit(1, [&] {
    for (int i = 0; i < 20; ++i) sleep_for(100us);
    events.add("slept");
    go.await();
    events.add("was told");
  });
  CHECK(events.reach(1));
  go.signal();
  CHECK(events.reach(2));
  CHECK(readable(bench.queue->fd(), 10s));
  CHECK(bench.take(8, in(10s)) == std::vector{1});
}

TEST_CASE("an idle queue wakes nobody") {
#ifdef __SANITIZE_THREAD__
  constexpr long others = 10;  // ThreadSanitizer's own thread looks about ten times a second
#else
  constexpr long others = 5;  // this thread's own
#endif
  const Bench bench, with_thread(Queue::Driver::own_thread);
  for (const Bench* one : {&bench, &with_thread}) {
    one->submit(1, [] { sleep_for(1ms); });
    CHECK(one->take_all(1).size() == 1);
  }
  std::this_thread::sleep_for(60ms);  // the last resort has looked
  const long before = sleeps_of_process();
  std::this_thread::sleep_for(500ms);
  CHECK(sleeps_of_process() - before <= others);
}

TEST_CASE("an edge of the descriptor in another epoll tells of everything") {
  for (const auto driver : {Queue::Driver::callers, Queue::Driver::own_thread}) {
    constexpr int rounds = 5000;
    const Bench bench(driver);
    const int outer = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
    REQUIRE(epoll_ctl(outer, EPOLL_CTL_ADD, bench.queue->fd(), &event) == 0);
    std::vector<EventFd> told(16);
    std::atomic<int> submitted{0};
    std::atomic<bool> ended{false};
    std::thread telling([&] {
      while (!ended) {
        for (const EventFd& one : told) one.signal();
        std::this_thread::yield();
      }
    });
    int taken = 0;
    for (; submitted < 16; ++submitted) bench.submit(submitted, [&, i = submitted.load()] { told[i].await(); });
    while (taken < rounds) {
      if (epoll_wait(outer, &event, 1, 10000) != 1) break;
      for (;;) {
        const std::vector<int> some = bench.take(4, at_once);
        taken += static_cast<int>(some.size());
        for (const int i : some) {
          if (submitted++ < rounds) bench.submit(i, [&told, i] { told[i].await(); });
        }
        if (some.size() < 4) break;
      }
    }
    CHECK(taken >= rounds);
    ended = true;
    telling.join();
    close(outer);
  }
}

TEST_CASE("an edge tells of what comes after a wake_up, too") {
  const Bench bench;
  const int outer = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
  REQUIRE(epoll_ctl(outer, EPOLL_CTL_ADD, bench.queue->fd(), &event) == 0);
  EventFd ready;
  Handed handed;
  bench.submit(1, [&] { ready.await(); });
  bench.submit(2, [&] { handed.wait(); });
  ready.signal();
  bench.queue->wake_up();
  CHECK(epoll_wait(outer, &event, 1, 10000) == 1);
  std::vector<int> taken = bench.take(8, at_once);  // whether with the first or not
  std::thread other([&] { handed.give(); });
  other.join();
  CHECK(epoll_wait(outer, &event, 1, 10) == 1);
  for (const int number : bench.take(8, at_once)) taken.push_back(number);
  CHECK(taken == std::vector{1, 2});
  close(outer);
}

TEST_CASE("many threads submit, wake, claim and take at once") {
  for (const auto driver : {Queue::Driver::callers, Queue::Driver::own_thread}) {
    constexpr int threads = 4, each = 500;
    const Bench bench(driver);
    std::atomic<int> taken{0};
    std::atomic<int64_t> steps{0};
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&] {
        for (int i = 0; i < each; ++i) {
          const auto handed = std::make_shared<Handed>();
          bench.submit(i, [&steps, handed, i] {
            if (i % 2 == 0) sleep_for(50us);
            handed->wait();
            ++steps;
          });
          handed->give();
          if (i % 5 == 0) taken += static_cast<int>(bench.take(8, at_once).size());
          if (i % 50 == 0) bench.queue->wake_up();
        }
      });
    }
    for (int t = 0; t < 2; ++t) {
      all.emplace_back([&] {
        const Deadline until = in(60s);
        while (taken < threads * each && !until.passed(steady_clock().now())) {
          taken += static_cast<int>(bench.take(8, in(5ms)).size());
        }
      });
    }
    for (std::thread& thread : all) thread.join();
    CHECK(taken == threads * each);
    CHECK(steps == threads * each);
  }
}

}  // namespace tl::runtime
