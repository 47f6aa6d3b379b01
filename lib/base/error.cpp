#include "error.hpp"

namespace tl {

std::string_view status_name(Status status) noexcept {
  switch (status) {
    case Status::ok: return "ok";
    case Status::misuse: return "misuse";
    case Status::configuration: return "configuration";
    case Status::not_found: return "not_found";
    case Status::closed: return "closed";
    case Status::busy: return "busy";
    case Status::unavailable: return "unavailable";
    case Status::authentication: return "authentication";
    case Status::tls: return "tls";
    case Status::acquire_timeout: return "acquire_timeout";
    case Status::connect_timeout: return "connect_timeout";
    case Status::statement_timeout: return "statement_timeout";
    case Status::cancelled: return "cancelled";
    case Status::read_only: return "read_only";
    case Status::deadlock: return "deadlock";
    case Status::serialization: return "serialization";
    case Status::lock_timeout: return "lock_timeout";
    case Status::unique_violation: return "unique_violation";
    case Status::foreign_key_violation: return "foreign_key_violation";
    case Status::not_null_violation: return "not_null_violation";
    case Status::check_violation: return "check_violation";
    case Status::constraint_violation: return "constraint_violation";
    case Status::statement: return "statement";
    case Status::data: return "data";
    case Status::permission: return "permission";
    case Status::too_large: return "too_large";
    case Status::unsupported: return "unsupported";
    case Status::resource: return "resource";
    case Status::no_memory: return "no_memory";
    case Status::internal: return "internal";
    case Status::shutdown: return "shutdown";
  }
  return "unknown";
}

std::string_view phase_name(Phase phase) noexcept {
  switch (phase) {
    case Phase::none: return "";
    case Phase::configure: return "configure";
    case Phase::acquire: return "acquire";
    case Phase::connect: return "connect";
    case Phase::send: return "send";
    case Phase::receive: return "receive";
    case Phase::decode: return "decode";
    case Phase::reset: return "reset";
  }
  return "";
}

std::string_view outcome_name(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::not_sent: return "not_sent";
    case Outcome::refused: return "refused";
    case Outcome::rolled_back: return "rolled_back";
    case Outcome::unknown: return "unknown";
  }
  return "unknown";
}

Failure fail(Status status, std::string message, Phase phase) {
  auto error = std::make_unique<Error>();
  error->status = status;
  error->message = std::move(message);
  error->phase = phase;
  return error;
}

}  // namespace tl
