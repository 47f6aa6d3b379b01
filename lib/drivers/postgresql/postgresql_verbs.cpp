// PostgresqlSession: fetching, pinging, resetting.
#include "postgresql_steps.hpp"

namespace tl::postgresql {

using driver::Then;

class PostgresqlSession::FetchOperation final : public Steps<driver::Fetch> {
 public:
  FetchOperation(PostgresqlSession& session, driver::FetchLimits limits) : Steps(session), limits_(limits) {}

 private:
  Result<void> begin() override {
    if (!session_.answering_ || session_.plan_ == nullptr || session_.plan_->schema == nullptr) {
      return fail(Status::misuse, "there is no answer to read", Phase::receive);
    }
    batch = columnar::Batch::make(session_.plan_->schema);
    return {};
  }

  Result<bool> advance() override {
    if (!finishing_) {
      Result<Rows> read = read_rows(*batch, limits_, affected);
      if (!read) return read.take_error();
      if (*read == Rows::waiting) return false;
      then = Then::rows;
      if (*read == Rows::more) return true;
      finishing_ = true;
    }
    return finish(then);
  }

  const driver::FetchLimits limits_;
  bool finishing_ = false;
};

// A round trip without a statement.
class PostgresqlSession::PingOperation final : public Steps<driver::Operation> {
 public:
  using Steps::Steps;

 private:
  Result<void> begin() override {
    if (session_.answering_) return fail(Status::misuse, "an answer is still being read", Phase::send);
    return session_.send_ping();
  }
  Result<bool> advance() override { return finish(then_); }

  Then then_ = Then::end;
};

// Reads what is left of an answer, ends the transaction, and takes back whatever a session can keep from its caller.
class PostgresqlSession::ResetOperation final : public Steps<driver::Operation> {
 public:
  using Steps::Steps;

 private:
  Result<void> begin() override {
    if (session_.swollen_) return close("the session's buffers have grown too large to keep");
    // Redshift has nothing that does so. Behind a proxy what there is may be on a server that others have by now, and
    // where it keeps a server for each client it cleans that itself.
    if (session_.changed_ && session_.footing_.peer != Peer::postgresql) {
      return close("nothing there takes back what a session was left with");
    }
    return {};
  }

  Result<void> close(const char* why) {
    session_.broken_ = true;
    return fail(Status::resource, why, Phase::reset);
  }

  Result<bool> advance() override {
    ResultHandle result;
    for (;;) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::result:
          if (restoring_ && PQresultStatus(result.get()) == PGRES_FATAL_ERROR) note(*result);
          if (is_copy(PQresultStatus(result.get()))) return unexpected(PQresultStatus(result.get()));
          break;
        case Came::end: {
          if (wrong_ != nullptr) return std::move(wrong_);
          if (session_.broken_) return session_.gone(Phase::reset, Outcome::unknown);
          if (restoring_) return restored();
          const std::string text = restoring_text();
          if (text.empty()) return true;
          restoring_ = true;
          if (Result<void> sent = session_.send_simple(text.c_str(), nullptr); !sent) return sent.take_error();
        }
      }
    }
  }

  // What DISCARD ALL does, but for the statements that the session has prepared.
  std::string restoring_text() const {
    std::string text;
    if (session_.state() != driver::State::idle) text += "ROLLBACK;";
    if (!session_.changed_) return text;
    text +=
        "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; "
        "SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES;";
    if (session_.has_prepared_by_text_) text += "DEALLOCATE ALL;";
    return text;
  }

  bool restored() {
    if (session_.has_prepared_by_text_) session_.prepared_.clear();
    session_.has_prepared_by_text_ = false;
    session_.changed_ = false;
    return true;
  }

  bool restoring_ = false;
};

std::unique_ptr<driver::Fetch> PostgresqlSession::fetch(driver::FetchLimits limits) {
  return std::make_unique<FetchOperation>(*this, limits);
}
std::unique_ptr<driver::Operation> PostgresqlSession::ping() { return std::make_unique<PingOperation>(*this); }
std::unique_ptr<driver::Operation> PostgresqlSession::reset() { return std::make_unique<ResetOperation>(*this); }

}  // namespace tl::postgresql
