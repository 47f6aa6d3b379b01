// What speaks PostgreSQL's protocol at the other end, and how each kind of it is brought to a session's settings.
#pragma once
#include <string>
#include <vector>

#include "config.hpp"
#include "postgresql_handles.hpp"

namespace tl::postgresql {

enum class Peer : uint8_t {
  postgresql,  // a server whose session is ours as long as it lasts
  proxy,       // may run each transaction on another server, where other clients' were before, as PgBouncer does
  redshift,    // keeps sessions, and is as PostgreSQL 8.0 was in much
};

struct Footing {
  Peer peer = Peer::postgresql;
  // What gives a transaction that has begun what is configured, and its server does not have of itself. Before a
  // statement that is a transaction of its own: one query; "": nothing.
  std::string before_statement = {};
  // Behind a BEGIN: statements that take no snapshot, so that the transaction's own first one may still say which.
  std::vector<std::string> behind_begin = {};
};

// The settings as `options` of the start-up message: there they are the session's defaults, and RESET ALL comes back
// to them. PostgreSQL alone takes all of them.
[[nodiscard]] std::string startup_options(const config::Address& address);

// A query that sets what a session of Redshift keeps.
[[nodiscard]] std::string redshift_settings(const config::Address& address);

// A query of one row: how the servers behind a proxy write values of themselves, whatever a client has set. Its answer
// as bits, one for each way that is not the driver's; null: nobody knows.
constexpr uint32_t format_count = 5;
[[nodiscard]] std::string formats_question();
[[nodiscard]] uint32_t other_formats(const PGresult* answer) noexcept;

[[nodiscard]] Footing behind_proxy(uint32_t other_formats, const config::Address& address);

}  // namespace tl::postgresql
