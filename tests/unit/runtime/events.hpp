// What other threads have done, in order, and a wait for it.
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

namespace tl::runtime {

using namespace std::chrono_literals;

class Events {
 public:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(event));
    changed_.notify_all();
  }
  // Whether there were `n` of them within ten seconds: long after it should have happened.
  [[nodiscard]] bool reach(size_t n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return all_.size() >= n; });
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  [[nodiscard]] size_t size() const { return all().size(); }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
};

}  // namespace tl::runtime
