// PostgresqlSession: running a statement that shares the line with others.
#include <utility>

#include "postgresql_steps.hpp"

namespace tl::postgresql {
namespace {

// What takes no longer may keep back the answers before it: to ask the server for them costs more than the others gain.
constexpr Nanos quick = std::chrono::milliseconds(5);

}  // namespace

// Is held back until the batch before it has been answered and the socket is waited for, so that what comes meanwhile
// is one message each way. Others may be behind it by the time its answer comes, so it prepares nothing and never runs
// anew.
class PostgresqlSession::RideOperation final : public Steps<driver::Run> {
 public:
  RideOperation(PostgresqlSession& session, driver::Request request) : Steps(session), request_(std::move(request)) {}

  [[nodiscard]] bool rides() const noexcept override { return true; }
  [[nodiscard]] bool hides_answers() const noexcept override { return hides_answers_; }
  // Without a sync; `behind_others`: of its batch. False: it is not wanted any more, or cannot be sent.
  bool send(bool behind_others) {
    const bool late = !deadline.is_never() && deadline.passed(steady_clock().now());
    if (late || cancel_requested() || session_.broken_) return false;
    const Prepared* const prepared = session_.prepared_.find(statement_->id, request_.params);
    if (prepared == nullptr) return false;
    if (Result<void> encoded = session_.encode(request_.params, prepared->types); !encoded) {
      wrong_ = encoded.take_error();
      return false;
    }
    hides_answers_ = behind_others && prepared->plan->quick;
    if (behind_others && !hides_answers_ && PQsendFlushRequest(session_.conn_.get()) == 0) return false;
    session_.note_size(session_.unsent_ += session_.params_.bytes());
    plan_ = prepared->plan;
    left_types_ = prepared->left_types();
    was_sent = static_cast<bool>(session_.send_execute(*prepared));
    return was_sent;
  }
  void end_batch() noexcept { has_sync_ = true; }
  [[nodiscard]] RideOperation* behind() const noexcept {
    driver::Operation* const next = next_in_line();
    return next != nullptr && next->rides() ? static_cast<RideOperation*>(next) : nullptr;
  }

 private:
  enum class At : uint8_t { behind, head, rows, finishing };

  Result<void> begin() override {
    statement_ = request_.statement.get();
    if (session_.held_back_ == nullptr) session_.held_back_ = this;
    return {};
  }

  Result<bool> advance() override {
    if (!session_.is_head(*this)) return false;
    if (!was_sent) return go_unsent();
    if (at_ == At::behind) {
      // One before it that broke the session may have left its own answer unread.
      if (session_.broken_) return session_.gone(Phase::receive, Outcome::unknown);
      begin_answer();
    }
    if (dropped() && at_ != At::finishing) finish_without_rows();
    if (at_ == At::head) {
      Result<bool> known = head();
      if (!known || !*known) return known;
    }
    if (at_ == At::rows) {
      Result<bool> read = read_all();
      if (!read || !*read) return read;
    }
    Result<bool> done = finish(reply.then);
    if (!done) again = runs_again_;
    if (!done || *done) note_pace(static_cast<bool>(done));
    return done;
  }

  // As far as is known: a batch may be answered as a whole.
  void note_pace(bool succeeded) noexcept {
    if (runs_again_) return;
    plan_->quick = succeeded && !dropped() && steady_clock().now() - session_.batch_sent_ < quick;
  }

  // It is next; or its batch has been sent without it.
  Result<bool> go_unsent() {
    if (session_.held_back_ == this) {
      has_more_ = !cancel_requested() && !session_.broken_;
      if (has_more_) return false;
      session_.held_back_ = behind();
    }
    if (wrong_ != nullptr) return std::move(wrong_);
    again = true;
    return not_sent();
  }

  void begin_answer() noexcept {
    at_ = At::head;
    has_more_ = false;
    session_.protocol_ = Protocol::extended;
    session_.plan_ = plan_;
    session_.answering_ = true;
    session_.syncs_ = has_sync_ ? 1 : 0;
    session_.ends_without_sync_ = !has_sync_;
  }

  void finish_without_rows() noexcept {
    reply = {};
    at_ = At::finishing;
  }

  Result<bool> head() {
    ResultHandle result;
    switch (session_.next_result(result)) {
      case Came::nothing_yet: return false;
      case Came::end: return session_.gone(Phase::receive, Outcome::unknown);
      case Came::result: break;
    }
    const ExecStatusType status = PQresultStatus(result.get());
    at_ = At::finishing;
    if (status == PGRES_FATAL_ERROR) {
      note(*result);
      judge(*result);
      return true;
    }
    if (status == PGRES_PIPELINE_ABORTED) {
      wrong_ = fail(Status::internal, "a statement before it in its batch failed", Phase::receive);
      runs_again_ = true;
      return true;
    }
    if (status != PGRES_SINGLE_TUPLE && (status != PGRES_TUPLES_OK || PQntuples(result.get()) != 0)) {
      return unexpected(status);
    }
    if (Result<void> begun = session_.begin_set(result.get()); !begun) {
      wrong_ = begun.take_error();
      return true;
    }
    reply.schema = session_.plan_->schema;
    reply.batch = columnar::Batch::make(reply.schema);
    session_.pending_ = std::move(result);
    at_ = At::rows;
    return true;
  }

  Result<bool> read_all() {
    for (;;) {
      columnar::Batch& into = reply.more.empty() ? *reply.batch : *reply.more.back();
      Result<Rows> read = read_rows(into, request_.first, reply.affected);
      if (!read) return read.take_error();
      if (*read == Rows::waiting) return false;
      bytes_ += into.bytes();
      if (wrong_ == nullptr && bytes_ > request_.whole_bytes) wrong_ = driver::answer_too_large(request_.whole_bytes);
      if (wrong_ != nullptr) {
        finish_without_rows();
        return true;
      }
      if (*read == Rows::ended) {
        if (!reply.more.empty() && into.rows() == 0) reply.more.pop_back();
        at_ = At::finishing;
        return true;
      }
      next_batch();
      reply.more.push_back(columnar::Batch::make(reply.schema));
    }
  }

  void judge(const PGresult& error) {
    runs_again_ = is_conflict(&error);  // alone, without the locks and snapshot of others, it may not meet it
    if (!is_stale_plan(&error) && !(left_types_ && may_be_stale_type(&error))) return;
    // What was prepared is out of date, or may be: no later call should use it.
    runs_again_ = true;
    session_.prepared_.drop(statement_->id);
  }

  const driver::Request request_;
  bool has_sync_ = false;  // the last of its batch
  bool hides_answers_ = false;
  std::shared_ptr<Plan> plan_;
  bool left_types_ = false;
  At at_ = At::behind;
  bool runs_again_ = false;
  uint64_t bytes_ = 0;  // of the whole answer
};

void PostgresqlSession::send_held_back() noexcept {
  if (!is_head(*held_back_)) return;  // the socket takes more of the batch before
  RideOperation* last = nullptr;
  try {
    for (RideOperation* ride = std::exchange(held_back_, nullptr); ride != nullptr; ride = ride->behind()) {
      if (ride->send(last != nullptr)) last = ride;
    }
  } catch (const std::bad_alloc&) {
    broken_ = true;
  }
  if (last == nullptr) return;
  last->end_batch();
  batch_sent_ = steady_clock().now();
  (void)PQsetSingleRowMode(conn_.get());
  if (PQpipelineSync(conn_.get()) != 1) broken_ = true;
}

bool PostgresqlSession::rides(const driver::Request& request) const noexcept {
  if (!only_rides() || broken_ || changed_ || (depth() == 0 && state() != driver::State::idle)) return false;
  if (PQstatus(conn_.get()) != CONNECTION_OK || PQpipelineStatus(conn_.get()) == PQ_PIPELINE_OFF) return false;
  const sql::Statement& statement = *request.statement;
  if (!statement.plain || statement.kind != sql::Kind::read || statement.statements != 1) return false;
  if (request.first.rows == 0 || request.params.count != statement.parameters) return false;
  const Prepared* prepared = prepared_.known(statement.id, request.params);
  return prepared != nullptr && prepared->plan->schema != nullptr && prepared->still_means(request.params);
}

std::unique_ptr<driver::Run> PostgresqlSession::ride(driver::Request request) {
  return std::make_unique<RideOperation>(*this, std::move(request));
}

}  // namespace tl::postgresql
