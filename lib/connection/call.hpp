// One call on one session: runs operations within the call's deadline, and tells the truth when one does not end in
// time.
#pragma once
#include <memory>

#include "leased.hpp"
#include "runner.hpp"

namespace tl::connection {

class Connection;

struct CallOptions {
  bool read = false, write = false;  // the caller's own word on what the statement does
  bool stream = false;
  std::optional<Nanos> max_lag;          // of a replica that reads; none: the connection's
  std::shared_ptr<Connection> fallback;  // null: the connection's
  Deadline deadline;
  std::shared_ptr<runtime::Ticket> ticket;  // null: cannot be cancelled
  driver::FetchLimits batch{65536, uint64_t{4} << 20};
  uint64_t owner = 0;
};

// How long a caller whose time is up still waits for the server to confirm that the statement was stopped: nearly
// always it does at once, and then the caller learns what became of the statement and the session stays of use.
constexpr Nanos confirm_grace = std::chrono::milliseconds(100);

// Whether, and by what, the call has been ended already.
[[nodiscard]] runtime::Ended over(const CallOptions& options) noexcept;
// Of a statement that was stopped: on whose account.
void tell_why(Error& error, runtime::Ended why);
[[nodiscard]] Failure unconfirmed(runtime::Ended why);
[[nodiscard]] Failure unsent(runtime::Ended why);
// In a forked child: `what` belongs to its parent's session.
[[nodiscard]] Failure of_parent(std::string what);

class Call {
 public:
  Call(Leased& leased, const CallOptions& options) noexcept : leased_(leased), options_(options) {}

  // Errors: statement_timeout, cancelled; the call's time is up or it was cancelled.
  [[nodiscard]] Result<void> still_wanted() const;
  // Runs a statement, unless the call's time is up or it was cancelled: then nothing is sent.
  template <class Verb>
  [[nodiscard]] Result<void> begin(std::unique_ptr<Verb>& operation) {
    if (Result<void> wanted = still_wanted(); !wanted) return wanted;
    return perform(operation);
  }
  // Runs it. Where the operation or its cancel would not end, the lease is empty afterwards: the session is being
  // restored.
  [[nodiscard]] Result<void> perform(std::unique_ptr<driver::Run>& operation) {
    return perform_as(operation, [](const driver::Run& run) { return run.reply.then; });
  }
  [[nodiscard]] Result<void> perform(std::unique_ptr<driver::Many>& operation) {
    return perform_as(operation, [](const driver::Many&) { return driver::Then::end; });
  }
  [[nodiscard]] Result<void> perform(std::unique_ptr<driver::Fetch>& operation) {
    return perform_as(operation, [](const driver::Fetch& fetch) { return fetch.then; });
  }

 private:
  template <class Verb, class Next>
  [[nodiscard]] Result<void> perform_as(std::unique_ptr<Verb>& operation, const Next& next) {
    std::unique_ptr<driver::Operation> any(operation.release());
    Result<void> result = perform_any(any);
    operation.reset(static_cast<Verb*>(any.release()));
    if (result && !leased_ && next(*operation) != driver::Then::end) return cut_off();
    return result;
  }
  [[nodiscard]] Result<void> perform_any(std::unique_ptr<driver::Operation>& operation);
  [[nodiscard]] Result<void> settle(std::unique_ptr<driver::Operation>& operation);
  [[nodiscard]] Failure cut_off() const;

  Leased& leased_;
  const CallOptions& options_;
  runtime::Ended why_ = runtime::Ended::finished;  // else what stopped it,
  std::string stopped_at_;                         // and the endpoint
};

// Fills `leased`, prepared and empty as it is after a failure too, with a session of the endpoint that has passed the
// check its pool asks for. Errors: those of Pool::acquire, cancelled.
[[nodiscard]] Result<void> lease(Leased& leased, uint32_t index, const CallOptions& options);

}  // namespace tl::connection
