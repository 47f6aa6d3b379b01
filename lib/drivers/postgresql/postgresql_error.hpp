// PostgreSQL's SQLSTATEs as classes.
#pragma once
#include <string_view>

#include "error.hpp"
#include "postgresql_handles.hpp"
#include "statement.hpp"

namespace tl::postgresql {

// A procedure commits where it likes, unless it is called in a transaction that was begun as such.
[[nodiscard]] inline bool may_commit(const sql::Statement& statement) noexcept {
  return statement.verb == "CALL" || statement.verb == "DO";
}

[[nodiscard]] inline bool is_copy(ExecStatusType status) noexcept {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

// As the server counts them.
[[nodiscard]] size_t characters(std::string_view text) noexcept;

// What an error result says. One that libpq made itself, because the session is gone, has no SQLSTATE. `statement`:
// that it is about, behind so many `led` characters; without one no position in its text is told.
[[nodiscard]] Failure failure_of(const PGresult* result, Phase phase, const sql::Statement* statement, size_t led = 0);

// The session is gone or was never there; `outcome` is the statement's.
[[nodiscard]] Failure lost(PGconn* conn, Phase phase, Outcome outcome);

// Why an opening failed, as libpq tells it with PQERRORS_VERBOSE.
[[nodiscard]] Failure opening_failure(PGconn* conn);

// After it the server closes the session.
[[nodiscard]] bool ends_session(const PGresult* result) noexcept;

// The server no longer has the prepared statement, or its result has other columns now: preparing it again heals that.
[[nodiscard]] bool is_stale_plan(const PGresult* result) noexcept;

// It has no such function or column, does not let this user ask for it, or does not have the syntax.
[[nodiscard]] bool is_not_understood(const PGresult* result) noexcept;

// A deadlock or a serialization failure: of the transaction with others, not of the statement.
[[nodiscard]] bool is_conflict(const PGresult* result) noexcept;

// What the server says when a parameter is not of the type that it was once taken as.
[[nodiscard]] bool may_be_stale_type(const PGresult* result) noexcept;

}  // namespace tl::postgresql
