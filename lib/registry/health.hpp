// Whether the servers of open connections answer: they are asked, all at once.
#pragma once
#include "registry.hpp"
#include "table.hpp"

namespace tl::registry {

// Its headings.
[[nodiscard]] Table health_table(const Registry& registry, const Entries& entries);
// A row for each endpoint. Asks those of connections that are open. Errors: cancelled; resource.
[[nodiscard]] Result<void> ask_health(Table& table, const Registry& registry, const Entries& entries,
                                      const connection::CallOptions& options);
// The same, after it has opened those that nobody has used yet.
[[nodiscard]] Result<void> open_and_ask_health(Table& table, const Registry& registry, const Entries& entries,
                                               const connection::CallOptions& options);

}  // namespace tl::registry
