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
#include "housekeeper.hpp"

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

  // [any thread] Never waits; in order but for the groups' limit. A crew that has stopped, or that cannot start even
  // its first thread, lets go of the job without running it.
  void submit(std::shared_ptr<Job> job);
  // Takes no more jobs, interrupts those it has, and waits at most `patience` for them to end.
  void stop(Nanos patience) noexcept;
  [[nodiscard]] size_t lost() const;  // threads that outlived their job's deadline and have not come back

 private:
  struct Worker {
    std::shared_ptr<Job> job;
    bool claimed = false;  // its thread has begun
    bool lost = false;
  };

  // Looks after threads that are lost while jobs wait for them and nobody submits more.
  class Overseer final : public Task {
   public:
    explicit Overseer(Crew& crew) : crew_(crew) {}
    Instant run() noexcept override { return crew_.oversee(); }

   private:
    Crew& crew_;
  };

  void work() noexcept;
  [[nodiscard]] Instant oversee() noexcept;
  std::shared_ptr<Job> next_job();
  [[nodiscard]] bool fits(const Job& job) const;
  void replace_lost() noexcept;
  bool start_thread() noexcept;  // false: the system has none to give
  [[nodiscard]] size_t busy_of(uint64_t group) const noexcept;
  [[nodiscard]] size_t present() const noexcept;

  const std::string name_;
  const size_t threads_;
  const size_t max_lost_;
  const std::shared_ptr<Overseer> overseer_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::list<Worker> workers_;
  size_t resting_ = 0;  // of workers_, those that wait for a job
  bool stopping_ = false;
  bool overseen_ = false;  // while jobs wait
};

// The process's own; started on first use, never destroyed. At exit dialling stops: exit handlers interrupt what runs
// and wait at most a second.
[[nodiscard]] Crew& connectors();  // dials, and cancels at the server
[[nodiscard]] Crew& workers();     // restores and closes sessions

// A thread of the library's: named, and with every signal blocked, so that the host's handlers never run on it.
void start_detached(const std::string& name, void (*body)(void*), void* argument);

}  // namespace tl::runtime
