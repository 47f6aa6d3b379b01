#include "query_result.hpp"

#include <algorithm>

#include "consistency.hpp"
#include "values.hpp"

namespace tl::connection {

using driver::Then;

void Stream::close() noexcept {
  const bool parents = is_parents();
  const Then left = std::exchange(then_, Then::end);
  if (parents) return;
  watch_.end(nullptr);  // of one whose answer is given up
  if (const auto written = std::move(written_); written != nullptr && left != Then::end) written->note({});
  // A hold keeps its session and its transaction: what is left of the answer is read before its next verb.
  if (use_.get() != nullptr && left != Then::end && leased()) use_.get()->leave_unread(left);
  use_.end();
  own_.go_home();
}

void Stream::note_open() noexcept {
  if (use_.get() != nullptr) use_.get()->note_stream();
}

void Stream::note_begin(const std::shared_ptr<const sql::Statement>& statement) {
  watch_.begin(leased(), leased().holder().tag, statement);
  if (use_.get() != nullptr) use_.get()->note_begin(*statement);
}

void Stream::note_end(Error* failure) noexcept {
  then_ = Then::end;
  if (use_.get() != nullptr) use_.get()->note_end(failure);
  watch_.end(failure);
  if (const auto written = std::move(written_)) note_written(*written, leased(), failure);
}

namespace {

constexpr Nanos least_patience = std::chrono::milliseconds(100);  // what keeps a host's loop busy at times is shorter

void fill(Set& set, driver::Reply& reply) {
  set.schema = std::move(reply.schema);
  set.affected = reply.affected;
  if (reply.batch != nullptr && reply.batch->rows() > 0) set.batches.push(std::move(reply.batch));
  for (auto& batch : reply.more) set.batches.push(std::move(batch));
  set.last_id = reply.last_id;
}

}  // namespace

Failure Stream::failed(Failure failure) noexcept {
  note_end(failure.get());
  return failure;
}

Result<void> Stream::head(Result<void> done, driver::Run* run, Set& set) {
  if (!done) return failed(done.take_error());
  fill(set, run->reply);
  then_ = run->reply.then;
  if (then_ == Then::end) note_end(nullptr);
  return done;
}

Result<void> Stream::begin(driver::Request request, const CallOptions& options, Set& set) {
  note_begin(request.statement);
  auto run = leased().session().run(std::move(request));
  return head(Call(leased(), options).begin(run), run.get(), set);
}

Result<BatchHandle> Stream::fetch(const CallOptions& options, Set& set) {
  if (then_ != Then::rows) return BatchHandle();
  auto fetch = leased().session().fetch(options.batch);
  if (Result<void> done = Call(leased(), options).perform(fetch); !done) return failed(done.take_error());
  then_ = fetch->then;
  if (then_ == Then::end) note_end(nullptr);
  if (then_ != Then::rows) set.affected = fetch->affected;
  return BatchHandle(std::move(fetch->batch));
}

Result<bool> Stream::next_set(const CallOptions& options, Set& set) {
  while (then_ == Then::rows) {
    Set dropped;
    if (Result<BatchHandle> more = fetch(options, dropped); !more) return more.take_error();
  }
  if (then_ == Then::end) return false;
  auto run = leased().session().next_set();
  if (Result<void> done = head(Call(leased(), options).perform(run), run.get(), set); !done) return done.take_error();
  return true;
}

QueryResult::QueryResult(BatchHandle batch) {
  set_.schema = batch->shared_schema();
  set_.affected = batch->rows();
  if (batch->rows() > 0) set_.batches.push(std::move(batch));
}

const char* QueryResult::endpoint() const noexcept { return source_ == nullptr ? "" : source_->endpoint().c_str(); }

const char* QueryResult::connection() const noexcept { return source_ == nullptr ? "" : source_->connection().c_str(); }

void QueryResult::begin_anew() noexcept {
  stream_.close();
  set_ = {};
  later_.clear();
  failure_.reset();
}

void QueryResult::note_server(const Leased& leased) {
  source_ = leased.endpoint().source();
  role_ = leased.endpoint().role();
  lag_ = leased.endpoints()->lag_of(leased.index());
}

void QueryResult::take(driver::Reply reply, const Leased& leased) {
  note_server(leased);
  fill(set_, reply);
}

Result<void> QueryResult::read_whole(driver::Request request, const CallOptions& options, uint64_t result_bytes) {
  Result<void> done = read_sets(std::move(request), options, result_bytes);
  if (!done) stream_.watch().end(&done.error());  // of one that was too large, and so has not ended
  stream_.close();
  return done;
}

Result<void> QueryResult::read_sets(driver::Request request, const CallOptions& options, uint64_t result_bytes) {
  note_server(stream_.leased());
  Set* set = &set_;
  if (Result<void> begun = stream_.begin(std::move(request), options, *set); !begun) return begun;
  uint64_t bytes = set->batches.bytes();
  while (bytes <= result_bytes && !stream_.ended()) {
    Result<BatchHandle> batch = stream_.fetch(options, *set);
    if (!batch) return batch.take_error();
    if (*batch == nullptr) {
      set = &later_.emplace_back();
      if (Result<bool> next = stream_.next_set(options, *set); !next) return next.take_error();
      bytes += set->batches.bytes();
      continue;
    }
    bytes += (*batch)->bytes();
    if ((*batch)->rows() > 0) set->batches.push(batch.take());
  }
  if (bytes <= result_bytes) return {};
  return driver::answer_too_large(result_bytes);
}

Result<void> QueryResult::run_many(const driver::ManyRequest& request, const CallOptions& options) {
  note_server(stream_.leased());
  stream_.note_begin(request.statement);
  auto many = stream_.leased().session().run_many(request);
  Result<void> done = Call(stream_.leased(), options).begin(many);
  Failure failure = done ? nullptr : done.take_error();
  stream_.note_end(failure.get());
  if (failure == nullptr) {
    set_.affected = many->affected;
    if (many->outcomes != nullptr && !request.loads) {
      set_.schema = many->outcomes->shared_schema();
      set_.batches.push(std::move(many->outcomes));
    }
  }
  stream_.close();
  if (failure != nullptr) return failure;
  return {};
}

Result<void> QueryResult::begin(driver::Request request, const CallOptions& options) {
  note_server(stream_.leased());
  ticket_ = options.ticket;
  batch_ = options.batch;
  Result<void> begun = stream_.begin(std::move(request), options, set_);
  if (stream_.ended()) {
    stream_.close();
  } else {
    stream_.note_open();
  }
  return begun;
}

CallOptions QueryResult::of_statement(const CallOptions& options) const {
  CallOptions chosen = options;
  chosen.batch = batch_;
  if (chosen.ticket == nullptr) chosen.ticket = ticket_;
  return chosen;
}

Failure QueryResult::failed(Failure failure) {
  stream_.close();
  failure_ = std::make_unique<Error>(*failure);
  return failure;
}

// Half of what others wait for a session: one who comes when the stream has begun to lie has it in time.
std::optional<Nanos> QueryResult::patience() noexcept {
  if (!streams() || !stream_.own()) return std::nullopt;
  return std::max(patience_of(stream_.own().endpoint().settings().pool) / 2, least_patience);
}

void QueryResult::give_up() noexcept {
  const std::optional<Nanos> had = patience();
  if (!had) return;
  given_up_ = *had;
  stream_.close();
}

Result<void> QueryResult::ended_well() {
  if (failure_ == nullptr && given_up_.count() != 0) {
    failure_ = fail(Status::closed,
                    "the stream was given up: its queue had not been drained for " + config::duration_text(given_up_) +
                        ", and its session went back to the pool",
                    Phase::receive);
    failure_->outcome = Outcome::unknown;
    failure_->endpoint = endpoint();
  }
  if (failure_ == nullptr) return {};
  return std::make_unique<Error>(*failure_);
}

Result<BatchHandle> QueryResult::next(const CallOptions& options) {
  if (!set_.batches.empty()) return set_.batches.pop();
  while (!stream_.ended()) {
    if (stream_.is_parents()) return failed(of_parent("what is left of this stream"));
    Result<BatchHandle> batch = stream_.fetch(of_statement(options), set_);
    if (!batch) return failed(batch.take_error());
    if (stream_.ended()) stream_.close();
    if (*batch == nullptr || (*batch)->rows() > 0) return batch;
  }
  if (Result<void> fine = ended_well(); !fine) return fine.take_error();
  return BatchHandle();
}

Result<bool> QueryResult::next_set(const CallOptions& options) {
  if (Result<void> fine = ended_well(); !fine) return fine.take_error();
  if (stream_.ended()) {
    if (next_ == later_.size()) return false;
    set_ = std::move(later_[next_++]);
    return true;
  }
  if (stream_.is_parents()) return failed(of_parent("what is left of this stream"));
  Set set;
  Result<bool> more = stream_.next_set(of_statement(options), set);
  if (!more) return failed(more.take_error());
  if (stream_.ended()) stream_.close();
  if (*more) set_ = std::move(set);
  return more;
}

QueryResult QueryResult::take_current() noexcept {
  QueryResult taken(std::move(*this));
  source_ = taken.source_;
  role_ = taken.role_;
  lag_ = taken.lag_;
  set_.schema = taken.set_.schema;
  set_.affected = taken.set_.affected;
  set_.last_id = taken.set_.last_id;
  later_ = std::exchange(taken.later_, {});
  next_ = std::exchange(taken.next_, 0);
  return taken;
}

}  // namespace tl::connection
