// A pool whose dials, clock and wake-ups are in the hands of the test.
#pragma once
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "pool.hpp"

namespace tl::pool {

using namespace std::chrono_literals;

class FakeSession final : public driver::Session {
 public:
  [[nodiscard]] std::unique_ptr<driver::Run> run(driver::Request) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Run> next_set() override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Fetch> fetch(driver::FetchLimits) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Many> run_many(driver::ManyRequest) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Operation> ping() override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Operation> reset() override { return nullptr; }
  [[nodiscard]] std::shared_ptr<driver::Canceller> canceller() override { return nullptr; }
  [[nodiscard]] driver::State state() const noexcept override { return told_state; }
  [[nodiscard]] bool changed() const noexcept override { return told_changed; }
  [[nodiscard]] bool looks_alive() noexcept override { return true; }
  [[nodiscard]] bool lingers() const noexcept override { return told_lingers; }
  void rest() noexcept override { told_lingers = false; }
  [[nodiscard]] std::string backend_id() const override {
    ++asked_for_backend_id;
    return "backend-" + std::to_string(number());
  }

  driver::State told_state = driver::State::idle;
  bool told_changed = false;
  bool told_lingers = false;
  mutable int asked_for_backend_id = 0;
};

inline FakeSession& fake(const Lease& lease) { return static_cast<FakeSession&>(lease.session()); }

// Notes what the pool asks for; the test answers.
class NotingSupply final : public Supply {
 public:
  void dial(Pool&) noexcept override { ++dials; }
  void watch(Pool&, driver::Session& session) noexcept override { watched = session.number(); }
  void retire(std::unique_ptr<driver::Session> session, Permit permit) noexcept override {
    retired.push_back(std::move(session));
    permits.push_back(std::move(permit));
  }
  void wake_at(Pool&, Instant at) noexcept override { wakes.push_back(at); }

  int dials = 0;  // started since the beginning
  std::vector<std::unique_ptr<driver::Session>> retired;
  std::vector<Permit> permits;  // of these
  uint64_t watched = 0;         // the number of the last session
  std::vector<Instant> wakes;
};

// Gives in the line, and what became of it.
class NotingWaiter final : public Waiter {
 public:
  void granted() noexcept override { ++grants; }
  int grants = 0;
};

struct Desk {
  explicit Desk(const config::Pool& settings = {}, uint64_t seed = 1)
      : Desk("main", settings, {std::make_shared<SessionLimit>()}, seed) {}
  Desk(std::string connection, const config::Pool& settings, Share share, uint64_t seed = 1)
      : source(hub, {.connection = std::move(connection), .endpoint = "127.0.0.1:5432/app"}),
        pool(source, settings, supply, clock, seed, std::move(share)) {}

  void dial_succeeds(int times = 1) {
    for (int i = 0; i < times; ++i) pool.dialled(std::make_unique<FakeSession>());
  }
  void dial_fails(Status status = Status::unavailable, const std::string& message = "connection refused") {
    pool.dial_failed(fail(status, message, Phase::connect));
  }
  // A session for a caller who waits for a dial if there is none.
  Lease lease(const Borrower& borrower = {}) {
    if (Lease idle = pool.try_acquire(borrower)) return idle;
    NotingWaiter waiter;
    REQUIRE(pool.enqueue(waiter, borrower).ok());
    dial_succeeds();
    REQUIRE(waiter.grants == 1);
    Result<Lease> result = waiter.take();
    REQUIRE(result.ok());
    return result.take();
  }
  std::vector<Lease> leases(int n) {
    std::vector<Lease> all;
    for (int i = 0; i < n; ++i) all.push_back(lease());
    return all;
  }
  // Calls maintain() at each time it asks for, as a timer would, until the clock has moved on by that much.
  void let_pass(Nanos by) {
    const Instant end = clock.now() + by;
    for (;;) {
      const Instant next = std::min(pool.maintain(), end);
      if (next > clock.now()) clock.advance(next - clock.now());
      if (next == end) break;
    }
    (void)pool.maintain();
  }

  VirtualClock clock;
  NotingSupply supply;
  std::shared_ptr<observe::Hub> hub = std::make_shared<observe::Hub>();
  observe::Source source;
  Pool pool;
};

// Sessions that never end by themselves, unless the test says otherwise.
inline config::Pool lasting() {
  config::Pool settings;
  settings.idle_timeout.reset();
  settings.max_lifetime.reset();
  return settings;
}

}  // namespace tl::pool
