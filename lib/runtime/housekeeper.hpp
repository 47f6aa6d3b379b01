// One thread of the process that calls each task when it is due. It moves onto a queue when there are queues.
#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "clock.hpp"

namespace tl::runtime {

class Task {
 public:
  virtual ~Task() = default;
  // Does what is due; must not wait for anything. Answers when it wants to be called again.
  virtual Instant run() noexcept = 0;
};

class Housekeeper {
 public:
  // [any thread] The task runs no later than then, if it still exists. Cheap when it is due earlier anyway. Only the
  // first time for a task needs memory; it may be for `never`.
  void wake_at(const std::shared_ptr<Task>& task, Instant at);

 private:
  struct Due {
    std::weak_ptr<Task> task;
    Instant at;
  };

  void start() noexcept;
  void work() noexcept;
  [[nodiscard]] Due& entry(const std::shared_ptr<Task>& task);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Task*, Due> due_;
  bool started_ = false;
};

[[nodiscard]] Housekeeper& housekeeper();  // the process's own, never destroyed

}  // namespace tl::runtime
