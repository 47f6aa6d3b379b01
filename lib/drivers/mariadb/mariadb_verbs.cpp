// MariadbSession: fetching, pinging, resetting.
#include "mariadb_steps.hpp"

namespace tl::mariadb {

class MariadbSession::FetchOperation final : public Steps<driver::Fetch> {
 public:
  FetchOperation(MariadbSession& session, driver::FetchLimits limits) : Steps(session), limits_(limits) {}

 private:
  Result<void> begin() override {
    if (session_.source_ == Source::none || session_.plan_ == nullptr) {
      return fail(Status::misuse, "there is no answer to read", Phase::receive);
    }
    batch = columnar::Batch::make(session_.plan_->schema);
    return {};
  }

  Result<bool> advance() override {
    if (!finishing_) {
      const Rows read = read_rows(*batch, limits_, affected);
      if (read == Rows::waiting) return false;
      then = driver::Then::rows;
      if (read == Rows::more) return true;
      finishing_ = true;
    }
    return finish(then);
  }

  const driver::FetchLimits limits_;
  bool finishing_ = false;
};

class MariadbSession::PingOperation final : public Steps<driver::Operation> {
 public:
  using Steps::Steps;

 private:
  Result<void> begin() override {
    if (session_.source_ == Source::none) return {};
    return fail(Status::misuse, "an answer is still being read", Phase::send);
  }
  Result<bool> advance() override {
    if (!session_.call<mysql_ping_start, mysql_ping_cont>(session_.failed_, session_.conn_.get())) return false;
    if (session_.failed_ != 0) return session_.error_here(Phase::receive);
    session_.note_status();
    return true;
  }
};

// Reads what is left of an answer, ends the transaction, and takes back whatever a session can keep from its caller.
// The server forgets the prepared statements, and neither the database, nor the role, nor, MySQL, the character set
// comes back by itself.
class MariadbSession::ResetOperation final : public Steps<driver::Operation> {
 public:
  using Steps::Steps;

 private:
  enum class At : uint8_t { draining, rolling_back, forgetting, restoring, told };

  Result<void> begin() override {
    if (session_.swollen_)
      return unusable(fail(Status::resource, "the session's buffers have grown too large to keep"));
    // Nothing takes a database back that was not there in the beginning.
    if (session_.changed_ && session_.restoring_.empty()) {
      return unusable(fail(Status::unsupported, "the session was changed, and has no database to come back to"));
    }
    return {};
  }

  Result<bool> advance() override {
    for (;;) {
      switch (at_) {
        case At::draining:
          if (session_.source_ != Source::none && !drain()) return false;
          if (session_.broken_) return std::move(wrong_);
          wrong_ = {};
          failed_ = false;
          if (!session_.changed_ && session_.state() == driver::State::idle) return true;
          at_ = session_.changed_ ? At::forgetting : At::rolling_back;
          break;
        case At::rolling_back:
          if (!query("ROLLBACK")) return false;
          if (session_.failed_ != 0) return unusable(session_.error_here(Phase::reset));
          session_.note_status();
          return true;
        case At::forgetting:
          if (!session_.call<mysql_reset_connection_start, mysql_reset_connection_cont>(session_.failed_,
                                                                                        session_.conn_.get()))
            return false;
          if (session_.failed_ != 0) return unusable(session_.error_here(Phase::reset));
          session_.prepared_.clear();
          at_ = At::restoring;
          break;
        case At::restoring:
          if (!query(session_.restoring_)) return false;
          if (session_.failed_ != 0) return unusable(session_.error_here(Phase::reset));
          session_.source_ = Source::text;
          session_.begin_set();
          at_ = At::told;
          break;
        case At::told:
          if (!drain()) return false;
          if (wrong_ != nullptr) return unusable(std::move(wrong_));
          session_.changed_ = session_.database_moved_ = false;
          session_.utc_ = session_.opened_in_utc_;
          return true;
      }
    }
  }

  Failure unusable(Failure why) {
    session_.broken_ = true;
    why->phase = Phase::reset;
    return why;
  }

  bool query(std::string_view text) {
    return session_.call<mysql_real_query_start, mysql_real_query_cont>(session_.failed_, session_.conn_.get(),
                                                                        text.data(), text.size());
  }

  At at_ = At::draining;
};

std::unique_ptr<driver::Fetch> MariadbSession::fetch(driver::FetchLimits limits) {
  return std::make_unique<FetchOperation>(*this, limits);
}
std::unique_ptr<driver::Operation> MariadbSession::ping() { return std::make_unique<PingOperation>(*this); }
std::unique_ptr<driver::Operation> MariadbSession::reset() { return std::make_unique<ResetOperation>(*this); }

}  // namespace tl::mariadb
