// Pools that may open more sessions than their server allows. Only the server knows, so it is asked.
#pragma once
#include "registry.hpp"
#include "table.hpp"

namespace tl::registry {

// Adds to check_table() a row for each limit of a server that the pools of the whole configuration may pass, and for
// each login whose server did not tell. A server is asked through the pools of `chosen`, once for each login and for a
// few seconds at most; connections that were closed stay closed. Errors: cancelled.
[[nodiscard]] Result<void> check_limits(Table& table, const Registry& registry, const Entries& chosen,
                                        const connection::CallOptions& options);

}  // namespace tl::registry
