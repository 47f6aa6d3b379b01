// A session that carries the statements of several callers of one queue at once, each behind the one before.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "call.hpp"
#include "fiber.hpp"

namespace tl::connection {

class SharedSessions;

class SharedSession {
 public:
  // Of one that has been leased for a statement that rides.
  SharedSession(SharedSessions& all, Leased leased, const runtime::Queue& queue) noexcept
      : all_(all), leased_(std::move(leased)), queue_(queue) {}
  // Sends the session home.
  ~SharedSession();
  SharedSession(const SharedSession&) = delete;
  SharedSession& operator=(const SharedSession&) = delete;

  [[nodiscard]] const Leased& leased() const noexcept { return leased_; }

 private:
  friend class Ride;
  friend class SharedSessions;

  // Begins with the statement behind the others. False: it cannot be here.
  [[nodiscard]] bool take_on(class Ride& ride, const driver::Request& request);

  // A statement runs for so long that nobody should wait behind it.
  [[nodiscard]] bool is_held_up(Instant now) const noexcept;

  // With the mutex held: has the server stop a statement whose caller has left or is leaving, where it is the one that
  // runs, or seems to be. Nobody joins any more. Answers when it is to be called again.
  Deadline stop_unwanted() noexcept;

  SharedSessions& all_;
  Leased leased_;
  const runtime::Queue& queue_;
  std::atomic<uint32_t> riders_{0};
  std::atomic<bool> closed_{false};  // nobody else may join
  std::atomic<Instant> moved_;       // when the first statement of it has become that, by the coarse clock

  std::mutex mutex_;
  std::vector<class Ride*> riding_;
  class Ride* pumping_ = nullptr;  // who waits for the socket
  driver::Ready waits_for_{};      // and what for
  std::shared_ptr<Delivery> cancel_;
  Deadline asked_{Instant{}};  // until then the cancel of the head has time to take effect
  Nanos patience_ = first_patience;
};

// One statement on a shared session, from joining to leaving it, on one fiber.
class Ride final : public runtime::Cancellable, private driver::Operation::Listener {
 public:
  explicit Ride(const CallOptions& options) noexcept;
  ~Ride() override;
  Ride(const Ride&) = delete;
  Ride& operator=(const Ride&) = delete;

  // Waits for the answer. Errors: those of the statement; statement_timeout, cancelled.
  [[nodiscard]] Result<void> await();
  [[nodiscard]] driver::Run& run() noexcept { return *run_; }
  [[nodiscard]] const Leased& leased() const noexcept { return shared_->leased(); }
  // Of one that failed: it had no effect, and another caller's doing was the reason.
  [[nodiscard]] bool may_run_again() const noexcept { return again_; }

  void cancel() noexcept override;

 private:
  friend class SharedSession;
  friend class SharedSessions;
  using Lock = std::unique_lock<std::mutex>;

  void finished(driver::Operation& operation) noexcept override;
  [[nodiscard]] runtime::Ended wait_for_answer(Lock& lock, Deadline until, bool heeds_cancel);
  void pump(Lock& lock, Deadline until);
  [[nodiscard]] Result<void> give_up(Lock& lock, runtime::Ended why);
  [[nodiscard]] Result<void> outcome(runtime::Ended why);

  const CallOptions& options_;
  runtime::Fiber& fiber_;
  std::shared_ptr<SharedSession> shared_;
  std::unique_ptr<driver::Run> run_;
  std::atomic<bool> cancelled_{false};
  bool again_ = false;
};

// Those of one endpoint that others may join.
class SharedSessions {
 public:
  explicit SharedSessions(const pool::Pool& pool) noexcept : pool_(pool) {}

  // Puts the statement behind those of the shortest line of this queue where that is allowed. False: nowhere.
  [[nodiscard]] bool join(Ride& ride, const driver::Request& request);
  // Makes a session that was just leased for the statement one that others may join. False: nobody needs to, or the
  // statement does not ride, and `leased` is as it was.
  [[nodiscard]] bool open(Ride& ride, const driver::Request& request, Leased& leased);

 private:
  friend class Ride;
  friend class SharedSession;

  void leave(Ride& ride) noexcept;
  // Others of its queue share sessions: all were in use a moment ago, and soon will be.
  [[nodiscard]] bool is_sharing(const Ride& ride) noexcept;
  void make_way(Instant now) noexcept;

  const pool::Pool& pool_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<SharedSession>> open_;
  const SharedSession* closing_ = nullptr;  // the one that was closed for a caller who waits
};

}  // namespace tl::connection
