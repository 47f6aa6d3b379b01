// One thread of the process that calls each task when it is due, and tells of sessions whose server hangs up.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "clock.hpp"
#include "fork.hpp"

namespace tl::runtime {

class Task {
 public:
  virtual ~Task() = default;
  // Does what is due; must not wait for anything. Answers when it wants to be called again.
  virtual Instant run() noexcept = 0;
};

class HangUpListener {
 public:
  virtual ~HangUpListener() = default;
  virtual void hung_up(uint64_t session) noexcept = 0;  // must not wait for anything
};

class Housekeeper {
 public:
  // [any thread] The task runs no later than then, if it still exists. Cheap when it is due earlier anyway. Only the
  // first time for a task needs memory; it may be for `never`.
  void wake_at(const std::shared_ptr<Task>& task, Instant at);
  // [any thread] Tells the listener, if it still exists, once the other end of the socket is closed, unless it is
  // forgotten before. Where there is no memory or no thread for it nobody is told.
  void watch(int fd, uint64_t session, std::weak_ptr<HangUpListener> listener) noexcept;
  void forget(uint64_t session) noexcept;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Time = std::pair<Instant, Task*>;
  struct Known {
    std::weak_ptr<Task> task;
    std::set<Time>::iterator due;
  };

  [[nodiscard]] bool start() noexcept;
  [[nodiscard]] bool open() noexcept;
  void work() noexcept;
  void wait(Lock& lock, Instant until) noexcept;
  void tell_hung_up(Lock& lock, uint64_t session) noexcept;
  [[nodiscard]] Known& known(const std::shared_ptr<Task>& task);
  void set(Known& known, Instant at) noexcept;
  void forget_tasks() noexcept;  // that are gone

  std::mutex mutex_;
  std::map<Task*, Known> tasks_;
  std::set<Time> due_;                                         // of each task
  size_t forget_from_ = 64;                                    // tasks
  std::map<uint64_t, std::weak_ptr<HangUpListener>> watched_;  // by session
  Descriptor epoll_;
  Descriptor wake_;
  Instant sleeps_until_;
  bool started_ = false;
};

[[nodiscard]] Housekeeper& housekeeper();  // the process's own, never destroyed

}  // namespace tl::runtime
