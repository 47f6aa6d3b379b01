// A session that outlives one verb: pinned, or in a transaction. One verb at a time, those of queues in the order in
// which they came; a transaction or savepoint inside it comes first; what an abandoned handle left behind is paid
// before the next verb.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "call.hpp"

namespace tl::connection {

class Hold {
 public:
  [[nodiscard]] static std::shared_ptr<Hold> make(Leased leased);
  explicit Hold(Leased leased) : endpoints_(leased.endpoints()), index_(leased.index()), leased_(std::move(leased)) {}

  // A level: the pin (if any), the transaction, its savepoints, in order; inside the level `parent` (0: the first one).
  // Answers its number, never 0. It has ended already where its parent has. `inner`: a verb has it for itself, and the
  // next one does not begin before it ends.
  [[nodiscard]] uint64_t push(uint64_t parent, bool is_transaction, bool inner);
  // Ends a level and those inside it, of which nothing is left to undo; when none is left the session goes home.
  void pop(uint64_t level) noexcept;
  // Ends them with their work not undone yet: that is owed, and done before the next verb.
  void abandon(uint64_t level) noexcept;
  // The statement's answer was dropped unread: it is read before the next verb.
  void leave_unread(driver::Then then) noexcept;
  // The verb's statement begins, and has come to its end; null: it has succeeded. Of one whose session was lost is told
  // here that it was undone with its transaction.
  void note_begin(const sql::Statement& statement) noexcept;
  void note_end(Error* failure) noexcept;

  // Begins a verb; on a fiber, when it is its turn, but behind a stream for no longer than others wait for a session:
  // who reads the stream may be the one who waits. `ends`: it ends the level, so that levels inside do not matter.
  // Errors: busy, closed (the level has ended, or the session is gone); statement_timeout, cancelled before its turn.
  [[nodiscard]] Result<void> enter(uint64_t level, bool ends, const CallOptions& options);
  void leave() noexcept;
  // Between the two: the verb's answer is a stream that its caller has yet to read.
  void note_stream() noexcept;

  // Error: closed; it belongs to the process that forked this one.
  [[nodiscard]] Result<void> is_here() const;
  // Those of its session, also once that is gone.
  [[nodiscard]] const std::shared_ptr<Endpoints>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] uint32_t index() const noexcept { return index_; }  // the session's among them

  // Between enter() and leave():
  [[nodiscard]] Leased& leased() noexcept { return leased_; }
  // What comes before a verb: reads what was left unread, undoes what is owed. Afterwards there is a session. A failure
  // says that the verb's own statement was not sent.
  [[nodiscard]] Result<void> pay(const CallOptions& options);
  // Error: statement; the database has ended the level's transaction by itself, and would commit at once what ran now.
  [[nodiscard]] Result<void> has_transaction() const;
  // Null, or that a statement has ended the transaction that is open, which may be committed by now.
  [[nodiscard]] Failure may_be_committed() const;
  // Undoes the work of a level and those inside it, if the session still is in their transaction.
  [[nodiscard]] Result<void> undo(uint64_t level, const CallOptions& options);

 private:
  struct Turn;

  // With the mutex held:
  [[nodiscard]] bool is_open(uint64_t level) const noexcept;
  void end(uint64_t level) noexcept;
  [[nodiscard]] Result<void> may_enter(uint64_t level, bool ends) const;
  [[nodiscard]] Failure busy() const;
  [[nodiscard]] Result<void> await_turn(std::unique_lock<std::mutex>& lock, const CallOptions& options);
  void wait(std::unique_lock<std::mutex>& lock, Turn& turn, const CallOptions& options);
  void pass_on() noexcept;
  void release(std::unique_lock<std::mutex>& lock, bool is_over) noexcept;

  [[nodiscard]] bool is_savepoint(uint64_t level);
  [[nodiscard]] Result<void> read_unread(const CallOptions& options);
  [[nodiscard]] Result<void> pay_debt(const CallOptions& options);

  const MadeHere made_here_;  // else nothing here is touched: another thread may have held the mutex
  const std::shared_ptr<Endpoints> endpoints_;
  const uint32_t index_;
  std::mutex mutex_;
  bool busy_ = false;
  uint64_t stream_ = 0;  // the number of the verb that it is busy by, where its answer is being read; else 0
  uint64_t last_stream_ = 0;
  std::deque<Turn*> turns_;  // of verbs that wait for theirs; the first may have been given it
  uint64_t inner_ = 0;       // the level that a verb has for itself
  uint64_t last_level_ = 0;
  std::vector<uint64_t> levels_;
  uint64_t transaction_ = 0;       // the level that is the transaction, 0: none is open
  uint64_t debt_ = 0;              // the outermost level whose undoing is owed, 0: none
  bool may_be_committed_ = false;  // the transaction that is open here is over

  // Of the verb between enter() and leave():
  uint64_t verb_level_ = 0;
  bool inside_ = false;  // that level is in a transaction
  driver::Then unread_ = driver::Then::end;
  bool may_commit_ = false;  // its statement
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

[[nodiscard]] std::string savepoint_name(uint64_t level);
// How long others wait for a session of the pool; of one where they do not wait, as long as they do by default.
[[nodiscard]] Nanos patience_of(const config::Pool& pool) noexcept;
// It failed because the call was cancelled or its time was up.
[[nodiscard]] bool was_stopped(const Error& error) noexcept;
// Runs a text without parameters or rows. `wants_position`: as of a request.
[[nodiscard]] Result<void> run_text(Leased& leased, std::string_view text, const CallOptions& options,
                                    bool wants_position = false);

}  // namespace tl::connection
