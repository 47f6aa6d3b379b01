// The answer of a statement: result sets, each a sequence of batches; read whole, or from its session as it is asked
// for.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hold.hpp"
#include "watch.hpp"
#include "written.hpp"

namespace tl::connection {

using BatchHandle = std::shared_ptr<const columnar::Batch>;

// Batches that were read and not yet handed out, in order. Most answers have one: it needs no memory of its own.
class Batches {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  void push(BatchHandle batch) {
    if (first_ == nullptr) {
      first_ = std::move(batch);
    } else {
      later_.push_back(std::move(batch));
    }
  }
  // Of the first one.
  [[nodiscard]] size_t bytes() const noexcept { return first_ == nullptr ? 0 : first_->bytes(); }
  [[nodiscard]] BatchHandle pop() noexcept {
    BatchHandle batch = std::move(first_);
    first_ = next_ < later_.size() ? std::move(later_[next_++]) : nullptr;
    return batch;
  }

 private:
  BatchHandle first_;  // null: there is none
  std::vector<BatchHandle> later_;
  size_t next_ = 0;  // of later_
};

struct Set {
  std::shared_ptr<const columnar::Schema> schema;  // null: no columns
  int64_t affected = -1;
  int64_t last_id = 0;
  Batches batches;
};

// Where the answer comes from: a leased session of its own, or the session of a hold, until it has been read to its
// end.
class Stream {
 public:
  Stream() = default;
  Stream(Stream&& other) noexcept
      : own_(std::move(other.own_)),
        use_(std::move(other.use_)),
        made_here_(other.made_here_),
        then_(std::exchange(other.then_, driver::Then::end)),
        watch_(std::move(other.watch_)),
        written_(std::move(other.written_)) {}
  Stream& operator=(Stream&&) = delete;
  ~Stream() { close(); }

  // Before begin(): a session of its own is leased here, or it is given the use of a hold.
  [[nodiscard]] Leased& own() noexcept { return own_; }
  void use(HoldUse use) noexcept { use_ = std::move(use); }
  // Of a statement that wants its position: where that is told once it has come to its end.
  void note_writes(std::shared_ptr<Written> written) noexcept { written_ = std::move(written); }

  // Runs the statement; `set` is its first set.
  [[nodiscard]] Result<void> begin(driver::Request request, const CallOptions& options, Set& set);
  // Reads the next rows of the set, perhaps none; null: it had ended.
  [[nodiscard]] Result<BatchHandle> fetch(const CallOptions& options, Set& set);
  // False: there is no other set.
  [[nodiscard]] Result<bool> next_set(const CallOptions& options, Set& set);
  // Of a statement on the leased session.
  void note_begin(const std::shared_ptr<const sql::Statement>& statement);
  // It is handed out to be read.
  void note_open() noexcept;
  // It has come to its end; null: it has succeeded.
  void note_end(Error* failure) noexcept;
  [[nodiscard]] bool ended() const noexcept { return then_ == driver::Then::end; }
  // It goes on in the process that forked this one, and cannot be read here.
  [[nodiscard]] bool is_parents() const noexcept { return !ended() && !made_here_; }
  [[nodiscard]] Leased& leased() noexcept { return use_.get() == nullptr ? own_ : use_.get()->leased(); }
  [[nodiscard]] Watch& watch() noexcept { return watch_; }
  // Gives the session back; what is left of the answer is dropped.
  void close() noexcept;

 private:
  [[nodiscard]] Result<void> head(Result<void> done, driver::Run* run, Set& set);
  [[nodiscard]] Failure failed(Failure failure) noexcept;

  Leased own_;
  HoldUse use_;
  MadeHere made_here_;
  driver::Then then_ = driver::Then::end;
  Watch watch_;
  std::shared_ptr<Written> written_;  // null: nobody asks
};

class QueryResult {
 public:
  // An empty answer, which Handle::query() fills.
  QueryResult() = default;
  QueryResult(QueryResult&&) noexcept = default;
  // One that the library made itself.
  explicit QueryResult(BatchHandle batch);

  [[nodiscard]] Stream& stream() noexcept { return stream_; }
  // After a failure: as it was when it was empty.
  void begin_anew() noexcept;
  // Runs the statement and reads all of the answer; the session goes home. Errors: too_large, those of the statement.
  [[nodiscard]] Result<void> read_whole(driver::Request request, const CallOptions& options, uint64_t result_bytes);
  // Runs the statement for its rows; the session goes home. What it tells of each row is the set, of rows that are
  // loaded only how many they were.
  [[nodiscard]] Result<void> run_many(const driver::ManyRequest& request, const CallOptions& options);
  // The whole answer of a statement on a shared session.
  void take(driver::Reply reply, const Leased& leased);
  // No row was to be run.
  void nothing_ran() noexcept { set_.affected = 0; }
  // Runs the statement and reads only the head of the first set, and its first rows.
  [[nodiscard]] Result<void> begin(driver::Request request, const CallOptions& options);

  [[nodiscard]] const Set& set() const noexcept { return set_; }
  [[nodiscard]] const char* endpoint() const noexcept;
  [[nodiscard]] const char* connection() const noexcept;
  // What that was when it began with the statement, and how far behind at most. Nothing: nobody served it; not known.
  [[nodiscard]] std::optional<Role> role() const noexcept { return role_; }
  [[nodiscard]] std::optional<Nanos> lag() const noexcept { return lag_; }
  // Whether next() or next_set() may have to ask the session.
  [[nodiscard]] bool streams() const noexcept { return !stream_.ended(); }
  // How long the reader may let it lie, because others wait for its session; nothing: there is none, or it is a hold's.
  [[nodiscard]] std::optional<Nanos> patience() noexcept;
  // It has lain for that long: the session goes home, and what has not arrived is an error. Harmless where it has
  // ended.
  void give_up() noexcept;
  // Null: the set has ended. An answer that failed once goes on saying so.
  [[nodiscard]] Result<BatchHandle> next(const CallOptions& options);
  [[nodiscard]] Result<bool> next_set(const CallOptions& options);
  // What is left of the current set, with the session that it comes from; here an empty set of the same columns stays.
  [[nodiscard]] QueryResult take_current() noexcept;

 private:
  [[nodiscard]] Result<void> read_sets(driver::Request request, const CallOptions& options, uint64_t result_bytes);
  [[nodiscard]] Failure failed(Failure failure);
  void note_server(const Leased& leased);
  // Where the stream was not read to its end: what ended it.
  [[nodiscard]] Result<void> ended_well();
  // The ticket of the statement: it can be cancelled until its last row is read.
  [[nodiscard]] CallOptions of_statement(const CallOptions& options) const;

  std::shared_ptr<observe::Source> source_;  // of the endpoint, null: none; outlives the stream's watch
  std::optional<Role> role_;
  std::optional<Nanos> lag_;
  Set set_;                 // the current one
  std::vector<Set> later_;  // of a whole answer: the sets after it
  size_t next_ = 0;         // of later_
  Stream stream_;
  std::shared_ptr<runtime::Ticket> ticket_;
  driver::FetchLimits batch_;
  Failure failure_;    // what ended the stream
  Nanos given_up_{0};  // likewise: how long it had lain
};

}  // namespace tl::connection
