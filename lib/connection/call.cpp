#include "call.hpp"

namespace tl::connection {
namespace {

using runtime::Ended;

// How long a caller whose time is up still waits for the server to confirm that the statement was stopped: nearly always it
// does at once, and then the caller learns what became of the statement and the session stays of use.
constexpr Nanos confirm_grace = std::chrono::milliseconds(100);

Status status_of(Ended why) noexcept {
  return why == Ended::cancelled ? Status::cancelled : Status::statement_timeout;
}

std::string_view message_of(Ended why) noexcept {
  return why == Ended::cancelled ? "the call was cancelled" : "the call's time was up before the database answered";
}

// Of a statement that was stopped: on whose account.
void tell_why(Error& error, Ended why) {
  if (error.status != Status::cancelled && error.status != Status::statement_timeout) return;
  error.status = status_of(why);
  error.message = std::string(message_of(why)) + "; the database has stopped the statement";
}

}  // namespace

Result<void> Call::perform_any(std::unique_ptr<driver::Operation>& operation) {
  operation->deadline = options_.deadline;
  const Ended ended = runtime::run(leased_.session(), *operation, options_.ticket.get());
  if (ended != Ended::finished) return settle(operation, ended);
  if (operation->succeeded()) return {};
  Failure failure = operation->take_failure();
  // A cancel between two batches of a stream shows at the next one.
  if (options_.ticket != nullptr && options_.ticket->cancelled()) tell_why(*failure, Ended::cancelled);
  return told(std::move(failure));
}

Result<void> Call::settle(std::unique_ptr<driver::Operation>& operation, Ended why) {
  driver::Session& session = leased_.session();
  operation->request_cancel();  // what has not been sent yet is not sent any more
  const std::shared_ptr<Delivery> cancel = cancel_at_server(session, leased_.endpoint().settings().pool.destroy_timeout);
  const Deadline grace = Deadline::after(steady_clock().now(), confirm_grace);
  if (!runtime::finish(session, *operation, grace) || !cancel->wait(grace)) {
    Failure failure = fail(status_of(why), std::string(message_of(why)) + ", and the server has not confirmed that it stopped",
                           Phase::receive);
    failure->outcome = Outcome::unknown;
    failure = told(std::move(failure));
    leased_.go_home_after(std::move(operation), cancel);
    return failure;
  }
  if (operation->succeeded()) return {};  // the answer was faster than the cancel
  Failure failure = operation->take_failure();
  tell_why(*failure, why);
  return told(std::move(failure));
}

Failure Call::told(Failure failure) const {
  failure->endpoint = leased_.endpoint().label();
  if (failure->phase == Phase::none) failure->phase = Phase::receive;
  return failure;
}

}  // namespace tl::connection
