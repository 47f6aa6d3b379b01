// A bounded set of threads for work that may block whatever its client library promises: dialling, cancelling at the
// server, restoring sessions.
#pragma once
#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "clock.hpp"

namespace tl::runtime {

class Job {
 public:
  // `group`: jobs of one group never take more than half of a crew's threads; 0: no group. After `deadline` (and a
  // second of patience) the thread counts as lost and is replaced.
  Job(uint64_t group, Deadline deadline) : group_(group), deadline_(deadline) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  virtual void run() noexcept = 0;
  // [any thread] The process is ending: return from run() soon, also if it has not begun.
  virtual void interrupt() noexcept {}

  [[nodiscard]] uint64_t group() const noexcept { return group_; }
  [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }

 private:
  uint64_t group_;
  Deadline deadline_;
};

class Crew {
 public:
  // At most `threads` at work, and at most `max_lost` more that have outlived their job's deadline.
  Crew(std::string name, size_t threads, size_t max_lost);

  void submit(std::shared_ptr<Job> job);  // [any thread] never waits; in order but for the groups' limit
  // Takes no more jobs, interrupts those it has, and waits at most `patience` for them to end.
  void stop(Nanos patience) noexcept;
  [[nodiscard]] size_t lost() const;  // threads that outlived their job's deadline and have not come back

 private:
  struct Worker {
    std::shared_ptr<Job> job;
    bool claimed = false;  // its thread has begun
    bool lost = false;
  };

  void work() noexcept;
  std::shared_ptr<Job> next_job();
  void replace_lost();
  void start_thread();
  [[nodiscard]] size_t busy_of(uint64_t group) const;
  [[nodiscard]] size_t present() const;

  const std::string name_;
  const size_t threads_;
  const size_t max_lost_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::list<Worker> workers_;
  size_t resting_ = 0;  // of workers_, those that wait for a job
  bool stopping_ = false;
};

// The process's own; started on first use, never destroyed. At exit dialling stops: exit handlers interrupt what runs and
// wait at most a second.
[[nodiscard]] Crew& connectors();  // dials, and cancels at the server
[[nodiscard]] Crew& workers();     // restores and closes sessions

// A thread of the library's: named, and with every signal blocked, so that the host's handlers never run on it.
void start_detached(const std::string& name, void (*body)(void*), void* argument);

}  // namespace tl::runtime
