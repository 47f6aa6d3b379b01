// Whether an endpoint answers, and how fast.
#pragma once
#include "call.hpp"

namespace tl::connection {

// Has a session of the endpoint, as any caller would, and asks its server for an answer: how long that took, without
// the waiting for a session. Sessions that turn out to be gone are left for others. `options.deadline` is of all of it.
// Errors: those of lease(); connect_timeout, the server does not answer; what its answer was, where that was an error.
[[nodiscard]] Result<Nanos> probe(const std::shared_ptr<Endpoints>& endpoints, uint32_t index,
                                  const CallOptions& options);

}  // namespace tl::connection
