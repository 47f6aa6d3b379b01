// A session that outlives one verb: pinned, or in a transaction. One verb at a time; a transaction or savepoint inside
// it comes first; what an abandoned handle left behind is paid before the next verb.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "call.hpp"

namespace tl::connection {

class Hold {
 public:
  explicit Hold(Leased leased) : leased_(std::move(leased)) {}

  // A level: the pin (if any), the transaction, its savepoints, in order. Answers the new level's number, never 0.
  [[nodiscard]] uint64_t push();
  // Ends a level and those inside it; when none is left the session goes home.
  void pop(uint64_t level) noexcept;
  // The level's handle was dropped before its end: `undo` is run before the next verb.
  void abandon(uint64_t level, std::string undo);
  // The statement's answer was dropped unread: it is read before the next verb.
  void leave_unread(driver::Then then) noexcept;

  // Begins a verb. `ends`: it ends the level, so that levels inside do not matter.
  // Errors: busy, closed (the level has ended, or the session is gone).
  [[nodiscard]] Result<void> enter(uint64_t level, bool ends);
  void leave() noexcept;

  // Between enter() and leave():
  [[nodiscard]] Leased& leased() noexcept { return leased_; }
  [[nodiscard]] Result<void> pay(sql::Table& statements, const CallOptions& options);

 private:
  std::mutex mutex_;
  bool busy_ = false;
  uint64_t last_level_ = 0;
  std::vector<uint64_t> levels_;
  driver::Then unread_ = driver::Then::end;
  std::vector<std::string> debts_;
  Leased leased_;
};

// A verb's use of a hold, from enter() to leave().
class HoldUse {
 public:
  HoldUse() = default;
  explicit HoldUse(std::shared_ptr<Hold> entered) noexcept : hold_(std::move(entered)) {}
  HoldUse(HoldUse&&) noexcept = default;
  HoldUse& operator=(HoldUse&& other) noexcept {
    end();
    hold_ = std::move(other.hold_);
    return *this;
  }
  ~HoldUse() { end(); }
  void end() noexcept {
    if (const std::shared_ptr<Hold> hold = std::move(hold_)) hold->leave();
  }
  [[nodiscard]] Hold* get() const noexcept { return hold_.get(); }

 private:
  std::shared_ptr<Hold> hold_;
};

// Runs a text without parameters or rows.
[[nodiscard]] Result<void> run_text(Leased& leased, sql::Table& statements, std::string_view text,
                                    const CallOptions& options);

}  // namespace tl::connection
