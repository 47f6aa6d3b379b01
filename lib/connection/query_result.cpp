#include "query_result.hpp"

namespace tl::connection {

using driver::Then;

Stream::~Stream() {
  // A hold keeps its session and its transaction: what is left of the answer is read before its next verb.
  if (use_.get() != nullptr && then_ != Then::end && leased()) use_.get()->leave_unread(then_);
}

Result<void> Stream::head(std::unique_ptr<driver::Run> run, const CallOptions& options, Set& set) {
  Result<void> done = Call(leased(), options).perform(run);
  if (!done) {
    then_ = Then::end;
    return done;
  }
  set.schema = std::move(run->reply.schema);
  set.affected = run->reply.affected;
  if (run->reply.batch != nullptr && run->reply.batch->rows() > 0) set.batches.push(std::move(run->reply.batch));
  set.last_id = run->reply.last_id;
  then_ = run->reply.then;
  return {};
}

Result<void> Stream::begin(driver::Request request, const CallOptions& options, Set& set) {
  return head(leased().session().run(std::move(request)), options, set);
}

Result<BatchHandle> Stream::fetch(const CallOptions& options, Set& set) {
  if (then_ != Then::rows) return BatchHandle();
  auto fetch = leased().session().fetch(options.batch);
  if (Result<void> done = Call(leased(), options).perform(fetch); !done) {
    then_ = Then::end;
    return done.take_error();
  }
  then_ = fetch->then;
  if (then_ != Then::rows) set.affected = fetch->affected;
  return BatchHandle(std::move(fetch->batch));
}

Result<bool> Stream::next_set(const CallOptions& options, Set& set) {
  while (then_ == Then::rows) {
    Set dropped;
    if (Result<BatchHandle> more = fetch(options, dropped); !more) return more.take_error();
  }
  if (then_ == Then::end) return false;
  if (Result<void> done = head(leased().session().next_set(), options, set); !done) return done.take_error();
  return true;
}

Result<std::unique_ptr<QueryResult>> QueryResult::whole(Stream stream, driver::Request request,
                                                        const CallOptions& options, uint64_t result_bytes) {
  std::unique_ptr<QueryResult> result(new QueryResult());
  result->endpoint_ = stream.leased().endpoint().shared_label();
  Set* set = &result->set_;
  if (Result<void> begun = stream.begin(std::move(request), options, *set); !begun) return begun.take_error();
  uint64_t bytes = set->batches.bytes();
  while (bytes <= result_bytes && !stream.ended()) {
    Result<BatchHandle> batch = stream.fetch(options, *set);
    if (!batch) return batch.take_error();
    if (*batch == nullptr) {
      set = &result->later_.emplace_back();
      if (Result<bool> next = stream.next_set(options, *set); !next) return next.take_error();
      continue;
    }
    bytes += (*batch)->bytes();
    if ((*batch)->rows() > 0) set->batches.push(batch.take());
  }
  if (bytes <= result_bytes) return result;
  Failure failure = fail(
      Status::too_large,
      "the answer is larger than result_bytes (" + std::to_string(result_bytes) + "); stream it, or raise the limit",
      Phase::receive);
  failure->outcome = Outcome::unknown;  // the statement has run, or was stopped on its way
  return failure;
}

Result<std::unique_ptr<QueryResult>> QueryResult::streamed(Stream stream, driver::Request request,
                                                           const CallOptions& options) {
  std::unique_ptr<QueryResult> result(new QueryResult());
  result->endpoint_ = stream.leased().endpoint().shared_label();
  result->ticket_ = options.ticket;
  result->batch_ = options.batch;
  if (Result<void> begun = stream.begin(std::move(request), options, result->set_); !begun) return begun.take_error();
  result->stream_ = std::make_unique<Stream>(std::move(stream));
  result->end_stream_if_read();
  return result;
}

std::unique_ptr<QueryResult> QueryResult::made(BatchHandle batch) {
  static const auto& nowhere = *new std::shared_ptr<const std::string>(std::make_shared<const std::string>());
  std::unique_ptr<QueryResult> result(new QueryResult());
  result->endpoint_ = nowhere;
  result->set_.schema = batch->shared_schema();
  result->set_.affected = batch->rows();
  if (batch->rows() > 0) result->set_.batches.push(std::move(batch));
  return result;
}

void QueryResult::end_stream_if_read() noexcept {
  if (stream_ != nullptr && stream_->ended()) stream_.reset();
}

CallOptions QueryResult::of_statement(const CallOptions& options) const {
  CallOptions chosen = options;
  chosen.batch = batch_;
  if (chosen.ticket == nullptr) chosen.ticket = ticket_;
  return chosen;
}

Result<BatchHandle> QueryResult::next(const CallOptions& options) {
  while (set_.batches.empty() && stream_ != nullptr) {
    Result<BatchHandle> batch = stream_->fetch(of_statement(options), set_);
    end_stream_if_read();
    if (!batch) {
      stream_.reset();
      return batch.take_error();
    }
    if (*batch == nullptr) break;
    if ((*batch)->rows() > 0) return batch;
  }
  return set_.batches.pop();
}

Result<bool> QueryResult::next_set(const CallOptions& options) {
  if (stream_ == nullptr) {
    if (next_ == later_.size()) return false;
    set_ = std::move(later_[next_++]);
    return true;
  }
  Set set;
  Result<bool> more = stream_->next_set(of_statement(options), set);
  end_stream_if_read();
  if (!more) stream_.reset();
  if (more && *more) set_ = std::move(set);
  return more;
}

}  // namespace tl::connection
