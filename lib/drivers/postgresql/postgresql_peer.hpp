// What speaks PostgreSQL's protocol at the other end, and how each kind of it is brought to a session's settings.
#pragma once
#include <string>

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
  // A query that gives the transaction that it runs in what the session should have and its server does not keep for
  // it; "": nothing.
  std::string for_transactions;
};

// The settings as `options` of the start-up message: there they are the session's defaults, and RESET ALL comes back
// to them. PostgreSQL alone takes all of them.
[[nodiscard]] std::string startup_options(const config::Address& address);

// A query of one row that sets what a session can keep, and asks for what it cannot.
[[nodiscard]] std::string settling_question(Peer peer, const config::Address& address);

// By the answer of a proxy: what its server does not have of itself.
[[nodiscard]] std::string transaction_settings(const PGresult& answer, const config::Address& address);

// What servers report of a session and a proxy therefore keeps for its client, too: the values that differ from those
// that were `at_first`, as a statement that takes them back; "": none does.
using Reported = std::vector<std::pair<const char*, std::string>>;
[[nodiscard]] Reported reported_by(const PGconn* conn);
[[nodiscard]] std::string restoring_reported(const PGconn* conn, const Reported& at_first);

}  // namespace tl::postgresql
