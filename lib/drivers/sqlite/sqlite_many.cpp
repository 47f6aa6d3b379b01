// SqliteSession: one statement for many rows of values.
#include "sqlite_session.hpp"

namespace tl::sqlite {

using driver::Ready;
using driver::State;
using driver::Step;

class SqliteSession::ManyOperation final : public driver::Many {
 public:
  ManyOperation(SqliteSession& session, driver::ManyRequest request)
      : session_(session), request_(std::move(request)) {}

  Step resume(Ready got) noexcept override {
    if (!has(got, Ready::worker)) return session_.begin();
    try {
      const Running running(session_, *this, session_.address_.statement_timeout);
      Result<void> done = run();
      return done ? Step::done() : failed(done.take_error());
    } catch (const std::bad_alloc&) {
      return failed(session_.out_of_memory(Phase::send));
    }
  }

 private:
  Result<void> run() {
    if (session_.state() == State::answering) return driver::answer_is_pending();
    if (Result<void> active = session_.activate(request_.statement); !active) return active;
    for (size_t i = 0; i < request_.rows; ++i) {
      if (Result<void> done = run_row(i); !done) return session_.give_up(driver::in_row(done.take_error(), i));
    }
    session_.drop_answer();
    return {};
  }

  Result<void> run_row(size_t row) {
    const Prepared& prepared = *session_.active_;
    sqlite3_stmt* const statement = prepared.statement.get();
    if (Result<void> bound = session_.bind(statement, request_.row(row)); !bound) return bound;
    int64_t given = 0;
    int code = sqlite3_step(statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) ++given;
    if (code != SQLITE_DONE) return session_.failed(code, Phase::receive);
    if (prepared.counts_rows) {
      tell(sqlite3_changes64(session_.db_.get()));
    } else {
      tell(sqlite3_column_count(statement) > 0 ? given : -1);
    }
    sqlite3_reset(statement);
    return {};
  }

  SqliteSession& session_;
  const driver::ManyRequest request_;
};

std::unique_ptr<driver::Many> SqliteSession::run_many(driver::ManyRequest request) {
  return std::make_unique<ManyOperation>(*this, std::move(request));
}

}  // namespace tl::sqlite
