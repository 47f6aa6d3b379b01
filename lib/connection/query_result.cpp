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
  set.schema = run->reply.schema;
  set.affected = run->reply.affected;
  set.last_id = run->reply.last_id;
  then_ = run->reply.then;
  return {};
}

Result<void> Stream::begin(const driver::Request& request, const CallOptions& options, Set& set) {
  return head(leased().session().run(request), options, set);
}

Result<bool> Stream::fetch(const CallOptions& options, Set& set) {
  if (then_ != Then::rows) return false;
  auto fetch = leased().session().fetch(options.batch);
  if (Result<void> done = Call(leased(), options).perform(fetch); !done) {
    then_ = Then::end;
    return done.take_error();
  }
  then_ = fetch->then;
  if (then_ != Then::rows) set.affected = fetch->affected;
  if (fetch->batch != nullptr && fetch->batch->rows() > 0) set.batches.push_back(std::move(fetch->batch));
  return true;
}

Result<bool> Stream::next_set(const CallOptions& options, Set& set) {
  while (then_ == Then::rows) {
    Set dropped;
    if (Result<bool> more = fetch(options, dropped); !more) return more;
  }
  if (then_ == Then::end) return false;
  if (Result<void> done = head(leased().session().next_set(), options, set); !done) return done.take_error();
  return true;
}

Result<std::unique_ptr<QueryResult>> QueryResult::whole(Stream stream, const driver::Request& request,
                                                        const CallOptions& options, uint64_t result_bytes) {
  std::unique_ptr<QueryResult> result(new QueryResult());
  result->endpoint_ = stream.leased().endpoint().label();
  Set* set = &result->sets_.emplace_back();
  if (Result<void> begun = stream.begin(request, options, *set); !begun) return begun.take_error();
  uint64_t bytes = 0;
  while (!stream.ended()) {
    Result<bool> more = stream.fetch(options, *set);
    if (!more) return more.take_error();
    if (*more) {
      if (!set->batches.empty()) bytes += set->batches.back()->bytes();
      if (bytes <= result_bytes) continue;
      return fail(Status::too_large,
                  "the answer is larger than result_bytes (" + std::to_string(result_bytes) + "); stream it, or raise the limit",
                  Phase::receive);
    }
    set = &result->sets_.emplace_back();
    if (Result<bool> next = stream.next_set(options, *set); !next) return next.take_error();
  }
  return result;
}

Result<std::unique_ptr<QueryResult>> QueryResult::streamed(Stream stream, const driver::Request& request,
                                                           const CallOptions& options) {
  std::unique_ptr<QueryResult> result(new QueryResult());
  result->endpoint_ = stream.leased().endpoint().label();
  result->ticket_ = options.ticket;
  result->batch_ = options.batch;
  if (Result<void> begun = stream.begin(request, options, result->sets_.emplace_back()); !begun) return begun.take_error();
  result->stream_ = std::make_unique<Stream>(std::move(stream));
  result->end_stream_if_read();
  return result;
}

std::unique_ptr<QueryResult> QueryResult::made(std::shared_ptr<const columnar::Batch> batch) {
  std::unique_ptr<QueryResult> result(new QueryResult());
  Set& set = result->sets_.emplace_back();
  set.schema = batch->shared_schema();
  set.affected = batch->rows();
  if (batch->rows() > 0) set.batches.push_back(std::move(batch));
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

Result<std::shared_ptr<const columnar::Batch>> QueryResult::next(const CallOptions& options) {
  Set& set = sets_.front();
  while (set.batches.empty() && stream_ != nullptr) {
    Result<bool> more = stream_->fetch(of_statement(options), set);
    end_stream_if_read();
    if (!more) {
      stream_.reset();
      return more.take_error();
    }
    if (!*more) break;
  }
  if (set.batches.empty()) return std::shared_ptr<const columnar::Batch>();
  std::shared_ptr<const columnar::Batch> batch = std::move(set.batches.front());
  set.batches.pop_front();
  return batch;
}

Result<bool> QueryResult::next_set(const CallOptions& options) {
  if (stream_ == nullptr) {
    if (sets_.size() == 1) return false;
    sets_.pop_front();
    return true;
  }
  Set set;
  Result<bool> more = stream_->next_set(of_statement(options), set);
  end_stream_if_read();
  if (!more) stream_.reset();
  if (more && *more) sets_.front() = std::move(set);
  return more;
}

}  // namespace tl::connection
