// PostgresqlSession's operations.
#include <cstdlib>

#include "postgresql_session.hpp"

namespace tl::postgresql {

using driver::Ready;
using driver::Step;
using driver::Then;

namespace {

int64_t affected_of(const PGresult* result) noexcept {
  const char* text = PQcmdTuples(const_cast<PGresult*>(result));  // NOLINT: libpq only reads it
  return *text == '\0' ? -1 : std::strtoll(text, nullptr, 10);
}

// SELECT without a column gives rows all the same.
bool is_row_of_nothing(const PGresult& result) noexcept {
  return PQresultStatus(&result) == PGRES_SINGLE_TUPLE && PQnfields(&result) == 0;
}

bool is_copy(ExecStatusType status) noexcept {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

}  // namespace

// What all of them do: begin when the line has come to them, then go on with whatever has arrived.
template <class Verb>
class PostgresqlSession::Steps : public Verb {
 public:
  explicit Steps(PostgresqlSession& session) : session_(session) {}

  Step resume(Ready) noexcept final {
    try {
      if (!begun_) {
        if (!session_.is_head(*this)) return Step::waits({driver::On::turn, -1, Ready::start, Deadline::never()});
        begun_ = true;
        if (Result<void> done = begin(); !done) return this->failed(done.take_error());
      }
      Result<bool> done = advance();
      if (!done) return this->failed(done.take_error());
      return *done ? Step::done() : Step::waits(session_.socket_wait());
    } catch (const std::bad_alloc&) {
      session_.broken_ = true;
      return this->failed(fail(Status::no_memory, "out of memory", Phase::receive));
    }
  }

 protected:
  virtual Result<void> begin() = 0;
  // True: done. False: it waits for the server.
  virtual Result<bool> advance() = 0;

  // After the last row of a set: to the end of the answer, or to the next set.
  Result<bool> finish(Then& next) {
    ResultHandle result;
    for (;;) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::result:
          // What a deferred constraint has to say comes when the statement's own transaction ends.
          if (session_.protocol_ == Protocol::extended) {
            if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) note(*result);
            break;
          }
          session_.pending_ = std::move(result);
          next = Then::set;
          return true;
        case Came::end:
          if (wrong_ != nullptr) return std::move(wrong_);
          if (session_.broken_) return session_.gone(Phase::receive, Outcome::unknown);
          next = Then::end;
          return true;
      }
    }
  }

  // Remembers an error; it is told once the session is ready for other statements.
  void note(const PGresult& result) {
    if (wrong_ == nullptr) wrong_ = session_.error_of(&result, Phase::receive);
  }

  enum class Rows : uint8_t { waiting, more, ended };

  // Reads rows into the batch until it is full or they have ended; what ended them is noted.
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
          if (Result<void> read = session_.read_row(into, result.get(), bytes_); !read) return read.take_error();
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

  Failure unexpected(ExecStatusType status) {
    session_.broken_ = true;
    Failure failure =
        is_copy(status) ? fail(Status::unsupported, "COPY to or from the client is not supported", Phase::receive)
                        : fail(Status::internal, std::string("libpq answered ") + PQresStatus(status), Phase::receive);
    failure->outcome = Outcome::unknown;
    return failure;
  }

  PostgresqlSession& session_;
  Failure wrong_;

 private:
  static constexpr uint64_t most_batch_bytes = uint64_t{1} << 30;  // and one value of at most as much stays below 2^31

  bool begun_ = false;
  uint64_t bytes_ = 0;  // read_rows: in the batch
};

// Runs a statement, preparing it first where that pays; or moves to the next set of an answer.
class PostgresqlSession::RunOperation final : public Steps<driver::Run> {
 public:
  RunOperation(PostgresqlSession& session, driver::Request request) : Steps(session), request_(std::move(request)) {}
  explicit RunOperation(PostgresqlSession& session) : Steps(session) {}

 private:
  enum class At : uint8_t { preparing, head, first_rows, finishing };

  Result<void> begin() override {
    if (request_.statement == nullptr) {
      if (session_.pending_ != nullptr) return {};
      return fail(Status::misuse, "there is no further result to move to", Phase::send);
    }
    if (session_.answering_) {
      return fail(Status::misuse, "the answer of the statement before is still being read", Phase::send);
    }
    const sql::Statement& statement = *request_.statement;
    if (statement.statements > 1 && request_.params.count != 0) {
      return fail(Status::misuse, "several statements in one text take no parameters", Phase::send);
    }
    if (statement.parameters != request_.params.count) {
      return fail(Status::misuse,
                  "the statement has " + std::to_string(statement.parameters) + " parameters, and " +
                      std::to_string(request_.params.count) + " values were given",
                  Phase::send);
    }
    note_changes(statement);
    if (statement.statements > 1) return session_.send_simple(statement.native.c_str(), true);
    return send();
  }

  void note_changes(const sql::Statement& statement) {
    if (statement.plain) return;
    session_.changed_ = true;
    session_.has_prepared_by_text_ = session_.has_prepared_by_text_ || statement.statements > 1 ||
                                     statement.verb == "PREPARE" || statement.verb == "DEALLOCATE" ||
                                     statement.verb == "DISCARD";
  }

  Result<void> send() {
    at_ = At::head;
    if (session_.prepared_.capacity() == 0) return session_.send_unprepared(request_);
    const uint64_t id = request_.statement->id;
    if (const Prepared* known = session_.prepared_.find(id, request_.params)) {
      return session_.send_prepared(*known, request_.params);
    }
    at_ = At::preparing;
    fresh_.statement = id;
    fresh_.name = session_.prepared_.next_name();
    fresh_.types.resize(request_.params.count);
    for (size_t i = 0; i < fresh_.types.size(); ++i) {
      fresh_.types[i] = natural_type(request_.params, request_.params.values[i]);
    }
    return session_.send_prepare(*request_.statement, fresh_);
  }

  Result<bool> advance() override {
    if (at_ == At::preparing) {
      Result<bool> prepared = prepare();
      if (!prepared || !*prepared) return prepared;
    }
    if (at_ == At::head) {
      Result<bool> known = head();
      if (!known || !*known) return known;
      if (at_ == At::head) return true;  // rows follow
    }
    if (at_ == At::first_rows) {
      Result<Rows> read = read_rows(*reply.batch, request_.first, reply.affected);
      if (!read) return read.take_error();
      if (*read == Rows::waiting) return false;
      if (*read == Rows::more) return true;
      at_ = At::finishing;
    }
    Result<bool> done = finish(reply.then);
    if (done || !stale_ || healed_ || cancel_requested() || session_.state() != driver::State::idle) return done;
    return run_anew();
  }

  Result<bool> prepare() {
    ResultHandle result;
    for (;;) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::result: described(*result); break;
        case Came::end:
          if (wrong_ != nullptr) return std::move(wrong_);
          if (session_.broken_) return session_.gone(Phase::send, Outcome::not_sent);
          return execute(*session_.prepared_.add(std::move(fresh_)));
      }
    }
  }

  // Its values may be gone with a caller who has given up.
  Result<bool> execute(const Prepared& prepared) {
    if (cancel_requested())
      return fail(Status::cancelled, "the call was cancelled before the statement was sent", Phase::send);
    at_ = At::head;
    if (Result<void> sent = session_.send_prepared(prepared, request_.params); !sent) return sent.take_error();
    return true;
  }

  // First comes that it is prepared, then its description.
  void described(const PGresult& result) {
    switch (PQresultStatus(&result)) {
      case PGRES_COMMAND_OK:
        fresh_.plan = std::make_shared<const Plan>(plan_of(&result, session_.arrays_as_text_));
        break;
      case PGRES_FATAL_ERROR: note(result); break;
      default: break;  // what comes after an error is told as not run
    }
  }

  Result<bool> head() {
    ResultHandle result;
    do {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::end: return session_.gone(Phase::receive, Outcome::unknown);
        case Came::result: break;
      }
    } while (is_row_of_nothing(*result));
    const ExecStatusType status = PQresultStatus(result.get());
    switch (status) {
      case PGRES_SINGLE_TUPLE:
        session_.begin_set(result.get());
        reply.schema = session_.plan_->schema;
        reply.then = Then::rows;
        session_.pending_ = std::move(result);
        if (request_.first.rows != 0) {
          reply.batch = std::make_shared<columnar::Batch>(reply.schema);
          at_ = At::first_rows;
        }
        return true;
      case PGRES_TUPLES_OK:
        session_.begin_set(result.get());
        reply.schema = session_.plan_->schema;
        [[fallthrough]];
      case PGRES_COMMAND_OK: reply.affected = affected_of(result.get()); break;
      case PGRES_EMPTY_QUERY: break;
      case PGRES_FATAL_ERROR:
        stale_ = is_stale_plan(result.get());
        note(*result);
        break;
      default: return unexpected(status);
    }
    at_ = At::finishing;
    return true;
  }

  // Outside a transaction nothing has happened yet: once more, with a statement prepared anew.
  Result<bool> run_anew() {
    healed_ = true;
    stale_ = false;
    wrong_ = nullptr;
    session_.prepared_.drop(request_.statement->id);
    if (Result<void> sent = send(); !sent) return sent.take_error();
    return advance();
  }

  const driver::Request request_;
  At at_ = At::head;
  Prepared fresh_;
  bool stale_ = false;
  bool healed_ = false;
};

class PostgresqlSession::FetchOperation final : public Steps<driver::Fetch> {
 public:
  FetchOperation(PostgresqlSession& session, driver::FetchLimits limits) : Steps(session), limits_(limits) {}

 private:
  Result<void> begin() override {
    if (!session_.answering_ || session_.plan_ == nullptr || session_.plan_->schema == nullptr) {
      return fail(Status::misuse, "there is no answer to read", Phase::receive);
    }
    batch = std::make_shared<columnar::Batch>(session_.plan_->schema);
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
  Result<void> begin() override { return {}; }

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
          if (Result<void> sent = session_.send_simple(text.c_str(), false); !sent) return sent.take_error();
        }
      }
    }
  }

  // What DISCARD ALL does, but for the statements that the session has prepared, where they are its own alone.
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

std::unique_ptr<driver::Run> PostgresqlSession::run(driver::Request request) {
  return std::make_unique<RunOperation>(*this, std::move(request));
}
std::unique_ptr<driver::Run> PostgresqlSession::next_set() { return std::make_unique<RunOperation>(*this); }
std::unique_ptr<driver::Fetch> PostgresqlSession::fetch(driver::FetchLimits limits) {
  return std::make_unique<FetchOperation>(*this, limits);
}
std::unique_ptr<driver::Operation> PostgresqlSession::ping() { return std::make_unique<PingOperation>(*this); }
std::unique_ptr<driver::Operation> PostgresqlSession::reset() { return std::make_unique<ResetOperation>(*this); }

}  // namespace tl::postgresql
