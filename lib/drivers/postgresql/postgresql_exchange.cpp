// PostgresqlSession: sending statements, and the results that come back.
#include "postgresql_session.hpp"

namespace tl::postgresql {

using driver::Ready;

namespace {

constexpr int text_results = 0;
constexpr int binary_results = 1;
constexpr const char* unnamed = "";

}  // namespace

PostgresqlSession::Came PostgresqlSession::next_result(ResultHandle& result) noexcept {
  if (pending_ != nullptr) {
    result = std::move(pending_);
    return Came::result;
  }
  PGconn* const conn = conn_.get();
  while (answering_) {
    const bool busy = PQisBusy(conn) != 0;
    if (busy && PQstatus(conn) == CONNECTION_OK) return Came::nothing_yet;
    result.reset(busy ? nullptr : PQgetResult(conn));
    if (result == nullptr) {
      if (PQstatus(conn) != CONNECTION_OK) {
        broken_ = true;
        answering_ = false;
      } else if (protocol_ == Protocol::simple) {
        broken_ = broken_ || PQenterPipelineMode(conn) == 0;
        end_statement();
      } else if (leads_ != Leads::nothing) {
        if (leads_ == Leads::single_rows) (void)PQsetSingleRowMode(conn);
        leads_ = Leads::nothing;
      } else if (ends_without_sync_) {
        answering_ = ends_without_sync_ = false;
        (void)PQsetSingleRowMode(conn);  // of the ride behind, before anything reads on in libpq's buffer
      }
    } else if (position_ == Asked::reading) {
      take_position(*result);
    } else if (is_leading(result.get())) {
      continue;
    } else if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
      if (--syncs_ == 0) end_statement();
    } else if (syncs_ <= 1) {  // those before were of statements that only tidy up
      return Came::result;
    }
  }
  result.reset();
  drop_notifications();
  return Came::end;
}

driver::Wait PostgresqlSession::socket_wait(bool has_more) noexcept {
  const bool unsent = PQflush(conn_.get()) == 1;
  if (!unsent) unsent_ = 0;
  const Ready want = unsent || has_more ? Ready::readable | Ready::writable : Ready::readable;
  return {driver::On::socket, PQsocket(conn_.get()), want, Deadline::never()};
}

// `accepted`: what libpq's function answered.
Result<void> PostgresqlSession::sent(int accepted) {
  if (accepted == 1) {
    answering_ = true;
    return {};
  }
  broken_ = true;
  return gone(Phase::send, Outcome::not_sent);
}

Result<void> PostgresqlSession::sync() {
  if (Result<void> done = sent(PQpipelineSync(conn_.get())); !done) return done;
  ++syncs_;
  return {};
}

Result<void> PostgresqlSession::encode(const columnar::Params& params, const std::vector<Oid>& types) {
  Result<void> encoded = params_.encode(params, types);
  note_size(params_.bytes());
  return encoded;
}

Result<void> PostgresqlSession::send_simple(const char* text, std::shared_ptr<const sql::Statement> several) {
  if (Result<void> done = sent(PQexitPipelineMode(conn_.get())); !done) return done;
  if (Result<void> done = sent(PQsendQuery(conn_.get(), text)); !done) return done;
  protocol_ = Protocol::simple;
  several_ = std::move(several);
  return several_ != nullptr ? sent(PQsetSingleRowMode(conn_.get())) : Result<void>();
}

Result<void> PostgresqlSession::send_text(const std::shared_ptr<const sql::Statement>& several) {
  led_ = 0;
  if (!wants_settings(*several)) return send_simple(several->native.c_str(), several);
  const std::string settings = footing_.before_statement + ';';
  led_ = characters(settings);
  leads_ = Leads::results;
  return send_simple((settings + several->native).c_str(), several);
}

bool PostgresqlSession::wants_settings(const sql::Statement& statement) const noexcept {
  return !footing_.before_statement.empty() && PQtransactionStatus(conn_.get()) == PQTRANS_IDLE &&
         !wants_settings_behind(statement);
}

bool PostgresqlSession::wants_settings_behind(const sql::Statement& statement) const noexcept {
  if (footing_.behind_begin.empty() || statement.kind != sql::Kind::control || statement.statements > 1) {
    return false;
  }
  return statement.verb == "BEGIN" || statement.verb == "START" || has_letters(statement.native, "chain");
}

Result<void> PostgresqlSession::send_settings_behind() {
  for (const std::string& text : footing_.behind_begin) {
    if (Result<void> done =
            sent(PQsendQueryParams(conn_.get(), text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, text_results));
        !done) {
      return done;
    }
  }
  return {};
}

Result<void> PostgresqlSession::keeps_settings(const sql::Statement& statement) const {
  const bool several = statement.statements > 1 && statement.kind == sql::Kind::control;
  const bool commits = may_commit(statement) && PQtransactionStatus(conn_.get()) == PQTRANS_IDLE;
  if (footing_.before_statement.empty() || !(several || commits)) return {};
  return fail(Status::unsupported,
              statement.verb +
                  " may commit on its way, and behind a proxy what is configured (schema, read_only, …) would not hold "
                  "after that: begin a transaction for it, or set these things for the role",
              Phase::send);
}

Result<void> PostgresqlSession::lead(const sql::Statement& statement, bool single_rows) {
  if (!wants_settings(statement)) return {};
  leads_ = single_rows ? Leads::single_rows : Leads::results;
  return sent(PQsendQueryParams(conn_.get(), footing_.before_statement.c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                                text_results));
}

bool PostgresqlSession::is_leading(const PGresult* result) noexcept {
  if (leads_ == Leads::nothing) return false;
  const ExecStatusType status = PQresultStatus(result);
  if (protocol_ == Protocol::simple && status != PGRES_SINGLE_TUPLE) leads_ = Leads::nothing;
  return status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK;
}

Result<void> PostgresqlSession::send_unprepared(const driver::Request& request) {
  std::vector<Oid> types(request.params.count);
  for (size_t i = 0; i < types.size(); ++i) types[i] = natural_type(request.params, request.params.values[i]);
  if (Result<void> encoded = encode(request.params, types); !encoded) return encoded;
  protocol_ = Protocol::extended;
  plan_ = nullptr;
  if (Result<void> done = lead(*request.statement, true); !done) return done;
  if (Result<void> done =
          sent(PQsendQueryParams(conn_.get(), request.statement->native.c_str(), params_.count(), types.data(),
                                 params_.values(), params_.lengths(), params_.formats(), text_results));
      !done) {
    return done;
  }
  if (leads_ == Leads::nothing) {
    if (Result<void> done = sent(PQsetSingleRowMode(conn_.get())); !done) return done;
  }
  if (wants_settings_behind(*request.statement)) {
    if (Result<void> done = send_settings_behind(); !done) return done;
  }
  return sync();
}

// Asks what the columns are, too. What was evicted is deallocated on the way, each behind a sync of its own, but never
// in a transaction: one that the server has lost by itself would fail it.
Result<void> PostgresqlSession::send_prepare(const sql::Statement& statement, const Prepared& prepared) {
  PGconn* const conn = conn_.get();
  protocol_ = Protocol::extended;
  std::vector<std::string> discarded;
  if (PQtransactionStatus(conn) == PQTRANS_IDLE) discarded = prepared_.take_discarded();
  for (const std::string& name : discarded) {
    const std::string text = "DEALLOCATE " + name;
    if (Result<void> done =
            sent(PQsendQueryParams(conn, text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, text_results));
        !done) {
      return done;
    }
    if (Result<void> done = sync(); !done) return done;
  }
  const char* const name = prepared.name.c_str();
  const int n = static_cast<int>(prepared.types.size());
  if (Result<void> done = sent(PQsendPrepare(conn, name, statement.native.c_str(), n, prepared.types.data())); !done) {
    return done;
  }
  if (Result<void> done = sent(PQsendDescribePrepared(conn, name)); !done) return done;
  return sync();
}

Result<void> PostgresqlSession::send_prepared(const Prepared& prepared, const columnar::Params& params) {
  if (Result<void> encoded = encode(params, prepared.types); !encoded) return encoded;
  protocol_ = Protocol::extended;
  plan_ = prepared.plan;
  if (Result<void> done = send_execute(prepared); !done) return done;
  if (Result<void> done = sent(PQsetSingleRowMode(conn_.get())); !done) return done;
  return sync();
}

Result<void> PostgresqlSession::send_execute(const Prepared& prepared) {
  return sent(PQsendQueryPrepared(conn_.get(), prepared.name.c_str(), params_.count(), params_.values(),
                                  params_.lengths(), params_.formats(),
                                  prepared.plan->binary ? binary_results : text_results));
}

Result<void> PostgresqlSession::send_many_prepare(const sql::Statement& statement, const std::vector<Oid>& types) {
  protocol_ = Protocol::extended;
  return sent(
      PQsendPrepare(conn_.get(), unnamed, statement.native.c_str(), static_cast<int>(types.size()), types.data()));
}

Result<void> PostgresqlSession::send_many_row(const columnar::Params& row, const std::vector<Oid>& types) {
  if (Result<void> encoded = encode(row, types); !encoded) return encoded;
  return sent(PQsendQueryPrepared(conn_.get(), unnamed, params_.count(), params_.values(), params_.lengths(),
                                  params_.formats(), text_results));
}

// By a statement that there is not: its error ends the transaction that the sync behind it would commit.
Result<void> PostgresqlSession::abort_many() {
  if (Result<void> done = sent(PQsendQueryPrepared(conn_.get(), "tl_none", 0, nullptr, nullptr, nullptr, text_results));
      !done) {
    return done;
  }
  return sync();
}

Result<void> PostgresqlSession::send_ping() {
  protocol_ = Protocol::extended;
  return sync();
}

Result<void> PostgresqlSession::send_own(const char* question) {
  protocol_ = Protocol::extended;
  if (Result<void> done =
          sent(PQsendQueryParams(conn_.get(), question, 0, nullptr, nullptr, nullptr, nullptr, text_results));
      !done) {
    return done;
  }
  return sync();
}

Failure PostgresqlSession::error_of(const PGresult* result, Phase phase, const sql::Statement* statement) {
  if (ends_session(result)) broken_ = true;
  if (protocol_ == Protocol::simple) statement = several_.get();
  Failure failure = failure_of(result, phase, statement, protocol_ == Protocol::simple ? led_ : 0);
  if (statement == nullptr) return failure;
  if (may_commit(*statement)) failure->outcome = Outcome::unknown;
  if (statement->statements == 1) return failure;
  // Those before it have run, and are undone with it unless the text itself said where transactions end.
  if (statement->kind == sql::Kind::control) failure->outcome = Outcome::unknown;
  if (failure->outcome == Outcome::refused) failure->outcome = Outcome::rolled_back;
  return failure;
}

Failure PostgresqlSession::gone(Phase phase, Outcome outcome) { return lost(conn_.get(), phase, outcome); }

}  // namespace tl::postgresql
