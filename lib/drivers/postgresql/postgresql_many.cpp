// PostgresqlSession: one statement for many rows of values.
#include <deque>

#include "postgresql_steps.hpp"

namespace tl::postgresql {

using driver::Then;

namespace {

// With more than that unsent, libpq tries to send after every message, of which a row has three.
constexpr uint64_t bytes_between_flushes = 8192;
constexpr uint64_t bytes_of_row = 40;   // of the messages that carry a row, beside its values
constexpr uint64_t bytes_of_value = 6;  // and beside each of them

// What sql::loading_text() says, for servers that take no COPY, as an INSERT of one row.
std::shared_ptr<const sql::Statement> as_insert(const sql::Statement& copy, size_t width) {
  constexpr std::string_view before = "COPY ";
  constexpr std::string_view behind = " FROM STDIN";
  auto insert = std::make_shared<sql::Statement>(copy);
  insert->verb = "INSERT";
  insert->native.replace(0, before.size(), "INSERT INTO ");
  insert->native.resize(insert->native.size() - behind.size());
  for (size_t i = 1; i <= width; ++i) insert->native += (i == 1 ? " VALUES ($" : ", $") + std::to_string(i);
  insert->native += ')';
  return insert;
}

}  // namespace

// A pipeline with one sync at its end: one round trip, and outside a transaction the rows are one of their own. The
// statement is prepared in there too, so that its tables cannot change under it, and anew where the types of the values
// change.
class PostgresqlSession::ManyOperation final : public Steps<driver::Many> {
 public:
  ManyOperation(PostgresqlSession& session, driver::ManyRequest request)
      : Steps(session), request_(std::move(request)) {}

 private:
  enum class At : uint8_t { sending, reading, finishing };

  Result<void> begin() override {
    if (session_.answering_) return driver::answer_is_pending();
    statement_ = request_.statement.get();
    types_.resize(request_.width);
    session_.note_changes(*statement_);
    expects_position_ = session_.expects_position(*statement_, request_.wants_position);
    return session_.lead(*statement_, false);
  }

  Result<bool> advance() override {
    if (cancel_requested() && at_ < At::reading && wrong_ == nullptr) {
      wrong_ = fail(Status::cancelled, "the call was cancelled before all rows were sent", Phase::send);
      wrong_->outcome = sent_ == 0 ? Outcome::not_sent : Outcome::rolled_back;
    }
    for (;;) {
      switch (at_) {
        case At::sending: {
          Result<bool> sent = send();
          if (!sent || !*sent) return sent;
          break;
        }
        case At::reading: {
          Result<bool> read = read_answers();
          if (!read || !*read) return read;
          at_ = At::finishing;
          break;
        }
        case At::finishing: return end();
      }
    }
  }

  // Whether the row's values are of the types that the statement was prepared for; else these become its types. A null
  // is of any type, and changes none.
  bool keeps_types(const columnar::Params& row) {
    bool same = sent_ != 0;
    for (size_t i = 0; i < row.count; ++i) {
      if (fits(row, row.values[i], types_[i])) continue;
      types_[i] = natural_type(row, row.values[i]);
      same = false;
    }
    return same;
  }

  // Rows, as many as the socket takes, and what has come of them. True: there is nothing more to send.
  Result<bool> send() {
    has_more_ = true;
    while (wrong_ == nullptr && sent_ < request_.rows) {
      if (PQflush(session_.conn_.get()) == 1) {
        Result<bool> read = read_answers();
        if (!read) return read;
        if (wrong_ == nullptr) return false;
      } else if (Result<void> sent = send_some(); !sent) {
        return sent.take_error();
      }
    }
    has_more_ = false;
    at_ = At::reading;
    const bool undo = wrong_ != nullptr && sent_ != 0;
    const Result<void> ended = undo ? session_.abort_many() : session_.send_ping();
    if (!ended) return lost();
    if (request_.wants_position && !undo && !session_.ask_position(expects_position_)) return lost();
    return true;
  }

  Result<void> send_some() {
    for (uint64_t bytes = 0; sent_ < request_.rows && bytes < bytes_between_flushes;) {
      const columnar::Params row = request_.row(sent_);
      if (!keeps_types(row)) {
        if (!session_.send_many_prepare(*statement_, types_)) return lost();
        prepared_before_.push_back(sent_);
      }
      if (Result<void> sent = session_.send_many_row(row, types_); !sent) {
        if (session_.broken_) return lost();
        wrong_ = driver::in_row(sent.take_error(), sent_);
        if (sent_ != 0) wrong_->outcome = Outcome::rolled_back;
        return {};
      }
      bytes += session_.params_.bytes() + bytes_of_row + request_.width * bytes_of_value;
      ++sent_;
    }
    return {};
  }

  // What has come of the rows that were sent. False: more of it is to come.
  Result<bool> read_answers() {
    ResultHandle result;
    while (told_ < sent_) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::end: return lost();
        case Came::result: break;
      }
      const ExecStatusType status = PQresultStatus(result.get());
      const bool of_prepare = !prepared_before_.empty() && prepared_before_.front() == told_;
      if (status == PGRES_FATAL_ERROR && wrong_ == nullptr) {
        note(*result);
        wrong_ = driver::in_row(std::move(wrong_), told_);
      }
      if (of_prepare) {
        prepared_before_.pop_front();
        continue;
      }
      if (is_copy(status)) return unexpected(status);
      if (wrong_ == nullptr) tell(affected_of(result.get()));
      ++told_;
    }
    return true;
  }

  // A deferred constraint speaks here.
  Result<bool> end() {
    Then then = Then::end;
    Result<bool> done = finish(then);
    if (done) return done;
    Failure failure = done.take_error();
    if (failure->outcome == Outcome::refused && sent_ > 1) failure->outcome = Outcome::rolled_back;
    return failure;
  }

  // Without its sync nothing has been committed.
  Failure lost() { return session_.gone(Phase::receive, at_ < At::reading ? Outcome::rolled_back : Outcome::unknown); }

  const driver::ManyRequest request_;
  bool expects_position_ = false;
  At at_ = At::sending;
  std::vector<Oid> types_;              // that the statement was prepared for last
  size_t sent_ = 0;                     // rows
  size_t told_ = 0;                     // of them, how many have been answered
  std::deque<size_t> prepared_before_;  // rows before which it was prepared, and that has not been answered
};

std::unique_ptr<driver::Many> PostgresqlSession::run_many(driver::ManyRequest request) {
  if (request.loads && footing_.peer == Peer::postgresql) return copy(std::move(request));
  // A proxy loses count where COPY fails before all its rows are sent: the answer has come, and rows still come.
  if (request.loads) request.statement = as_insert(*request.statement, request.width);
  return std::make_unique<ManyOperation>(*this, std::move(request));
}

}  // namespace tl::postgresql
