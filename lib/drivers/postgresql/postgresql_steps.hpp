// What PostgresqlSession's operations have in common.
#pragma once
#include <cstdlib>

#include "postgresql_session.hpp"

namespace tl::postgresql {

inline int64_t affected_of(const PGresult* result) noexcept {
  const char* text = PQcmdTuples(const_cast<PGresult*>(result));  // NOLINT: libpq only reads it
  return *text == '\0' ? -1 : std::strtoll(text, nullptr, 10);
}

// What all of them do: begin when the line has come to them, then go on with whatever has arrived.
template <class Verb>
class PostgresqlSession::Steps : public Verb {
 public:
  explicit Steps(PostgresqlSession& session) : session_(session) {}

  driver::Step resume(driver::Ready got) noexcept final {
    try {
      if (!begun_) {
        if (!session_.is_head(*this) && !this->rides())
          return driver::Step::waits({driver::On::turn, -1, driver::Ready::start, Deadline::never()});
        // What it would send may be gone with its caller.
        if (has(got, driver::Ready::turn) && this->cancel_requested()) return this->failed(not_sent());
        begun_ = true;
        if (Result<void> done = begin(); !done) return this->failed(done.take_error());
      }
      Result<bool> done = advance();
      if (!done) return this->failed(done.take_error());
      if (*done) return driver::Step::done();
      if (!pause_.is_never()) return driver::Step::waits({driver::On::timer, -1, driver::Ready::start, pause_});
      return driver::Step::waits(session_.socket_wait(has_more_));
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

  // After the last row of a set: to the end of the answer, or to the next set.
  Result<bool> finish(driver::Then& next) {
    ResultHandle result;
    for (;;) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::result:
          // What a deferred constraint has to say comes when the statement's own transaction ends.
          if (session_.protocol_ == Protocol::extended || wrong_ != nullptr) {
            if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) note_late(*result);
            if (is_copy(PQresultStatus(result.get()))) return unexpected(PQresultStatus(result.get()));
            break;
          }
          session_.pending_ = std::move(result);
          next = driver::Then::set;
          return true;
        case Came::end:
          if (Result<void> same = session_.same_encoding(); !same && wrong_ == nullptr) wrong_ = same.take_error();
          if (wrong_ != nullptr) return std::move(wrong_);
          // What is lost while the place is read that it has written to is not the statement.
          if (session_.broken_ && session_.position_ != Asked::reading) {
            return session_.gone(Phase::receive, Outcome::unknown);
          }
          next = driver::Then::end;
          return true;
      }
    }
  }

  // Remembers an error; it is told once the session is ready for other statements.
  void note(const PGresult& result) {
    if (wrong_ == nullptr) wrong_ = session_.error_of(&result, Phase::receive, statement_);
  }

  // The same behind the statement's own answer: it may be committed, as COMMIT is by then, and the session ended before
  // it was told to be ready.
  void note_late(const PGresult& result) {
    const bool is_first = wrong_ == nullptr;
    note(result);
    if (is_first && session_.broken_) wrong_->outcome = Outcome::unknown;
  }

  enum class Rows : uint8_t { waiting, more, ended };

  // Reads rows into the batch until it is full or they have ended; what ended them is noted. A value that cannot be
  // read ends them too: finish() drops the rest, so that the session stays of use.
  Result<Rows> read_rows(columnar::Batch& into, driver::FetchLimits limits, int64_t& told) {
    const uint64_t most = std::min(limits.bytes, most_batch_bytes);
    ResultHandle result;
    while (into.rows() < limits.rows && bytes_ < most) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return Rows::waiting;
        case Came::end: return session_.gone(Phase::receive, Outcome::unknown);
        case Came::result: break;
      }
      switch (const ExecStatusType status = PQresultStatus(result.get())) {
        case PGRES_SINGLE_TUPLE:
          if (Result<void> read = session_.read_row(into, result.get(), bytes_); !read) {
            wrong_ = read.take_error();
            return Rows::ended;
          }
          break;
        case PGRES_TUPLES_OK:
          told = affected_of(result.get());
          if (told < 0) told = session_.rows_;  // SHOW, EXPLAIN
          return Rows::ended;
        case PGRES_FATAL_ERROR: note(*result); return Rows::ended;
        default: return unexpected(status);
      }
    }
    return Rows::more;
  }

  // A batch is full: the next rows go into another.
  void next_batch() noexcept { bytes_ = 0; }

  static Failure not_sent() {
    return fail(Status::cancelled, "the call was cancelled before the statement was sent", Phase::send);
  }

  Failure unexpected(ExecStatusType status) {
    session_.broken_ = true;
    Failure failure =
        is_copy(status) ? fail(Status::unsupported, "COPY to or from the client is not supported", Phase::receive)
                        : fail(Status::internal, std::string("libpq answered ") + PQresStatus(status), Phase::receive);
    failure->outcome = Outcome::unknown;
    return failure;
  }

  PostgresqlSession& session_;
  const sql::Statement* statement_ = nullptr;  // that runs, where the operation has sent it
  Failure wrong_;
  Deadline pause_;         // until when it waits for nothing else; never: it waits for the server
  bool has_more_ = false;  // it waits to send more: the server may have nothing to say before

 private:
  static constexpr uint64_t most_batch_bytes = uint64_t{1} << 30;  // and one value of at most as much stays below 2^31

  bool begun_ = false;
  uint64_t bytes_ = 0;  // read_rows: in the batch
};

}  // namespace tl::postgresql
