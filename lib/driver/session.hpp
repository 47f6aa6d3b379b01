// One physical database connection and the line of operations on it. This header, operation.hpp and driver.hpp are all
// that the author of a driver needs; tests/validation is the contract in executable form.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch.hpp"
#include "many.hpp"
#include "sight.hpp"

namespace tl::driver {

class Dial;

// What may be asked of the session after a step of an answer.
enum class Then : uint8_t {
  rows,  // fetch() for this set's (next) rows
  set,   // next_set(): another result follows
  end,   // the answer is complete and the session is ready for the next statement
};

struct FetchLimits {
  uint32_t rows = 0;  // a batch ends at either; both non-zero. One row may exceed `bytes`
  uint64_t bytes = 0;
};

// The head of one result set.
struct Reply {
  std::shared_ptr<const columnar::Schema> schema;  // null: it has no columns (INSERT, DDL, …)
  std::shared_ptr<columnar::Batch> batch;          // its first rows, where Request::first asked for them
  int64_t affected = -1;                           // rows, -1: unknown or not known yet
  int64_t last_id = 0;                             // SQLite, MySQL: the id that the last INSERT made, 0: none
  Then then = Then::end;
  std::vector<std::shared_ptr<columnar::Batch>> more;  // of a ride: the rest of the rows
};

struct Request {
  std::shared_ptr<const sql::Statement> statement;
  // Positional, in the order of statement->native. Valid until the operation has finished or was asked to cancel.
  columnar::Params params;
  // Reads the first rows along with the head, as a fetch would; rows 0: it does not. Saves small answers a step.
  FetchLimits first = {};
  // Of a ride, whose batches `first` limits: the whole answer, as its batches hold it. A larger one is dropped, and
  // fails.
  uint64_t whole_bytes = UINT64_MAX;
  // Has Session::written() tell where what the statement wrote is.
  bool wants_position = false;

  // What must be right before anything is sent: as many values as the text has places for.
  [[nodiscard]] Result<void> check() const;
};

// Runs a statement, or moves to the next set: done when the head of a result set is known.
class Run : public Operation {
 public:
  Reply reply;  // when done
  // A ride that failed: what was prepared is out of date, one sent with it has failed, or it was not sent. The
  // statement had no effect, and run() runs it.
  bool again = false;
  bool was_sent = false;  // of a ride: the server may have it
};

// Reads one batch: done when it is full or its set has ended. May be empty at the end of a set.
class Fetch : public Operation {
 public:
  std::shared_ptr<columnar::Batch> batch;
  Then then = Then::end;
  int64_t affected = -1;  // known when then != rows
};

// Tells the server to stop what the session runs, from any thread, while the session's own thread waits. Outlives the
// session harmlessly. Nothing may reuse the session until cancel() has returned and the answer is read to its end.
class Canceller {
 public:
  virtual ~Canceller() = default;
  [[nodiscard]] virtual bool blocks() const noexcept = 0;  // true: only on a worker
  virtual void cancel(Dial& dial) noexcept = 0;            // by which it connects where it must
};

enum class State : uint8_t {
  idle,            // no transaction, no pending answer
  in_transaction,  // in one that works
  in_failed,       // in one that only accepts a rollback
  answering,       // an answer is pending
  broken,          // of no further use
};

// What a whole answer of more than `bytes` fails with.
[[nodiscard]] Failure answer_too_large(uint64_t bytes);

// Misuse: a statement was begun before the answer of the one before it had been read.
[[nodiscard]] Failure answer_is_pending();

class Session {
 public:
  Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Closes at once. The line holds nothing but what was dropped, which goes too. May say goodbye, but does not wait for
  // anything.
  virtual ~Session();

  [[nodiscard]] uint64_t number() const noexcept { return number_; }  // never reused in a process

  // Verbs. The operation is submitted to this session only, and must not outlive it.
  [[nodiscard]] virtual std::unique_ptr<Run> run(Request request) = 0;
  [[nodiscard]] virtual std::unique_ptr<Run> next_set() = 0;
  // Whether ride() may be submitted now, behind whatever is in the line: what is in it rides too, and the session is
  // idle but for that, unchanged, and has all that the statement, a plain read, needs to be sent blindly.
  [[nodiscard]] virtual bool rides(const Request& request) const noexcept {
    (void)request;
    return false;
  }
  // A run that shares the line: it may be sent before those in front of it have been answered, its error is its own,
  // and it reads its answer whole (`then` is end). Only where rides() has just said yes.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): sessions that can keep it
  [[nodiscard]] virtual std::unique_ptr<Run> ride(Request) { return nullptr; }
  [[nodiscard]] virtual std::unique_ptr<Fetch> fetch(FetchLimits limits) = 0;
  // The same statement for many rows.
  [[nodiscard]] virtual std::unique_ptr<Many> run_many(ManyRequest request) = 0;
  [[nodiscard]] virtual std::unique_ptr<Operation> ping() = 0;  // a round trip
  // Back to how open() left it: pending answer read and dropped, transaction rolled back, session state restored.
  [[nodiscard]] virtual std::unique_ptr<Operation> reset() = 0;
  [[nodiscard]] virtual std::shared_ptr<Canceller> canceller() = 0;
  // What the server is now, in one round trip. Null: there is no server that could be another thing tomorrow.
  [[nodiscard]] virtual std::unique_ptr<Look> look() { return nullptr; }
  // Only where look() is not null. The position is kept by the operation, which ends by itself soon after `until`.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): sessions that can keep it
  [[nodiscard]] virtual std::unique_ptr<Reach> reach(Position /*wanted*/, Deadline /*until*/) { return nullptr; }
  // After a statement that wanted it has come to its end: a place in the server's history behind all that was
  // committed on this session so far. Empty: nothing was, or the server does not tell.
  [[nodiscard]] virtual Position written() const { return {}; }

  [[nodiscard]] virtual State state() const noexcept = 0;
  // A statement that is not `plain` ran since open() or reset(): reset() before another caller gets it.
  [[nodiscard]] virtual bool changed() const noexcept = 0;
  // Whether it keeps something that others may wait for, because statements that follow each other closely are faster
  // so.
  [[nodiscard]] virtual bool lingers() const noexcept { return false; }
  virtual void rest() noexcept {}  // lets go of it; not while an operation runs
  // Without a round trip: false when the server has closed it or sent something unasked that means it is going.
  [[nodiscard]] virtual bool looks_alive() noexcept = 0;
  // Its socket, the same as long as it lives; -1: it has none.
  [[nodiscard]] virtual int descriptor() const noexcept { return -1; }
  [[nodiscard]] virtual std::string backend_id() const = 0;  // the server's own number of it, "" : none

  // The line: operations in order; one thread at a time.
  // Appends and takes the first step at once; one that fails there leaves the line, wherever it stands. The operation
  // must stay alive until it has finished. One that rides adds what it wants of the socket to waiting().
  void submit(Operation& operation) noexcept;
  // Takes over an operation of the line whose caller has given up: it takes its turn, its answer is thrown away, and
  // when it has finished it is destroyed; its listener is not told. What it has not sent by now it will not send.
  void drop(std::unique_ptr<Operation> operation) noexcept;
  // Moves bytes for the whole line, then resumes the head, and each that becomes head, until one waits.
  // Answers what the head waits for, or done when the line is empty.
  Step pump(Ready got) noexcept;
  // What the head of the line waited for when it was last resumed, and those that ride behind it when submitted.
  [[nodiscard]] const Step& waiting() const noexcept { return waiting_; }
  [[nodiscard]] Operation* head() const noexcept { return head_; }
  // One that is to be cancelled and may be what the server runs: the head, or one behind it that hides its answer.
  // Null: there is none.
  [[nodiscard]] const Operation* unwanted() const noexcept;
  [[nodiscard]] size_t depth() const noexcept { return depth_; }

 protected:
  // Before the head is resumed: flush and consume what the socket allows. Nothing for drivers without a socket.
  virtual void move_bytes(Ready got) noexcept { (void)got; }
  [[nodiscard]] bool is_head(const Operation& operation) const noexcept { return head_ == &operation; }
  // Whether all in the line ride: those behind one that does not could not have joined it.
  [[nodiscard]] bool only_rides() const noexcept { return tail_ == nullptr || tail_->rides(); }

 private:
  void finish(Operation& operation, Operation* before) noexcept;
  void destroy_dropped(Operation& operation) noexcept;

  uint64_t number_;
  Operation* head_ = nullptr;
  Operation* tail_ = nullptr;
  size_t depth_ = 0;
  Operation* dropped_ = nullptr;  // those in the line, in no order
  Step waiting_;
};

}  // namespace tl::driver
