// Asking an endpoint's server something of the library's own.
#pragma once
#include <functional>

#include "call.hpp"

namespace tl::connection {

struct Asked {
  std::unique_ptr<driver::Operation> operation;  // that has succeeded
  Nanos took{0};                                 // without the waiting for a session
};

// Has a session of the endpoint, as any caller would, and runs what `make` gives for it. Sessions that turn out to be
// gone are left for others. `options.deadline` is of all of it; `tag` is what the lease shows. Errors: those of
// lease(); connect_timeout, the server does not answer; what its answer was, where that was an error.
[[nodiscard]] Result<Asked> ask(const std::shared_ptr<Endpoints>& endpoints, uint32_t index, std::string_view tag,
                                const std::function<std::unique_ptr<driver::Operation>(driver::Session&)>& make,
                                const CallOptions& options);

// Whether an endpoint answers, and how fast. Errors: as of ask().
[[nodiscard]] Result<Nanos> probe(const std::shared_ptr<Endpoints>& endpoints, uint32_t index,
                                  const CallOptions& options);

}  // namespace tl::connection
