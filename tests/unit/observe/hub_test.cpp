#include "hub.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "source.hpp"

namespace tl::observe {
namespace {

class Notes final : public Listener {
 public:
  explicit Notes(std::function<void(const Event&)> then = [](const Event&) {}) : then_(std::move(then)) {}
  bool event(const std::shared_ptr<const Event>& event) noexcept override {
    kinds.push_back(event->kind);
    then_(*event);
    return true;
  }
  std::vector<Kind> kinds;

 private:
  std::function<void(const Event&)> then_;
};

Event of(Kind kind) {
  Event event;
  event.kind = kind;
  return event;
}

}  // namespace

TEST_CASE("each listener hears of the kinds it wants, and the hub wants what any of them does") {
  Hub hub;
  CHECK(hub.wanted() == 0);
  const auto sessions = std::make_shared<Notes>();
  const auto all = std::make_shared<Notes>();
  hub.subscribe(sessions, bit(Kind::connect) | bit(Kind::disconnect));
  CHECK(hub.wants(Kind::connect));
  CHECK_FALSE(hub.wants(Kind::query));
  hub.subscribe(all, all_kinds);
  CHECK(hub.wanted() == all_kinds);
  hub.publish(of(Kind::query));
  hub.publish(of(Kind::connect));
  CHECK(sessions->kinds == std::vector{Kind::connect});
  CHECK(all->kinds == std::vector{Kind::query, Kind::connect});

  hub.subscribe(all, bit(Kind::query));  // instead
  CHECK(hub.wanted() == (bit(Kind::connect) | bit(Kind::disconnect) | bit(Kind::query)));
  hub.publish(of(Kind::connect));
  CHECK(all->kinds.size() == 2);

  hub.unsubscribe(*sessions);
  hub.unsubscribe(*sessions);
  hub.publish(of(Kind::connect));
  CHECK(sessions->kinds.size() == 2);
  hub.unsubscribe(*all);
  CHECK(hub.wanted() == 0);
  CHECK(all.use_count() == 1);
}

TEST_CASE("a listener may end its own subscription and begin another's") {
  Hub hub;
  const auto later = std::make_shared<Notes>();
  std::shared_ptr<Notes> self;
  self = std::make_shared<Notes>([&](const Event&) {
    hub.unsubscribe(*self);
    hub.subscribe(later, all_kinds);
  });
  hub.subscribe(self, all_kinds);
  hub.publish(of(Kind::query));
  hub.publish(of(Kind::query));
  CHECK(self->kinds.size() == 1);
  CHECK(later->kinds.size() == 1);
}

TEST_CASE("unsubscribing waits for no call that is under way, which keeps its listener alive") {
  Hub hub;
  std::promise<void> inside, go_on;
  auto listener = std::make_shared<Notes>([&](const Event&) {
    inside.set_value();
    go_on.get_future().wait();
  });
  const std::weak_ptr<Notes> watched = listener;
  hub.subscribe(listener, all_kinds);
  std::thread publisher([&] { hub.publish(of(Kind::query)); });
  inside.get_future().wait();
  hub.unsubscribe(*listener);
  listener.reset();
  CHECK_FALSE(watched.expired());
  go_on.set_value();
  publisher.join();
  CHECK(watched.expired());
}

TEST_CASE("listeners come and go while events are published") {
  Hub hub;
  std::atomic<bool> over{false};
  std::vector<std::thread> publishers;
  for (int t = 0; t < 2; ++t) {
    publishers.emplace_back([&] {
      while (!over) hub.publish(of(Kind::query));
    });
  }
  struct Counting final : Listener {
    bool event(const std::shared_ptr<const Event>&) noexcept override {
      heard.fetch_add(1);
      return true;
    }
    std::atomic<int> heard{0};
  };
  for (int i = 0; i < 50; ++i) {
    const auto listener = std::make_shared<Counting>();
    hub.subscribe(listener, all_kinds);
    while (listener->heard < 3) std::this_thread::yield();
    hub.unsubscribe(*listener);
  }
  over = true;
  for (std::thread& publisher : publishers) publisher.join();
  CHECK(hub.wanted() == 0);
}

TEST_CASE("a source asks for no description of what nobody wants, and fills in where it comes from") {
  const auto hub = std::make_shared<Hub>();
  Source source(hub, {.connection = "main", .endpoint = "db:5432/app"});
  int described = 0;
  const auto describe = [&](Event& event) {
    ++described;
    event.session = 5;
  };
  source.tell(Kind::connect, describe);
  CHECK(described == 0);
  Event seen;
  const auto listener = std::make_shared<Notes>([&](const Event& event) { seen = event; });
  hub->subscribe(listener, bit(Kind::connect));
  source.tell(Kind::disconnect, describe);
  CHECK(described == 0);
  source.tell(Kind::connect, describe);
  CHECK(described == 1);
  CHECK(seen.session == 5);
  CHECK(seen.connection == "main");
  CHECK(seen.endpoint == "db:5432/app");
  CHECK(seen.at > 1'700'000'000'000'000);
}

TEST_CASE("echo_pool logs what happens to sessions, one line each, also where nobody listens") {
  Source quiet(std::make_shared<Hub>(), {.connection = "quiet", .endpoint = "db:5432/app"});
  Source echoing(std::make_shared<Hub>(), {.connection = "main", .endpoint = "db:5432/app", .echo_pool = true});
  std::FILE* const file = std::tmpfile();
  const int before = dup(STDERR_FILENO);
  REQUIRE(dup2(fileno(file), STDERR_FILENO) >= 0);
  for (Source* source : {&quiet, &echoing}) {
    source->tell(Kind::checkout, [](Event& event) {
      event.session = 7;
      event.backend_id = "4711";
      event.tag = "web\nforged: line";
      event.duration = std::chrono::microseconds(12'345);
    });
    source->tell(Kind::query, [](Event&) {});
  }
  REQUIRE(dup2(before, STDERR_FILENO) >= 0);
  close(before);
  std::string told(1000, '\0');
  told.resize(static_cast<size_t>(std::max<ssize_t>(0, pread(fileno(file), told.data(), told.size(), 0))));
  CHECK(told ==
        "trunkline: main: checkout of session 7 (backend 4711) of db:5432/app, tag \"web forged: line\", 12.3 ms\n");
  std::fclose(file);
}

TEST_CASE("an event that there is no memory for is dropped and counted") {
  const auto hub = std::make_shared<Hub>();
  Source source(hub, {});
  hub->subscribe(std::make_shared<Notes>(), all_kinds);
  source.tell(Kind::connect, [](Event&) { throw std::bad_alloc(); });
  CHECK(hub->dropped() == 1);
}

TEST_CASE("every kind has a name of its own") {
  CHECK(kind_name(Kind::connect) == "connect");
  CHECK(kind_name(Kind::dial_failed) == "dial_failed");
  CHECK(kind_name(Kind::state_change) == "state_change");
}

}  // namespace tl::observe
