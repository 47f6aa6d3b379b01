// What went wrong, told so that a caller can decide what to do next: the class (the same for every database), what
// became of the statement, where it happened, and never a secret.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tl {

// The numbers are the ABI's (TL_E_… in trunkline.h); capi asserts that they agree.
enum class Status : int32_t {
  ok = 0,
  misuse = -1,
  configuration = -2,
  not_found = -3,
  closed = -4,
  busy = -5,
  unavailable = -6,
  authentication = -7,
  tls = -8,
  acquire_timeout = -9,
  connect_timeout = -10,
  statement_timeout = -11,
  cancelled = -12,
  read_only = -13,
  deadlock = -14,
  serialization = -15,
  lock_timeout = -16,
  unique_violation = -17,
  foreign_key_violation = -18,
  not_null_violation = -19,
  check_violation = -20,
  constraint_violation = -21,
  statement = -22,
  data = -23,
  permission = -24,
  too_large = -25,
  unsupported = -26,
  resource = -27,
  no_memory = -28,
  internal = -29,
  shutdown = -30,
};

// "unique_violation", "acquire_timeout", …: the same words in every language.
[[nodiscard]] std::string_view status_name(Status status) noexcept;

enum class Phase : uint8_t { none, configure, acquire, connect, send, receive, decode, reset };
[[nodiscard]] std::string_view phase_name(Phase phase) noexcept;

// What became of the statement. Only `not_sent` and `refused` are certain not to have run.
enum class Outcome : int32_t { not_sent = 0, refused = 1, rolled_back = 2, unknown = 3 };
[[nodiscard]] std::string_view outcome_name(Outcome outcome) noexcept;

struct Error {
  Status status = Status::internal;
  Phase phase = Phase::none;
  Outcome outcome = Outcome::not_sent;
  int32_t native = 0;    // the database's own code, 0: none
  std::string message;   // one line for a person
  std::string sqlstate;  // "" where the server gave none
  std::string connection;
  std::string endpoint;
  std::vector<std::pair<std::string, std::string>> details;  // holders, constraint, file, line, key, …
};

using Failure = std::unique_ptr<Error>;

[[nodiscard]] Failure fail(Status status, std::string message, Phase phase = Phase::none);

}  // namespace tl
