// A supply with a thread of its own, which dials and calls maintain() when the pool asks for it, as a program would.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "pool_fixture.hpp"

namespace tl::pool {

class DiallingThread final : public Supply {
 public:
  // `dials` answers a session or null for a failed dial.
  explicit DiallingThread(std::function<std::unique_ptr<driver::Session>()> dials)
      : dials_(std::move(dials)), thread_([this] { work(); }) {}
  ~DiallingThread() override { stop(); }

  void dial(Pool& pool) noexcept override {
    const std::lock_guard lock(mutex_);
    pool_ = &pool;
    ++wanted_;
    changed_.notify_all();
  }
  void watch(Pool&, driver::Session&) noexcept override {}
  void retire(std::unique_ptr<driver::Session> session, Permit) noexcept override {
    session.reset();
    ++retired;
  }
  void wake_at(Pool& pool, Instant at) noexcept override {
    const std::lock_guard lock(mutex_);
    pool_ = &pool;
    wake_ = std::min(wake_, at);
    changed_.notify_all();
  }
  // Ends the dials that were asked for first.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  std::atomic<uint64_t> retired{0};

 private:
  static constexpr Instant no_wake{std::numeric_limits<int64_t>::max()};

  void work() {
    std::unique_lock lock(mutex_);
    while (wanted_ > 0 || !stopping_) {
      if (wanted_ > 0) {
        --wanted_;
        Pool& pool = *pool_;
        lock.unlock();
        if (auto session = dials_()) {
          pool.dialled(std::move(session));
        } else {
          pool.dial_failed(fail(Status::unavailable, "connection refused", Phase::connect));
        }
        lock.lock();
      } else if (wake_ <= steady_clock().now()) {
        wake_ = no_wake;
        Pool& pool = *pool_;
        lock.unlock();
        const Instant next = pool.maintain();
        lock.lock();
        wake_ = std::min(wake_, next);
      } else if (wake_ == no_wake) {
        changed_.wait(lock);
      } else {
        changed_.wait_for(lock, wake_ - steady_clock().now());
      }
    }
  }

  std::function<std::unique_ptr<driver::Session>()> dials_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Pool* pool_ = nullptr;
  uint32_t wanted_ = 0;
  Instant wake_ = no_wake;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tl::pool
