// SqliteSession: one statement for many rows of values.
#include "sqlite_steps.hpp"

namespace tl::sqlite {

using driver::State;

class SqliteSession::ManyOperation final : public StatementOperation<driver::Many> {
 public:
  ManyOperation(SqliteSession& session, driver::ManyRequest request)
      : StatementOperation(session), request_(std::move(request)) {}

 private:
  Result<void> attempt() override {
    if (!again()) {
      if (session_.state() == State::answering) return driver::answer_is_pending();
      if (Result<void> active = session_.activate(request_.statement); !active) return active;
    }
    for (; row_ < request_.rows; ++row_) {
      Result<void> done = run_row(row_);
      if (done) continue;
      if (session_.met_lock(done.error())) return done;
      return placed(session_.give_up(done.take_error()));
    }
    session_.drop_answer();
    return {};
  }
  Failure placed(Failure failure) override { return driver::in_row(std::move(failure), row_); }

  Result<void> run_row(size_t row) {
    const Prepared& prepared = *session_.active_;
    sqlite3_stmt* const statement = prepared.statement.get();
    if (Result<void> bound = session_.bind(statement, request_.row(row)); !bound) return bound;
    int64_t given = 0;
    int code = sqlite3_step(statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) ++given;
    if (code != SQLITE_DONE) {
      Failure failure = session_.failed(code, Phase::receive);
      sqlite3_reset(statement);
      return failure;
    }
    if (prepared.counts_rows) {
      tell(sqlite3_changes64(session_.db_.get()));
    } else {
      tell(sqlite3_column_count(statement) > 0 ? given : -1);
    }
    sqlite3_reset(statement);
    return {};
  }

  const driver::ManyRequest request_;
  size_t row_ = 0;
};

std::unique_ptr<driver::Many> SqliteSession::run_many(driver::ManyRequest request) {
  return std::make_unique<ManyOperation>(*this, std::move(request));
}

}  // namespace tl::sqlite
