// One verb in progress on one session. Drivers write each verb as a flat object that never waits: resume() does what
// can be done now and says what it waits for. Blocking callers and fibers on queues drive the same objects.
#pragma once
#include <atomic>
#include <cstdint>

#include "clock.hpp"
#include "error.hpp"

namespace tl::driver {

// What a step waits for: its socket, a thread that may block (inline when the caller is blocking), a moment, a session
// from the pool, or the operation before it in its session's line.
enum class On : uint8_t { socket, worker, timer, lease, turn };

// What happened since the last resume(); also what a wait on a socket wants. A set of bits.
enum class Ready : uint8_t { start = 0, readable = 1, writable = 2, worker = 4, timer = 8, lease = 16, turn = 32 };
constexpr Ready operator|(Ready a, Ready b) noexcept { return Ready(uint8_t(a) | uint8_t(b)); }
constexpr bool has(Ready set, Ready bit) noexcept { return (uint8_t(set) & uint8_t(bit)) != 0; }

struct Wait {
  On on = On::turn;
  int fd = -1;  // of `socket`; may change at every wait
  Ready want = Ready::start;
  Deadline deadline;  // the operation's own, beside the caller's; the runner resumes with `timer` when it passes
};

struct Step {
  enum class Is : uint8_t { waiting, done, failed };
  Is is = Is::done;
  Wait wait;

  [[nodiscard]] static Step done() noexcept { return {}; }
  [[nodiscard]] static Step failed() noexcept { return {Is::failed, {}}; }
  [[nodiscard]] static Step waits(Wait wait) noexcept { return {Is::waiting, wait}; }
};

class Operation {
 public:
  // Is told that an operation has finished and left its line, by whoever pumps the line: also of operations behind the
  // one that he waits for. In this call nothing may be destroyed, submitted, dropped or pumped.
  class Listener {
   public:
    virtual void finished(Operation& operation) noexcept = 0;

   protected:
    ~Listener() = default;
  };

  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  // Called with `start` first, then with what it waited for; spurious readiness is harmless. Never throws, never waits.
  virtual Step resume(Ready got) noexcept = 0;

  // [any thread] Sets the intent; whoever runs the operation wakes it and has the server stop.
  void request_cancel() noexcept { cancel_requested_.store(true, std::memory_order_release); }
  [[nodiscard]] bool cancel_requested() const noexcept { return cancel_requested_.load(std::memory_order_acquire); }

  // True: what it sends does not depend on the answers before it, and it reads its own to the end. Others of the kind
  // may follow it at once.
  [[nodiscard]] virtual bool rides() const noexcept { return false; }

  // True: the answers of those before it in the line come only when it has ended, too.
  [[nodiscard]] virtual bool hides_answers() const noexcept { return false; }

  // Null: nobody is told. Set before the operation is submitted.
  Listener* listener = nullptr;

  // Until when the caller wants an answer. Set before the operation is submitted. Operations that compute on the
  // caller's thread (SQLite) watch it and the cancel intent themselves; for the others the runner does.
  Deadline deadline;
  // How long it may wait for a lock of another process, where the session sees to that itself (SQLite).
  Nanos lock_patience = Nanos::max();

  [[nodiscard]] bool finished() const noexcept { return finished_; }
  // Nobody wants the answer any more: the session owns the operation (Session::drop).
  [[nodiscard]] bool dropped() const noexcept { return dropped_; }
  [[nodiscard]] bool succeeded() const noexcept { return finished_ && failure_ == nullptr; }
  [[nodiscard]] const Error* failure() const noexcept { return failure_.get(); }
  [[nodiscard]] Failure take_failure() noexcept { return std::move(failure_); }

 protected:
  // `return failed(...)` from resume().
  Step failed(Failure failure) noexcept {
    failure_ = std::move(failure);
    return Step::failed();
  }
  [[nodiscard]] Operation* next_in_line() const noexcept { return next_in_line_; }

 private:
  friend class Session;
  Operation* next_in_line_ = nullptr;
  Operation* next_dropped_ = nullptr;
  Failure failure_;
  bool finished_ = false;
  bool dropped_ = false;
  std::atomic<bool> cancel_requested_{false};
};

}  // namespace tl::driver
