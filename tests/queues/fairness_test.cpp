// One host's queue is no burden to the other users of the same pool.
#include <thread>

#include "queues.hpp"

namespace queues {
namespace {

constexpr uint64_t beginner = 1000;  // the queue's own call for a transaction

// Callers of one queue who ask again as soon as they have their answer.
class Saturating {
 public:
  Saturating(const Desk& desk, uint64_t callers, double seconds)
      : desk_(desk), callers_(callers), seconds_(seconds), loop_(desk) {
    for (uint64_t user = 0; user < callers; ++user) ask(user);
    thread_ = std::thread([this] { work(); });
  }
  ~Saturating() {
    ended_ = true;
    thread_.join();
  }
  Saturating(const Saturating&) = delete;
  Saturating& operator=(const Saturating&) = delete;

  [[nodiscard]] int64_t answers() const noexcept { return answers_; }
  [[nodiscard]] int begun() const noexcept { return begun_; }  // transactions on the queue
  [[nodiscard]] Clock::duration slowest_begin() const noexcept { return slowest_.load(); }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  void ask(uint64_t user) const {
    loop_.query(desk_.raw(), {.user = user}, "SELECT 1 FROM pg_sleep(?::float8)", seconds_);
  }
  void begin() {
    asked_ = Clock::now();
    loop_.begin(desk_.raw(), {.user = beginner});
  }
  void work() {
    begin();
    uint64_t under_way = callers_ + 1;
    while (under_way > 0) {
      for (Done& done : loop_.take(30s)) {
        --under_way;
        if (done.status() != TL_OK) failed_ = true;
        if (done.user() == beginner && done.status() == TL_OK) {
          slowest_ = std::max(slowest_.load(), Clock::now() - asked_);
          ++begun_;
          (void)done.conn();  // rolled back
        } else {
          ++answers_;
        }
        if (ended_) continue;
        ++under_way;
        if (done.user() == beginner) {
          begin();
        } else {
          ask(done.user());
        }
      }
    }
  }

  const Desk& desk_;
  const uint64_t callers_;
  const double seconds_;
  const Loop loop_;
  Clock::time_point asked_;
  std::atomic<Clock::duration> slowest_{};
  std::atomic<int64_t> answers_{0};
  std::atomic<int> begun_{0};
  std::atomic<bool> ended_{false}, failed_{false};
  std::thread thread_;
};

Clock::duration time_of(const auto& act) {
  const Clock::time_point began = Clock::now();
  act();
  return Clock::now() - began;
}

}  // namespace

TEST_CASE("a transaction gets its session while reads that share sessions saturate the pool") {
  const Desk desk(postgresql(), "max = 10\n");
  const int times = in_soak() ? 1000 : 100;
  Saturating saturating(desk, 64, 0.0);
  await([&] { return saturating.answers() > 2000; });
  CHECK(desk.figure("acquired") - saturating.begun() < saturating.answers());
  Clock::duration slowest{};
  for (int i = 0; i < times; ++i) {
    std::optional<trunkline::transaction> transaction;
    slowest = std::max(slowest, time_of([&] { transaction.emplace(desk.db.begin()); }));
    transaction->commit();
  }
  await([&] { return saturating.begun() > times / 2; });
  MESSAGE("blocking: ", std::chrono::duration<double, std::milli>(slowest).count(),
          " ms, on the queue: ", std::chrono::duration<double, std::milli>(saturating.slowest_begin()).count(), " ms");
  CHECK(slowest < bound(50ms));
  CHECK(saturating.slowest_begin() < bound(50ms));
  CHECK_FALSE(saturating.failed());
}

TEST_CASE("a session that runs something long does not keep a transaction from the others") {
  const Desk desk(postgresql(), "max = 4\n");
  const Loop busy(desk);
  busy.query(desk.raw(), {}, "SELECT 1 FROM pg_sleep(?::float8)", 0.0);
  (void)busy.next_done();
  const tl_op op = desk.new_op();
  busy.query(desk.raw(), {.op = op}, "SELECT 1 FROM pg_sleep(?::float8)", 600.0);
  {
    Saturating saturating(desk, 20, 0.002);
    await([&] { return saturating.answers() > 2000; });
    Clock::duration slowest{};
    for (int i = 0; i < 20; ++i) {
      std::optional<trunkline::transaction> transaction;
      slowest = std::max(slowest, time_of([&] { transaction.emplace(desk.db.begin({.timeout = 10s})); }));
      transaction->commit();
    }
    CHECK(slowest < bound(50ms));
  }
  desk.cancel(op);
  CHECK(busy.next_done().status() == TL_E_CANCELLED);
}

// How long another caller of the pool waits at most while a host has submitted 64 queries to its queue and computes.
Clock::duration slowest_beside_a_host_that_computes(const Desk& desk, const Loop& loop) {
  constexpr uint64_t calls = 64;
  std::atomic<bool> computed{false};
  Clock::duration slowest{};
  for (uint64_t user = 0; user < calls; ++user) loop.query(desk.raw(), {.user = user}, "SELECT 1");
  std::thread other([&] {
    while (!computed) {
      slowest = std::max(slowest, time_of([&] { (void)desk.db.query("SELECT 7").value<int64_t>(); }));
    }
  });
  const Clock::duration computing = in_soak() ? 2s : 200ms;
  for (const Clock::time_point until = Clock::now() + computing; Clock::now() < until;) {
  }
  await([&] { return desk.figure("leased") <= 1; });
  computed = true;
  other.join();
  for (uint64_t user = 0; user < calls; ++user) CHECK(loop.next_done().status() == TL_OK);
  CHECK(loop.take(0ms).empty());
  return slowest;
}

TEST_CASE("a host that computes instead of waiting delays no other caller of its pool") {
  for (const Database& database : databases()) {
    for (const std::string pool : {"max = 10\n", "max = 2\n"}) {
      CAPTURE(database.name);
      CAPTURE(pool);
      const Desk desk(database, pool + (database.name == "postgresql" ? "multiplex = 1\n" : ""));
      const Loop loop(desk);
      (void)slowest_beside_a_host_that_computes(desk, loop);  // opens the sessions
      for (int round = 0; round < 3; ++round) {
        const Clock::duration slowest = slowest_beside_a_host_that_computes(desk, loop);
        MESSAGE(database.name, pool, std::chrono::duration<double, std::milli>(slowest).count(), " ms");
        CHECK(slowest < bound(50ms));
      }
    }
  }
}

}  // namespace queues
