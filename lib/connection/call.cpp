#include "call.hpp"

namespace tl::connection {
namespace {

using runtime::Ended;

Status status_of(Ended why) noexcept { return why == Ended::cancelled ? Status::cancelled : Status::statement_timeout; }

std::string_view message_of(Ended why) noexcept {
  return why == Ended::cancelled ? "the call was cancelled" : "the call's time was up before the database answered";
}

std::string_view unsent_message_of(Ended why) noexcept {
  return why == Ended::cancelled ? "the call was cancelled before its statement was sent"
                                 : "the call's time was up before its statement was sent";
}

}  // namespace

void tell_why(Error& error, Ended why) {
  if (error.status != Status::cancelled && error.status != Status::statement_timeout) return;
  error.status = status_of(why);
  error.message = error.outcome == Outcome::not_sent
                      ? std::string(unsent_message_of(why))
                      : std::string(message_of(why)) + "; the database has stopped the statement";
}

Failure unconfirmed(Ended why) {
  Failure failure =
      fail(status_of(why), std::string(message_of(why)) + ", and the server has not confirmed that it stopped",
           Phase::receive);
  failure->outcome = Outcome::unknown;
  return failure;
}

Failure unsent(Ended why) { return fail(status_of(why), std::string(unsent_message_of(why)), Phase::send); }

Failure of_parent(std::string what) {
  return fail(Status::closed, std::move(what) + " belongs to the parent process, which forked this one",
              Phase::acquire);
}

Ended over(const CallOptions& options) noexcept {
  if (options.ticket != nullptr && options.ticket->cancelled()) return Ended::cancelled;
  if (!options.deadline.is_never() && options.deadline.passed(steady_clock().now())) return Ended::deadline;
  return Ended::finished;
}

Result<void> Call::still_wanted() const {
  const Ended why = over(options_);
  if (why == Ended::finished) return {};
  return leased_.told(unsent(why));
}

Result<void> Call::perform_any(std::unique_ptr<driver::Operation>& operation) {
  operation->deadline = options_.deadline;
  // Whether the writer that it waits for is in this process or in another is all the same to the caller.
  operation->lock_patience = leased_.endpoint().settings().pool.acquire_timeout;
  why_ = runtime::run(leased_.session(), *operation, options_.ticket.get());
  if (why_ != Ended::finished) return settle(operation);
  if (operation->succeeded()) return {};
  Failure failure = operation->take_failure();
  // A cancel between two batches of a stream shows at the next one.
  if (const Ended why = over(options_); why != Ended::finished) tell_why(*failure, why);
  return leased_.told(std::move(failure));
}

Result<void> Call::settle(std::unique_ptr<driver::Operation>& operation) {
  operation->request_cancel();  // what has not been sent yet is not sent any more
  const Deadline grace = Deadline::after(steady_clock().now(), confirm_grace);
  std::shared_ptr<Delivery> cancel;
  bool ended = false;
  try {
    stopped_at_ = leased_.endpoint().label();
    cancel = cancel_at_server(leased_);
    ended = stopped(leased_, operation.get(), cancel, grace);
  } catch (const std::bad_alloc&) {
    leased_.go_home_after(std::move(operation), cancel);  // it is still in the session's line
    throw;
  }
  if (!ended) {
    leased_.go_home_after(std::move(operation), cancel);
    return cut_off();
  }
  Result<void> answer;  // it may have been faster than the cancel
  if (!operation->succeeded()) {
    Failure failure = operation->take_failure();
    tell_why(*failure, why_);
    answer = leased_.told(std::move(failure));
  }
  // What became of the statement is known; a cancel still on its way must not hit the session's next one.
  if (!cancel->wait(grace)) leased_.go_home_after(nullptr, cancel);
  return answer;
}

Failure Call::cut_off() const {
  Failure failure = unconfirmed(why_);
  failure->endpoint = stopped_at_;
  return failure;
}

}  // namespace tl::connection
