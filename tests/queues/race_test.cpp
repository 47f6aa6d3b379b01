// Cancelling against everybody else who uses the same session: a cancel that comes late would hit one who never asked.
#include <future>
#include <random>
#include <set>
#include <thread>

#include "queues.hpp"

namespace queues {
namespace {

int rounds() noexcept { return in_soak() ? 10000 : 300; }

// Cancels what it is given, each after its own time, on a thread.
class Canceller {
 public:
  explicit Canceller(const Desk& desk) : desk_(desk), thread_([this] { work(); }) {}
  ~Canceller() {
    op_.store(1);
    op_.notify_one();
    thread_.join();
  }
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;

  void cancel_after(tl_op op, std::chrono::microseconds delay) {
    delay_ = delay;
    op_.store(op);
    op_.notify_one();
  }
  void await_idle() {
    for (tl_op op = op_.load(); op != 0; op = op_.load()) op_.wait(op);
  }

 private:
  void work() {
    for (;;) {
      op_.wait(0);
      const tl_op op = op_.load();
      if (op == 1) return;
      const Clock::time_point at = Clock::now() + delay_;
      if (delay_ > 200us) std::this_thread::sleep_for(delay_ - 100us);
      while (Clock::now() < at) std::this_thread::yield();
      desk_.cancel(op);
      op_.store(0);
      op_.notify_one();
    }
  }

  const Desk& desk_;
  std::chrono::microseconds delay_{};
  std::atomic<tl_op> op_{0};
  std::thread thread_;
};

struct Tally {
  std::set<uint64_t> users;  // whose completion has come
  int cancelled = 0;
  int finished = 0;
};

void check_reuse(const Desk& desk, const Tally& tally) {
  MESSAGE("cancelled: ", tally.cancelled, ", finished: ", tally.finished, ", sessions: ", desk.figure("opened"));
  CHECK(tally.cancelled > rounds() / 10);
  CHECK(tally.finished > 0);
  CHECK(desk.figure("opened") - 1 <= tally.cancelled / 20);
}

}  // namespace

TEST_CASE("cancelling races with the session's next users, who notice nothing") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, "max = 1\n");
    const Desk watcher(database);
    const Loop loop(desk);
    Canceller canceller(desk);
    Tally tally;
    std::set<int64_t> backends;
    std::minstd_rand random(42);
    const std::string sleeps = with_seconds(database.sleeps, 0.01);
    const std::string asks = database.backend.empty() ? "SELECT 1" : database.backend;
    for (int round = 0; round < rounds(); ++round) {
      CAPTURE(round);
      const uint64_t victim = static_cast<uint64_t>(round) * 2;
      const tl_op op = desk.new_op();
      const auto delay = std::chrono::microseconds(random() % 15000);
      if (round % 10 == 0) {
        desk.cancel(op);
      } else {
        canceller.cancel_after(op, delay);
      }
      loop.query(desk.raw(), {.user = victim, .op = op}, sleeps);
      loop.query(desk.raw(), {.user = victim + 1}, "SELECT " + std::to_string(round));
      std::future<int64_t> other = std::async(std::launch::async, [&] { return desk.db.query(asks).value<int64_t>(); });
      for (int i = 0; i < 2; ++i) {
        Done done = loop.next_done();
        CHECK(tally.users.insert(done.user()).second);
        if (done.user() == victim + 1) {
          CHECK(done.value<int64_t>() == round);
        } else if (done.status() == TL_OK) {
          ++tally.finished;
        } else {
          REQUIRE_MESSAGE(done.status() == TL_E_CANCELLED, done.told());
          ++tally.cancelled;
        }
      }
      const int64_t backend = other.get();
      backends.insert(backend);
      canceller.await_idle();
    }
    CHECK(loop.take(0ms).empty());
    CHECK(tally.users.size() == static_cast<size_t>(rounds()) * 2);
    check_reuse(desk, tally);
    CHECK(static_cast<int>(backends.size()) - 1 <= tally.cancelled / 20);
    await([&] { return desk.figure("leased") == 0; });
    if (!database.active.empty()) {
      await([&] { return watcher.db.query(database.active).value<int64_t>() == 0; });
    }
  }
}

TEST_CASE("cancelling a read that shares its session leaves those around it alone") {
  constexpr uint64_t callers = 8;
  const Database& database = postgresql();
  const Desk desk(database, "max = 1\n");
  const Desk watcher(database);
  const Loop loop(desk);
  Canceller canceller(desk);
  Tally tally;
  std::minstd_rand random(42);
  const std::string sleeps = "SELECT 1 /* victim */ FROM pg_sleep(?::float8)";
  const std::string asks = "SELECT ?::int8";
  for (int round = 0; round < rounds(); ++round) {
    CAPTURE(round);
    const uint64_t first = static_cast<uint64_t>(round) * callers;
    const uint64_t victim = first + random() % (callers / 2);
    const tl_op op = desk.new_op();
    canceller.cancel_after(op, std::chrono::microseconds(random() % 15000));
    for (uint64_t user = first; user < first + callers; ++user) {
      if (user == victim) {
        loop.query(desk.raw(), {.user = user, .op = op}, sleeps, 0.01);
      } else {
        loop.query(desk.raw(), {.user = user}, asks, static_cast<int64_t>(user));
      }
    }
    for (uint64_t i = 0; i < callers; ++i) {
      Done done = loop.next_done();
      CHECK(tally.users.insert(done.user()).second);
      if (done.user() != victim) {
        CHECK(done.value<int64_t>() == static_cast<int64_t>(done.user()));
      } else if (done.status() == TL_OK) {
        ++tally.finished;
      } else {
        REQUIRE_MESSAGE(done.status() == TL_E_CANCELLED, done.told());
        ++tally.cancelled;
      }
    }
    canceller.await_idle();
  }
  CHECK(loop.take(0ms).empty());
  CHECK(tally.users.size() == static_cast<size_t>(rounds()) * callers);
  // They did share; those that a cancelled one leaves unrun have a session of their own.
  CHECK(desk.figure("acquired") < rounds() * static_cast<int64_t>(callers) * 9 / 10);
  check_reuse(desk, tally);
  await([&] { return desk.figure("leased") == 0; });
  await([&] { return watcher.db.query(database.active).value<int64_t>() == 0; });
}

}  // namespace queues
