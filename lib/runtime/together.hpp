// Several waits side by side for one caller, without a thread for each.
#pragma once
#include <functional>

#include "result.hpp"
#include "ticket.hpp"

namespace tl::runtime {

// Calls body(i, ticket) for each i below n and comes back when all have ended: each as code on a fiber, of a queue that
// the caller drives meanwhile, many of them at once. The caller may be on a fiber itself. `ticket`, which may be null:
// when it is cancelled those that the bodies get are. A body throws nothing but std::bad_alloc, which is thrown here
// when the others have ended. Errors: resource.
[[nodiscard]] Result<void> together(size_t n, Ticket* ticket,
                                    const std::function<void(size_t, const std::shared_ptr<Ticket>&)>& body);

}  // namespace tl::runtime
