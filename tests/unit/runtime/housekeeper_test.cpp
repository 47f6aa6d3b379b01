// The thread that calls each task when it is due.
#include "housekeeper.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>

#include "events.hpp"
#include "no_threads.hpp"

namespace tl::runtime {
namespace {

// Its thread runs until the process ends, so it does as well.
Housekeeper& a_housekeeper() { return *new Housekeeper(); }

Instant in(Nanos budget) { return steady_clock().now() + budget; }

const Instant not_again = Deadline::never().at;

class Doing final : public Task {
 public:
  explicit Doing(std::function<Instant()> what) : what_(std::move(what)) {}
  Instant run() noexcept override { return what_(); }

 private:
  std::function<Instant()> what_;
};

std::shared_ptr<Task> noting(Events& events, const std::string& name) {
  return std::make_shared<Doing>([&events, name] {
    events.add(name);
    return not_again;
  });
}

}  // namespace

TEST_CASE("tasks run in the order in which they are due, not before") {
  static Events events;
  Housekeeper& keeper = a_housekeeper();
  const auto late = noting(events, "late");
  const auto early = noting(events, "early");
  const auto middle = noting(events, "middle");
  const Instant base = in(0s);
  const Instant until = base + 300ms;
  keeper.wake_at(late, until);
  keeper.wake_at(early, base + 100ms);
  keeper.wake_at(middle, base + 200ms);
  REQUIRE(events.reach(3));
  CHECK(steady_clock().now() >= until);
  CHECK(events.all() == std::vector<std::string>{"early", "middle", "late"});
}

TEST_CASE("a moment that has passed is now") {
  static Events events;
  Housekeeper& keeper = a_housekeeper();
  const auto task = noting(events, "ran");
  keeper.wake_at(task, in(-1h));
  CHECK(events.reach(1));
}

TEST_CASE("of several moments for one task the nearest counts, and it runs once") {
  static Events events;
  Housekeeper& keeper = a_housekeeper();
  const auto task = noting(events, "task");
  const auto after = noting(events, "after");
  keeper.wake_at(task, in(1h));
  keeper.wake_at(task, in(10ms));
  keeper.wake_at(task, in(2h));
  REQUIRE(events.reach(1));
  keeper.wake_at(after, in(0s));
  REQUIRE(events.reach(2));
  CHECK(events.all() == std::vector<std::string>{"task", "after"});
}

// Were all looked at for each, it would take minutes.
TEST_CASE("a hundred thousand tasks are no burden") {
  static std::atomic<int> ran{0};
  static Events events;
  constexpr int count = 100'000;
  Housekeeper& keeper = a_housekeeper();
  const Instant began = steady_clock().now();
  std::vector<std::shared_ptr<Task>> tasks;
  for (int i = 0; i < count; ++i) {
    tasks.push_back(std::make_shared<Doing>([] {
      if (++ran == count) events.add("all");
      return not_again;
    }));
    keeper.wake_at(tasks.back(), in(1h));
    keeper.wake_at(tasks.back(), in(-1h));
  }
  REQUIRE(events.reach(1));
  CHECK(steady_clock().now() - began < 10s);
}

TEST_CASE("a task runs again when it says") {
  static Events events;
  Housekeeper& keeper = a_housekeeper();
  static int left = 3;
  const auto task = std::make_shared<Doing>([] {
    events.add("tick");
    return --left == 0 ? not_again : in(2ms);
  });
  keeper.wake_at(task, in(0s));
  REQUIRE(events.reach(3));
  const auto after = noting(events, "after");
  keeper.wake_at(after, in(10ms));
  REQUIRE(events.reach(4));
  CHECK(events.all().back() == "after");
}

TEST_CASE("a task may ask for itself while it runs") {
  static Events events;
  static Housekeeper& keeper = a_housekeeper();
  static std::shared_ptr<Task> task;
  task = std::make_shared<Doing>([] {
    if (events.size() == 0) keeper.wake_at(task, in(0s));
    events.add("tick");
    return not_again;
  });
  keeper.wake_at(task, in(0s));
  CHECK(events.reach(2));
}

TEST_CASE("the housekeeper keeps no task alive; one that is gone is passed over") {
  static Events events;
  Housekeeper& keeper = a_housekeeper();
  auto gone = noting(events, "gone");
  const std::weak_ptr<Task> watch = gone;
  const Instant due = in(200ms);
  keeper.wake_at(gone, due);
  gone.reset();
  CHECK(watch.expired());
  const auto after = noting(events, "after");
  keeper.wake_at(after, due + 1ms);
  REQUIRE(events.reach(1));
  CHECK(events.all() == std::vector<std::string>{"after"});
}

TEST_CASE("a task whose last owner goes while it runs ends on the housekeeper's thread, which goes on") {
  static Events events;
  static Housekeeper& keeper = a_housekeeper();
  static std::shared_ptr<Task> owner;
  struct Last final : Task {
    ~Last() override { keeper.wake_at(noting_after, in(0s)); }  // the lock is free
    Instant run() noexcept override {
      owner.reset();
      events.add("ran");
      return in(1ms);
    }
    std::shared_ptr<Task> noting_after = noting(events, "unheard");
  };
  owner = std::make_shared<Last>();
  keeper.wake_at(owner, in(0s));
  REQUIRE(events.reach(1));
  const auto after = noting(events, "after");
  keeper.wake_at(after, in(5ms));
  REQUIRE(events.reach(2));
  CHECK(events.all() == std::vector<std::string>{"ran", "after"});
}

TEST_CASE("a housekeeper that could not start its thread starts it when it is asked next") {
  static Events events;
  Housekeeper& keeper = a_housekeeper();
  const auto first = noting(events, "first");
  const auto second = noting(events, "second");
  {
    const NoThreads none;
    keeper.wake_at(first, in(0s));
  }
  keeper.wake_at(second, in(1ms));
  REQUIRE(events.reach(2));
  CHECK(events.all() == std::vector<std::string>{"first", "second"});
}

TEST_CASE("a new task at the address of one that is gone has its own moment") {
  static Events events;
  Housekeeper& keeper = a_housekeeper();
  // One piece of memory that outlives both, as an allocator would hand it out again.
  alignas(Doing) static unsigned char place[sizeof(Doing)];
  const auto placed = [](const std::string& name) {
    auto* task = new (place) Doing([name] {
      events.add(name);
      return not_again;
    });
    return std::shared_ptr<Task>(task, [](Task* gone) { gone->~Task(); });
  };
  auto first = placed("first");
  const Instant base = in(0s);
  keeper.wake_at(first, base + 200ms);
  first.reset();
  const auto second = placed("second");
  const Instant due = base + 300ms;
  keeper.wake_at(second, due);
  REQUIRE(events.reach(1));
  CHECK(steady_clock().now() >= due);
  CHECK(events.all() == std::vector<std::string>{"second"});
}

}  // namespace tl::runtime
