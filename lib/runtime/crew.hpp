// A bounded set of threads for work that may block whatever its client library promises: dialling, cancelling at the
// server, restoring sessions. No few groups of jobs (one for each server) can keep the others from their turn.
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
  // `group`: those that block together. After `deadline` (and a second of patience) the thread counts as lost and is
  // replaced.
  Job(uint64_t group, Deadline deadline) : group_(group), deadline_(deadline) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  virtual void run() noexcept = 0;
  // [any thread] Its deadline has passed while it ran, or the process is ending: return from run() soon, also if it has
  // not begun.
  virtual void interrupt() noexcept {}

  [[nodiscard]] uint64_t group() const noexcept { return group_; }
  [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }

 private:
  uint64_t group_;
  Deadline deadline_;
};

class Crew {
 public:
  struct Limits {
    size_t threads;  // at work, of which
    size_t share;    // for one group. A group that has none at work may have one more thread,
    size_t most;     // up to so many in all,
    size_t lost;     // and these, which have outlived their job's deadline
  };
  Crew(std::string name, const Limits& limits);

  // [any thread] Never waits; in order but for the groups' limits. A crew that has stopped, that cannot start even its
  // first thread or has no memory lets go of the job without running it.
  void submit(const std::shared_ptr<Job>& job) noexcept;
  // Takes no more jobs, interrupts those it has, and waits at most `patience` for them to end.
  void stop(Nanos patience) noexcept;
  [[nodiscard]] size_t lost() const;  // threads that outlived their job's deadline and have not come back

 private:
  using Lock = std::unique_lock<std::mutex>;

  struct Worker {
    Crew* crew = nullptr;
    std::shared_ptr<Job> job;  // given by dispatch(); null: it rests
    bool interrupted = false;
    bool lost = false;
    std::condition_variable wake;
  };

  // Looks after jobs whose deadline passes, and after threads that are lost while jobs wait for them and nobody submits
  // more.
  class Overseer final : public Task {
   public:
    explicit Overseer(Crew& crew) : crew_(crew) {}
    Instant run() noexcept override { return crew_.oversee(); }

   private:
    Crew& crew_;
  };

  // With the mutex held.
  void dispatch() noexcept;  // gives what waits and fits to threads
  void interrupt_late() noexcept;
  void replace_lost() noexcept;
  void look_again(Instant at) noexcept;  // the overseer does, by then
  [[nodiscard]] bool fits(const Job& job) const noexcept;
  [[nodiscard]] Worker* resting() noexcept;       // null: nobody
  [[nodiscard]] Worker* start_thread() noexcept;  // null: the system has none to give
  [[nodiscard]] size_t present() const noexcept;  // that are not lost

  void work(Worker& self) noexcept;
  [[nodiscard]] bool await_job(Lock& lock, Worker& self) noexcept;  // false: its thread is of no more use
  [[nodiscard]] Instant oversee() noexcept;

  const std::string name_;
  const Limits limits_;
  const std::shared_ptr<Overseer> overseer_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::list<Worker> workers_;
  bool stopping_ = false;
  Instant next_look_ = Deadline::never().at;  // of the overseer
};

// The process's own; started on first use, never destroyed. At exit dialling stops: exit handlers interrupt what runs
// and wait at most a second.
[[nodiscard]] Crew& connectors();  // dials servers
[[nodiscard]] Crew& askers();      // likewise, where the application is asked for credentials first
[[nodiscard]] Crew& cancellers();  // cancels at servers
[[nodiscard]] Crew& workers();     // restores and closes sessions, opens files
[[nodiscard]] Crew& lookouts();    // looks at servers
[[nodiscard]] Crew& blockers();    // runs for fibers what blocks by computing: SQLite's statements

// A thread of the library's: named, and with every signal blocked, so that the host's handlers never run on it.
void start_detached(const std::string& name, void (*body)(void*), void* argument);

}  // namespace tl::runtime
