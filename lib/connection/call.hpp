// One call on one session: runs operations within the call's deadline, and tells the truth when one does not end in time.
#pragma once
#include <memory>

#include "leased.hpp"
#include "runner.hpp"

namespace tl::connection {

struct CallOptions {
  bool read = false, write = false;  // the caller's own word on what the statement does
  bool stream = false;
  Deadline deadline;
  std::shared_ptr<runtime::Ticket> ticket;  // null: cannot be cancelled
  driver::FetchLimits batch{65536, uint64_t{4} << 20};
  uint64_t owner = 0;
};

class Call {
 public:
  Call(Leased& leased, const CallOptions& options) noexcept : leased_(leased), options_(options) {}

  // Runs it. After a failure that leaves the session unusable, or an operation that would not end, the lease is empty:
  // the session is being restored or has been given up.
  template <class Verb>
  [[nodiscard]] Result<void> perform(std::unique_ptr<Verb>& operation) {
    std::unique_ptr<driver::Operation> any(operation.release());
    Result<void> result = perform_any(any);
    operation.reset(static_cast<Verb*>(any.release()));
    return result;
  }

 private:
  [[nodiscard]] Result<void> perform_any(std::unique_ptr<driver::Operation>& operation);
  [[nodiscard]] Result<void> settle(std::unique_ptr<driver::Operation>& operation, runtime::Ended why);
  [[nodiscard]] Failure told(Failure failure) const;

  Leased& leased_;
  const CallOptions& options_;
};

// A session of the endpoint, checked as its pool says. Errors: those of Pool::acquire, cancelled.
// A session of the endpoint that has passed the check its pool asks for. Takes what `endpoints` and `holder` hold, unless
// it fails.
[[nodiscard]] Result<Leased> lease(std::shared_ptr<Endpoints>& endpoints, uint32_t index, Holder& holder,
                                   const CallOptions& options);

}  // namespace tl::connection
