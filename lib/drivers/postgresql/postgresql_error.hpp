// PostgreSQL's SQLSTATEs as classes.
#pragma once
#include <string_view>

#include "error.hpp"
#include "postgresql_handles.hpp"

namespace tl::postgresql {

// What an error result says. One that libpq made itself, because the session is gone, has no SQLSTATE.
[[nodiscard]] Failure failure_of(const PGresult* result, Phase phase);

// The session is gone or was never there; `outcome` is the statement's.
[[nodiscard]] Failure lost(PGconn* conn, Phase phase, Outcome outcome);

// Why an opening failed, as libpq tells it with PQERRORS_VERBOSE.
[[nodiscard]] Failure opening_failure(PGconn* conn);

// After it the server closes the session.
[[nodiscard]] bool ends_session(const PGresult* result) noexcept;

// The server no longer has the prepared statement, or its result has other columns now: preparing it again heals that.
[[nodiscard]] bool is_stale_plan(const PGresult* result) noexcept;

}  // namespace tl::postgresql
