// What a server's or Connector/C's error becomes.
#pragma once
#include <string_view>

#include "error.hpp"
#include "mariadb_handles.hpp"

namespace tl::mariadb {

// Of a server's number, its SQLSTATE and message; number 0: the session is gone.
[[nodiscard]] Failure failure_of(unsigned number, std::string_view sqlstate, std::string_view message, Phase phase);

// Of what failed on the session, or while it was being opened.
[[nodiscard]] Failure failure_of(MYSQL* conn, Phase phase);
[[nodiscard]] Failure failure_of(MYSQL_STMT* statement, Phase phase);

// After it the session is of no further use.
[[nodiscard]] bool ends_session(unsigned number) noexcept;

// The text cannot be prepared, but may be run all the same.
[[nodiscard]] bool is_not_preparable(unsigned number) noexcept;

// The server has no such statement, or does not let this user run it.
[[nodiscard]] bool is_refusal(unsigned number) noexcept;

// The statement has to be prepared anew.
[[nodiscard]] bool is_stale(unsigned number) noexcept;

}  // namespace tl::mariadb
