// The answer of a statement: result sets, each a sequence of batches; read whole, or from its session as it is asked for.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "hold.hpp"

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

// Where the answer comes from: a leased session of its own, or the session of a hold, until it has been read to its end.
class Stream {
 public:
  explicit Stream(Leased leased) : own_(std::move(leased)) {}
  explicit Stream(HoldUse use) : use_(std::move(use)) {}
  Stream(Stream&& other) noexcept : own_(std::move(other.own_)), use_(std::move(other.use_)), then_(other.take_then()) {}
  Stream& operator=(Stream&&) = delete;
  ~Stream();

  // Runs the statement; `set` is its first set.
  [[nodiscard]] Result<void> begin(driver::Request request, const CallOptions& options, Set& set);
  // Reads the next rows of the set, perhaps none; null: it had ended.
  [[nodiscard]] Result<BatchHandle> fetch(const CallOptions& options, Set& set);
  // False: there is no other set.
  [[nodiscard]] Result<bool> next_set(const CallOptions& options, Set& set);
  [[nodiscard]] bool ended() const noexcept { return then_ == driver::Then::end; }
  [[nodiscard]] Leased& leased() noexcept { return use_.get() == nullptr ? own_ : use_.get()->leased(); }

 private:
  [[nodiscard]] Result<void> head(std::unique_ptr<driver::Run> run, const CallOptions& options, Set& set);
  [[nodiscard]] driver::Then take_then() noexcept { return std::exchange(then_, driver::Then::end); }

  Leased own_;
  HoldUse use_;
  driver::Then then_ = driver::Then::end;
};

class QueryResult {
 public:
  // Reads all of it. Errors: too_large, those of the statement.
  [[nodiscard]] static Result<std::unique_ptr<QueryResult>> whole(Stream stream, driver::Request request,
                                                                  const CallOptions& options, uint64_t result_bytes);
  // Reads only the head of the first set.
  [[nodiscard]] static Result<std::unique_ptr<QueryResult>> streamed(Stream stream, driver::Request request,
                                                                     const CallOptions& options);
  // One that the library made itself.
  [[nodiscard]] static std::unique_ptr<QueryResult> made(BatchHandle batch);

  [[nodiscard]] const Set& set() const noexcept { return set_; }
  [[nodiscard]] const std::string& endpoint() const noexcept { return *endpoint_; }
  // Null: the set has ended.
  [[nodiscard]] Result<BatchHandle> next(const CallOptions& options);
  [[nodiscard]] Result<bool> next_set(const CallOptions& options);

 private:
  QueryResult() = default;
  void end_stream_if_read() noexcept;
  // The ticket of the statement: it can be cancelled until its last row is read.
  [[nodiscard]] CallOptions of_statement(const CallOptions& options) const;

  std::shared_ptr<const std::string> endpoint_;
  Set set_;                 // the current one
  std::vector<Set> later_;  // of a whole answer: the sets after it
  size_t next_ = 0;         // of later_
  std::unique_ptr<Stream> stream_;
  std::shared_ptr<runtime::Ticket> ticket_;
  driver::FetchLimits batch_;
};

}  // namespace tl::connection
