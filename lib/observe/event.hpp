// What happens to connections and sessions, told to those who listen. Values of parameters and secrets are in no event.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clock.hpp"
#include "error.hpp"

namespace tl::observe {

enum class Kind : uint8_t {
  connect,          // a session was opened
  disconnect,       // a session leaves its pool, to be closed
  checkout,         // a session is lent
  checkin,          // a session comes home: before the next caller can have it
  dial_failed,      // a session could not be opened
  timeout,          // a caller's time was up, while it waited for a session or for its statement
  query,            // a statement has ended: its last row was read, it failed, or its answer was given up
  slow_query,       // the same, of one that took `slow_query` or longer
  state_change,     // a connection has another state
  ask_name,         // a question: which connection is this name?
  ask_credentials,  // a question: what do sessions of this connection log in with?
  role_change,      // an endpoint takes the writes now, or no longer; it was set aside, or serves again
  retry,            // a call that certainly did not run is tried once more
  fallback,         // and what cannot be served here is asked of another connection
};
constexpr size_t kind_count = 14;

[[nodiscard]] std::string_view kind_name(Kind kind) noexcept;  // "connect", "dial_failed", …

// A set of kinds.
using Kinds = uint32_t;
[[nodiscard]] constexpr Kinds bit(Kind kind) noexcept { return Kinds{1} << static_cast<unsigned>(kind); }
constexpr Kinds all_kinds = (Kinds{1} << kind_count) - 1;

struct Event {
  Kind kind = Kind::connect;
  int64_t at = 0;          // microseconds since 1970 UTC, of the wall clock
  std::string connection;  // its name
  std::string endpoint;    // "" : of all of the connection
  uint64_t session = 0;    // driver::Session::number(), never reused; 0: none
  std::string backend_id;  // the server's own number of the session, "" : none
  std::string tag;         // of the borrower, "" : none
  // connect, dial_failed: of the dial. disconnect: the session's age. checkout: how long the caller waited. checkin:
  // how long it was held; this and the age by a clock of some milliseconds. timeout: how long was waited. query: of the
  // statement, with the reading of its answer. retry: of the pause.
  std::optional<Nanos> duration;
  Status status = Status::ok;  // of a failure
  std::string statement;       // its text as it was given, "" : none
  uint64_t question = 0;       // its number, of those that are answered; 0: it is no question
  // dial_failed, timeout of a wait for a session: why. state_change: the new state, or "released". role_change: what it
  // is now, and why. retry: why it did not run. fallback: the same, and who is asked. Never what a server says of a
  // statement that ran: it may quote values.
  std::string message;
};

}  // namespace tl::observe
