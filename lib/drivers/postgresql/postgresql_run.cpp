// PostgresqlSession: running a statement.
#include <algorithm>
#include <array>

#include "postgresql_steps.hpp"

namespace tl::postgresql {

using driver::Then;

namespace {

// SELECT without a column gives rows all the same.
bool is_row_of_nothing(const PGresult& result) noexcept {
  return PQresultStatus(&result) == PGRES_SINGLE_TUPLE && PQnfields(&result) == 0;
}

// Of other statements with rows (FETCH, EXECUTE, SHOW, …) the server does not see to it that a prepared one keeps
// giving the columns that it was described with.
bool is_preparable(const sql::Statement& statement) noexcept {
  constexpr std::array<std::string_view, 8> verbs = {"SELECT", "INSERT", "UPDATE", "DELETE",
                                                     "WITH",   "VALUES", "TABLE",  "MERGE"};
  return std::find(verbs.begin(), verbs.end(), statement.verb) != verbs.end();
}

// DEALLOCATE ALL, DISCARD ALL; or a statement's name has these letters in it.
bool may_deallocate_all(const sql::Statement& statement) noexcept {
  return (statement.verb == "DEALLOCATE" || statement.verb == "DISCARD") && has_letters(statement.native, "all");
}

}  // namespace

bool has_letters(std::string_view text, std::string_view letters) noexcept {
  const auto same = [](char a, char b) { return (a | 0x20) == b; };
  return std::search(text.begin(), text.end(), letters.begin(), letters.end(), same) != text.end();
}

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
    if (session_.answering_) return driver::answer_is_pending();
    const sql::Statement& statement = *request_.statement;
    if (Result<void> right = request_.check(); !right) return right;
    if (session_.footing_.peer == Peer::redshift && statement.verb == "SAVEPOINT") {
      return fail(Status::unsupported, "Redshift has no savepoints, which a transaction within another needs",
                  Phase::send);
    }
    if (Result<void> kept = session_.keeps_settings(statement); !kept) return kept;
    statement_ = &statement;
    session_.note_changes(statement);
    expects_position_ = session_.expects_position(statement, request_.wants_position);
    if (statement.statements == 1) return send();
    if (Result<void> sent = session_.send_text(request_.statement); !sent) return sent;
    return ask_position();
  }

  Result<void> ask_position() {
    return request_.wants_position ? session_.ask_position(expects_position_) : Result<void>();
  }

  Result<void> send() {
    at_ = At::head;
    PreparedCache& cache = session_.prepared_;
    if (cache.capacity() == 0) return send_unprepared();
    const uint64_t id = request_.statement->id;
    used_ = cache.find(id, request_.params);
    if (used_ != nullptr && used_->still_means(request_.params)) {
      return send_prepared(*used_);
    }
    const bool room = !cache.crowded() || session_.state() == driver::State::idle;
    if (used_ != nullptr || !room || !is_preparable(*statement_)) {
      used_ = nullptr;
      return send_unprepared();
    }
    at_ = At::preparing;
    fresh_ = Prepared();
    fresh_.statement = id;
    fresh_.name = session_.prepared_.next_name();
    fresh_.types.resize(request_.params.count);
    for (size_t i = 0; i < fresh_.types.size(); ++i) {
      fresh_.types[i] = natural_type(request_.params, request_.params.values[i]);
    }
    return session_.send_prepare(*request_.statement, fresh_);
  }

  Result<void> send_unprepared() {
    if (Result<void> sent = session_.send_unprepared(request_); !sent) return sent;
    return ask_position();
  }

  Result<void> send_prepared(const Prepared& prepared) {
    if (Result<void> sent = session_.send_prepared(prepared, request_.params); !sent) return sent;
    return ask_position();
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
    if (!first_inferred_.empty()) first_failure_ = done.take_error();
    return run_anew();
  }

  Result<bool> prepare() {
    ResultHandle result;
    for (;;) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::result:
          if (is_copy(PQresultStatus(result.get()))) return unexpected(PQresultStatus(result.get()));
          described(*result);
          break;
        case Came::end:
          if (wrong_ != nullptr) return std::move(wrong_);
          if (session_.broken_) return session_.gone(Phase::send, Outcome::not_sent);
          if (fresh_.plan == nullptr) return undescribed();
          prepared_here_ = true;
          used_ = session_.prepared_.add(std::move(fresh_));
          if (first_failure_ != nullptr && used_->inferred == first_inferred_) return std::move(first_failure_);
          return execute(*used_);
      }
    }
  }

  Failure undescribed() {
    session_.broken_ = true;
    return fail(Status::internal, "the server has said nothing of the statement that it prepared", Phase::receive);
  }

  // Its values may be gone with a caller who has given up.
  Result<bool> execute(const Prepared& prepared) {
    if (cancel_requested()) return not_sent();
    at_ = At::head;
    if (Result<void> sent = send_prepared(prepared); !sent) return sent.take_error();
    return true;
  }

  // First comes that it is prepared, then its description.
  void described(const PGresult& result) {
    switch (PQresultStatus(&result)) {
      case PGRES_COMMAND_OK: fresh_.describe(&result, session_.arrays_as_text_); break;
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
        if (!begin_set(*result)) break;
        reply.then = Then::rows;
        session_.pending_ = std::move(result);
        if (request_.first.rows != 0) {
          reply.batch = columnar::Batch::make(reply.schema);
          at_ = At::first_rows;
        }
        return true;
      case PGRES_TUPLES_OK:
        if (!begin_set(*result)) break;
        [[fallthrough]];
      case PGRES_COMMAND_OK: reply.affected = affected_of(result.get()); break;
      case PGRES_EMPTY_QUERY: break;
      case PGRES_FATAL_ERROR:
        note(*result);
        if (used_ != nullptr) judge(*result);
        break;
      default: return unexpected(status);
    }
    at_ = At::finishing;
    return true;
  }

  bool begin_set(const PGresult& first) {
    if (Result<void> begun = session_.begin_set(&first); !begun) {
      wrong_ = begun.take_error();
      return false;
    }
    reply.schema = session_.plan_->schema;
    return true;
  }

  // What failed because it is out of date is of no use to later calls either, wherever it failed.
  void judge(const PGresult& error) {
    stale_ = is_stale_plan(&error);
    if (!stale_ && !prepared_here_ && used_->left_types() && may_be_stale_type(&error)) {
      stale_ = true;
      first_inferred_ = used_->inferred;
    }
    if (stale_) session_.prepared_.drop(request_.statement->id);
    used_ = nullptr;
  }

  // Outside a transaction nothing has happened yet: once more, with a statement prepared anew.
  Result<bool> run_anew() {
    healed_ = true;
    stale_ = false;
    if (Result<void> sent = send(); !sent) return sent.take_error();
    return advance();
  }

  const driver::Request request_;
  bool expects_position_ = false;
  At at_ = At::head;
  Prepared fresh_;
  const Prepared* used_ = nullptr;  // runs; null: nothing prepared does
  bool prepared_here_ = false;
  bool stale_ = false;
  bool healed_ = false;
  // Of a statement whose parameters may be of other types now; it is run anew only if they are.
  std::vector<Oid> first_inferred_;
  Failure first_failure_;
};

void PostgresqlSession::note_changes(const sql::Statement& statement) {
  if (statement.plain) return;
  changed_ = true;
  has_prepared_by_text_ = has_prepared_by_text_ || statement.statements > 1 || statement.verb == "PREPARE" ||
                          statement.verb == "DEALLOCATE" || statement.verb == "DISCARD";
  if (may_deallocate_all(statement)) prepared_.clear();
}

std::unique_ptr<driver::Run> PostgresqlSession::run(driver::Request request) {
  return std::make_unique<RunOperation>(*this, std::move(request));
}
std::unique_ptr<driver::Run> PostgresqlSession::next_set() { return std::make_unique<RunOperation>(*this); }

}  // namespace tl::postgresql
