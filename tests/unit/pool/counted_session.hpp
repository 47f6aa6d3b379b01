// A session that counts how many of its kind there are, and how many hold it.
#pragma once
#include <atomic>

#include "session.hpp"

namespace tl::pool {

class CountedSession final : public driver::Session {
 public:
  explicit CountedSession(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  ~CountedSession() override { --alive_; }
  [[nodiscard]] std::unique_ptr<driver::Run> run(driver::Request) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Run> next_set() override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Fetch> fetch(driver::FetchLimits) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Many> run_many(driver::ManyRequest) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Operation> ping() override { return nullptr; }
  [[nodiscard]] std::unique_ptr<driver::Operation> reset() override { return nullptr; }
  [[nodiscard]] std::shared_ptr<driver::Canceller> canceller() override { return nullptr; }
  [[nodiscard]] driver::State state() const noexcept override { return driver::State::idle; }
  [[nodiscard]] bool changed() const noexcept override { return false; }
  [[nodiscard]] bool looks_alive() noexcept override { return true; }
  [[nodiscard]] std::string backend_id() const override { return {}; }

  std::atomic<int> holders{0};
  uint64_t uses = 0;  // not atomic: the pool alone keeps two threads apart

 private:
  std::atomic<int>& alive_;
};

}  // namespace tl::pool
