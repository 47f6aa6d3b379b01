// What MariadbSession's operations have in common.
#pragma once
#include <algorithm>

#include "mariadb_session.hpp"

namespace tl::mariadb {

// What all of them do: begin when the line has come to them, then go on with whatever has arrived.
template <class Verb>
class MariadbSession::Steps : public Verb {
 public:
  explicit Steps(MariadbSession& session) : session_(session) {}

  driver::Step resume(driver::Ready got) noexcept final {
    const WithoutSigpipe quiet(session_.encrypted_);
    try {
      session_.ready_ = (driver::has(got, driver::Ready::readable) ? ~MYSQL_WAIT_WRITE : 0) |
                        (driver::has(got, driver::Ready::writable) ? MYSQL_WAIT_WRITE : 0);
      if (!begun_) {
        if (!session_.is_head(*this))
          return driver::Step::waits({driver::On::turn, -1, driver::Ready::start, Deadline::never()});
        begun_ = true;
        if (session_.broken_) return this->failed(fail(Status::unavailable, "the session has ended", Phase::send));
        if (Result<void> done = begin(); !done) return this->failed(done.take_error());
      }
      Result<bool> done = advance();
      if (!done) return this->failed(done.take_error());
      return *done ? driver::Step::done() : driver::Step::waits(session_.socket_wait());
    } catch (const std::bad_alloc&) {
      session_.broken_ = true;
      Failure failure = fail(Status::no_memory, "out of memory", Phase::receive);
      failure->outcome = Outcome::unknown;  // the statement may have been sent
      return this->failed(std::move(failure));
    }
  }

 protected:
  virtual Result<void> begin() = 0;
  // True: done. False: it waits for the server.
  virtual Result<bool> advance() = 0;

  enum class Rows : uint8_t { waiting, more, ended };

  // Reads rows into the batch until it is full or they have ended; what ended them is noted. A value that cannot be
  // read ends them too: finish() skips the rest, so that the session stays of use.
  Rows read_rows(columnar::Batch& into, driver::FetchLimits limits, int64_t& told) {
    const uint64_t most = std::min(limits.bytes, most_batch_bytes);
    while (into.rows() < limits.rows && bytes_ < most) {
      if (!session_.next_row(&into, bytes_)) return Rows::waiting;
      switch (session_.row_came_) {
        case RowCame::row: break;
        case RowCame::end: told = session_.rows_; return Rows::ended;
        case RowCame::error: note_error(); return Rows::ended;
        case RowCame::unreadable: wrong_ = session_.wrong_value(into); return Rows::ended;
      }
    }
    return Rows::more;
  }

  // After the last row of a set, or the head of one without: to the next set, or to the end of the answer.
  Result<bool> finish(driver::Then& next) {
    if (wrong_ == nullptr) wrong_ = session_.doubts();
    if (wrong_ == nullptr && has_more()) {
      if (!tells_only_status()) return further(next);
      if (!session_.head_came_ && !next_head()) return false;
      if (wrong_ == nullptr) wrong_ = session_.doubts();
      if (wrong_ == nullptr && (session_.plan_ != nullptr || has_more())) return further(next);
    }
    if (session_.source_ != Source::none && !drain()) return false;
    if (wrong_ == nullptr) {
      if (!learn_place()) return false;
      next = driver::Then::end;
      return true;
    }
    if (!learn_status()) return false;
    return std::move(wrong_);
  }

  // The answer is read to its end, and dropped. False: it waits.
  bool drain() {
    if (!skip_rest()) return false;
    session_.end_answer();
    return true;
  }

  // What is left of it is read and dropped. False: it waits.
  bool skip_rest() {
    uint64_t dropped = 0;
    for (;;) {
      while (session_.in_rows_) {
        if (!session_.next_row(nullptr, dropped)) return false;
        if (session_.row_came_ == RowCame::row) ++session_.rows_;
        if (session_.row_came_ == RowCame::error) note_error();
      }
      if (!has_more()) return true;
      if (!next_head()) return false;
    }
  }

  // To the head of the answer's next set. False: it waits.
  bool next_head() {
    if (session_.source_ == Source::prepared) {
      MYSQL_STMT* const statement = session_.using_->handle.get();
      if (!session_.template call<mysql_stmt_next_result_start, mysql_stmt_next_result_cont>(session_.failed_,
                                                                                             statement))
        return false;
    } else {
      session_.result_.reset();
      MYSQL* const conn = session_.conn_.get();
      if (!session_.template call<mysql_next_result_start, mysql_next_result_cont>(session_.failed_, conn))
        return false;
    }
    session_.head_came_ = true;
    if (session_.failed_ != 0) {
      note_error();
    } else {
      session_.begin_set();
    }
    return true;
  }

  // The server has reported an error, which ends the answer. It is told once the session is ready for other statements.
  void note_error() {
    failed_ = true;
    Failure failure = session_.error_here(Phase::receive);
    // Its transaction may be over, or lacks a part; but the server would begin another with the next statement.
    const bool stopped = failure->status == Status::cancelled || failure->status == Status::statement_timeout ||
                         failure->status == Status::deadlock || failure->outcome == Outcome::rolled_back;
    if (stopped) session_.stopped_ = true;
    if (wrong_ == nullptr) wrong_ = std::move(failure);
  }

  // Prepares the statement that is used. False: it waits.
  bool send_prepare(const std::string& text) {
    return session_.template call<mysql_stmt_prepare_start, mysql_stmt_prepare_cont>(
        session_.failed_, session_.using_->handle.get(), text.data(), text.size());
  }

  [[nodiscard]] bool has_more() const noexcept {
    return !failed_ && !session_.broken_ && session_.source_ != Source::none &&
           mysql_more_results(session_.conn_.get()) != 0;
  }

  // After a SET of sql_mode the server may read a text otherwise than the lexer; Connector/C would take values that
  // there are not. Null: it takes as many as are given.
  [[nodiscard]] static Failure wrong_count(MYSQL_STMT* statement, size_t given) {
    const size_t wanted = mysql_stmt_param_count(statement);
    if (wanted == given) return nullptr;
    return fail(Status::misuse,
                "the server finds " + std::to_string(wanted) + " parameters in the statement, and " +
                    std::to_string(given) + " values were given: sql_mode says otherwise how literals are read",
                Phase::send);
  }

  MariadbSession& session_;
  Failure wrong_;
  bool failed_ = false;  // the server has ended the answer by an error

 private:
  static constexpr uint64_t most_batch_bytes = uint64_t{1} << 30;  // and one value of at most as much stays below 2^31

  bool further(driver::Then& next) noexcept {
    next = driver::Then::set;
    return true;
  }

  // What is no result of a statement: the last thing that a procedure answers, its own status; and, where a transaction
  // begins by two statements, the first one's.
  [[nodiscard]] bool tells_only_status() const {
    if (session_.statement_ == nullptr) return false;
    return session_.statement_->verb == "CALL" || begins_isolated(session_.statement_->text);
  }

  // The server does not say with an error whether it has ended the transaction. By a statement: of a ping's answer
  // Connector/C does not read that either.
  bool learn_status() {
    constexpr std::string_view nothing = "DO 0";
    MYSQL* const conn = session_.conn_.get();
    const bool in_transaction = (conn->server_status & SERVER_STATUS_IN_TRANS) != 0;
    if (session_.broken_ || session_.stopped_ || !in_transaction) return true;
    if (!session_.template call<mysql_real_query_start, mysql_real_query_cont>(session_.failed_, conn, nothing.data(),
                                                                               nothing.size()))
      return false;
    if (session_.failed_ != 0) session_.broken_ = true;
    return true;
  }

  // What fails here is the question alone, not the statement. False: it waits.
  bool learn_place() {
    constexpr std::string_view question = "SELECT @@last_gtid";
    MYSQL* const conn = session_.conn_.get();
    if (session_.place_ == Place::asked_for) {
      const bool open = (conn->server_status & SERVER_STATUS_IN_TRANS) != 0;
      if (!open && !session_.template call<mysql_real_query_start, mysql_real_query_cont>(
                       session_.failed_, conn, question.data(), question.size()))
        return false;
      session_.place_ = open || session_.failed_ != 0 ? Place::unwanted : Place::coming;
      if (!open && session_.failed_ != 0) place_unknown();
    }
    if (session_.place_ != Place::coming) return true;
    if (!session_.template call<mysql_store_result_start, mysql_store_result_cont>(session_.place_came_, conn))
      return false;
    session_.place_ = Place::unwanted;
    const ResultHandle came(std::exchange(session_.place_came_, nullptr));
    MYSQL_ROW const row = came == nullptr ? nullptr : mysql_fetch_row(came.get());
    if (row == nullptr) {
      place_unknown();
    } else if (row[0] != nullptr) {
      session_.note_written(row[0]);
    }
    return true;
  }

  void place_unknown() {
    session_.written_ = {};
    if (ends_session(mysql_errno(session_.conn_.get()))) session_.broken_ = true;
  }

  bool begun_ = false;
  uint64_t bytes_ = 0;  // read_rows: in the batch
};

}  // namespace tl::mariadb
