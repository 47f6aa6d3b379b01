// The sessions that are planned on each server, against what it allows.
#pragma once
#include "registry.hpp"
#include "table.hpp"

namespace tl::registry {

// Its headings.
[[nodiscard]] Table budget_table(const Registry& registry, const Entries& entries);
// A row for each server of `chosen`, and for each of their users and databases that has a limit: what the pools of all
// names may open there, in all processes. Asks the servers through the pools of `chosen`. Errors: cancelled; resource.
[[nodiscard]] Result<void> ask_budget(Table& table, const Registry& registry, const Entries& chosen,
                                      const connection::CallOptions& options);
// The same for check_table(): those alone that are past 80 % of a limit, or that no server told.
[[nodiscard]] Result<void> check_budget(Table& table, const Registry& registry, const Entries& chosen,
                                        const connection::CallOptions& options);

}  // namespace tl::registry
