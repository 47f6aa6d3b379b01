// PostgresqlSession: running a statement that shares the line with others.
#include "postgresql_steps.hpp"

namespace tl::postgresql {

// Sends all that it has to send with its first step, wherever it stands. Others may be behind it by the time its answer
// comes, so it prepares nothing and never runs anew.
class PostgresqlSession::RideOperation final : public Steps<driver::Run> {
 public:
  RideOperation(PostgresqlSession& session, driver::Request request) : Steps(session), request_(std::move(request)) {}

  [[nodiscard]] bool rides() const noexcept override { return true; }

 private:
  enum class At : uint8_t { behind, head, rows, finishing };

  Result<void> begin() override {
    statement_ = request_.statement.get();
    const Prepared* prepared = session_.prepared_.find(statement_->id, request_.params);
    if (prepared == nullptr) {
      again = true;
      return fail(Status::misuse, "the statement is not prepared", Phase::send);
    }
    plan_ = prepared->plan;
    left_types_ = prepared->left_types();
    return session_.send_ride(*prepared, request_.params);
  }

  Result<bool> advance() override {
    if (!session_.is_head(*this)) return false;
    if (at_ == At::behind) {
      // One before it that broke the session may have left its own answer unread.
      if (session_.broken_) return session_.gone(Phase::receive, Outcome::unknown);
      session_.begin_ride(plan_);
      at_ = At::head;
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
    if (!done) again = stale_;
    return done;
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

  // What was prepared is out of date, or may be: no later call should use it.
  void judge(const PGresult& error) {
    stale_ = is_stale_plan(&error) || (left_types_ && may_be_stale_type(&error));
    if (stale_) session_.prepared_.drop(statement_->id);
  }

  const driver::Request request_;
  std::shared_ptr<const Plan> plan_;
  bool left_types_ = false;
  At at_ = At::behind;
  bool stale_ = false;
  uint64_t bytes_ = 0;  // of the whole answer
};

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
