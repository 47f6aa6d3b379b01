// Events, on threads of their own and on queues that the program drives.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <latch>
#include <memory>
#include <thread>

#include "async_fixture.hpp"

using namespace std::chrono_literals;
using trunkline::event;
using trunkline::event_kind;
using trunkline::subscription;

namespace {

// What was told, by whichever thread.
class Told {
 public:
  auto listener() {
    return [this](const event& happened) {
      const std::lock_guard lock(mutex_);
      events_.push_back(happened);
      by_ = std::this_thread::get_id();
      changed_.notify_all();
    };
  }
  // The first one of a kind, whose text, its statement or message, is this if there is one.
  event of(event_kind kind, std::string_view text = "") {
    std::unique_lock lock(mutex_);
    auto found = events_.end();
    REQUIRE_MESSAGE(changed_.wait_for(lock, 20s,
                                      [&] {
                                        found = std::ranges::find_if(events_, [&](const event& each) {
                                          return each.kind == kind &&
                                                 (text.empty() || each.statement + each.message == text);
                                        });
                                        return found != events_.end();
                                      }),
                    text);
    return *found;
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return events_.size();
  }
  std::thread::id by() {
    const std::lock_guard lock(mutex_);
    return by_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<event> events_;
  std::thread::id by_;
};

struct Permanent {
  Told told;  // outlives what tells it
  trunkline::registry registry =
      trunkline::registry::parse("[connections.main]\ndriver = 'sqlite'\ndatabase = ':memory:'");
  subscription listening = registry.subscribe(event_kind::query, told.listener());
};

}  // namespace

TEST_CASE_FIXTURE(AsyncFixture, "what happens to a session is told with all that there is to say") {
  Told told;
  auto listening = registry.subscribe(event_kind::connect | event_kind::checkout | event_kind::checkin |
                                          event_kind::query | event_kind::disconnect | event_kind::state_change,
                                      told.listener());
  const auto reporting = registry.on("narrow", trunkline::mode::write).tag("report");
  reporting.query("SELECT 41 + ?", 1);
  CHECK(error_of([&] { reporting.query("SELECT nothing FROM nowhere"); }).status() == TL_E_STATEMENT);
  registry.close("narrow");

  const event connected = told.of(event_kind::connect);
  CHECK(connected.connection == "narrow");
  CHECK_FALSE(connected.endpoint.empty());
  CHECK(connected.session != 0);
  CHECK(connected.duration.value() > 0us);
  CHECK(connected.backend.empty() == (target() == "sqlite"));
  CHECK(connected.lost == 0);
  CHECK(connected.question == 0);
  const auto age = std::chrono::system_clock::now() - connected.at;
  CHECK(age > -1min);
  CHECK(age < 1min);
  const event queried = told.of(event_kind::query, "SELECT 41 + ?");
  CHECK(queried.connection == "narrow");
  CHECK(queried.endpoint == connected.endpoint);
  CHECK(queried.session == connected.session);
  CHECK(queried.tag == "report");
  CHECK(queried.duration.has_value());
  CHECK(queried.status.empty());
  CHECK(queried.message.empty());
  CHECK(told.of(event_kind::query, "SELECT nothing FROM nowhere").status == tl_status_name(TL_E_STATEMENT));
  CHECK(told.of(event_kind::checkout).tag == "report");
  CHECK(told.of(event_kind::checkin).session == connected.session);
  CHECK(told.of(event_kind::disconnect).session == connected.session);
  const event closed = told.of(event_kind::state_change, "closed");
  CHECK(closed.connection == "narrow");
  CHECK_FALSE(closed.duration.has_value());
  CHECK(told.by() != std::this_thread::get_id());
}

TEST_CASE_FIXTURE(AsyncFixture, "events of kinds that nobody wants, or after the end, are not told") {
  Told told;
  Told later;
  auto slow = registry.subscribe(event_kind::slow_query | event_kind::timeout, told.listener());
  auto listening = registry.subscribe(event_kind::query, told.listener());
  registry.on("db").query("SELECT 1");
  static_cast<void>(told.of(event_kind::query, "SELECT 1"));
  listening.close();
  listening.close();
  auto next = registry.subscribe(event_kind::query, later.listener());
  registry.on("db").query("SELECT 2");
  static_cast<void>(later.of(event_kind::query, "SELECT 2"));
  next = registry.subscribe(event_kind::query, told.listener());
  registry.on("db").query("SELECT 3");
  static_cast<void>(told.of(event_kind::query, "SELECT 3"));
  CHECK(told.count() == 2);
  CHECK(later.count() == 1);
}

TEST_CASE_FIXTURE(AsyncFixture, "on a queue whoever drives it is told, until the end of the subscription") {
  Told told;
  auto listening = std::optional(registry.subscribe(queue, event_kind::query, told.listener()));
  CHECK(db.query("SELECT 1").get().value<int>() == 1);
  while (told.count() == 0) CHECK(queue.run_one(20s));
  CHECK(told.of(event_kind::query, "SELECT 1").connection == "db");
  CHECK(told.by() == std::this_thread::get_id());
  std::jthread ending([&] { listening.reset(); });
  queue.run();
  registry.on("db").query("SELECT 2");
  CHECK(queue.poll() == 0);
  CHECK(told.count() == 1);
}

TEST_CASE_FIXTURE(AsyncFixture, "several threads drive, and each event is told once") {
  constexpr int most = 400;
  std::atomic<int> told = 0;
  std::atomic<uint64_t> lost = 0;
  auto listening = std::optional(registry.subscribe(queue, event_kind::query, [&](const event& happened) {
    lost += happened.lost;
    if (++told == most) queue.wake();
  }));
  std::vector<std::jthread> drivers;
  for (int i = 0; i < 3; ++i) drivers.emplace_back([&] { queue.run(); });
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < most / 4; ++i) registry.on("db").query("SELECT 1");
      });
    }
  }
  drivers.emplace_back([&] { queue.run(); });
  while (told < most) sched_yield();
  listening.reset();
  drivers.clear();
  CHECK(told == most);
  CHECK(lost == 0);
}

TEST_CASE_FIXTURE(AsyncFixture,
                  "an exception of a listener leaves run, or is kept by the thread, and the next is told") {
  std::atomic<int> told = 0;
  const auto fails = [&](const event&) {
    if (++told < 3) throw std::logic_error("mine " + std::to_string(told));
  };
  {
    auto listening = registry.subscribe(queue, event_kind::query, fails);
    for (int i = 0; i < 3; ++i) registry.on("db").query("SELECT 1");
    CHECK_THROWS_AS(queue.run_one(20s), std::logic_error);
    CHECK_THROWS_AS(queue.run_one(20s), std::logic_error);
    CHECK(queue.run_one(20s));
  }
  told = 0;
  auto listening = registry.subscribe(event_kind::query, fails);
  for (int i = 0; i < 3; ++i) registry.on("db").query("SELECT 1");
  while (told < 3) sched_yield();
  CHECK_THROWS_WITH_AS(listening.close(), "mine 1", std::logic_error);
  listening.close();
}

TEST_CASE_FIXTURE(AsyncFixture, "a listener ends its own subscription") {
  std::latch told(2);
  std::atomic<int> calls = 0;
  std::optional<subscription> own;
  std::optional<subscription> on_queue;
  const auto once = [&](std::optional<subscription>& of) {
    return [&](const event&) {
      of.reset();
      ++calls;
      told.count_down();
    };
  };
  own.emplace(registry.subscribe(event_kind::checkin, once(own)));
  on_queue.emplace(registry.subscribe(queue, event_kind::checkin, once(on_queue)));
  for (int i = 0; i < 3; ++i) registry.on("db").query("SELECT 1");
  queue.run();
  told.wait();
  registry.on("db").query("SELECT 1");
  CHECK(queue.poll() == 0);
  CHECK(calls == 2);
}

TEST_CASE_FIXTURE(AsyncFixture, "who ends a subscription waits for a call in another thread") {
  for (const bool driven : {false, true}) {
    std::latch begun(1);
    std::latch ending(1);
    std::atomic<bool> over = false;
    const auto slow = [&](const event&) {
      begun.count_down();
      ending.wait();
      for (int i = 0; i < 100; ++i) sched_yield();
      over = true;
    };
    auto listening =
        driven ? registry.subscribe(queue, event_kind::query, slow) : registry.subscribe(event_kind::query, slow);
    std::jthread driving([&] { queue.run(); });
    registry.on("db").query("SELECT 1");
    begun.wait();
    ending.count_down();
    listening.close();
    CHECK(over);
  }
}

TEST_CASE("registries, queues and subscriptions go in any order") {
  std::array<int, 4> order{0, 1, 2, 3};
  do {
    CAPTURE(order[0] * 1000 + order[1] * 100 + order[2] * 10 + order[3]);
    Told told;
    Permanent own;
    auto registry = std::optional(own.registry);
    auto queue = std::optional(registry->queue());
    auto listening = std::optional(registry->subscribe(event_kind::query, told.listener()));
    auto on_queue = std::optional(registry->subscribe(*queue, event_kind::query, told.listener()));
    own.registry.on("main").query("SELECT 1");
    for (const int each : order) {
      if (each == 0) registry.reset();
      if (each == 1) queue.reset();
      if (each == 2) listening.reset();
      if (each == 3) on_queue.reset();
    }
    own.registry.on("main").query("SELECT 2");
    static_cast<void>(own.told.of(event_kind::query, "SELECT 2"));
    CHECK(told.count() <= 1);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE_FIXTURE(AsyncFixture,
                  "a queue that is shut down, or gone, takes no subscriptions and ends those that there are") {
  Told told;
  auto own = std::make_unique<trunkline::queue>(registry.queue());
  auto listening = registry.subscribe(*own, event_kind::query, told.listener());
  own->shutdown();
  own->run();
  CHECK(error_of([&] { static_cast<void>(registry.subscribe(*own, event_kind::query, told.listener())); }).status() ==
        TL_E_SHUTDOWN);
  own.reset();
  registry.on("db").query("SELECT 1");
  listening.close();
  CHECK(told.count() == 0);
  CHECK(error_of([&] { static_cast<void>(registry.subscribe(event_kind{}, told.listener())); }).status() ==
        TL_E_MISUSE);
}

// It would hang there, or be told of by a sanitizer.
TEST_CASE("a process may end while it listens") {
  static Permanent whole;
  whole.registry.on("main").query("SELECT 1");
  CHECK(whole.told.of(event_kind::query, "SELECT 1").connection == "main");
}
