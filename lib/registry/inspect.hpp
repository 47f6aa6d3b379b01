// What the library knows about itself, as results.
#pragma once
#include "registry.hpp"

namespace tl::registry {

// name null: of all connections. `options` is of use only to "health", "budget" and "check", which ask servers. Errors:
// misuse (unknown `what`, naming those there are), not_found, cancelled, resource.
[[nodiscard]] Result<connection::QueryResult> inspect(const Registry& registry, std::string_view what,
                                                      const std::string_view* name,
                                                      const connection::CallOptions& options);

// A row for each: name, change, keys.
[[nodiscard]] connection::QueryResult table_of(const std::vector<Change>& changes);

// A row for each endpoint, those first that would be asked, in their order: kind (of the statement), reason (for that),
// choice (from 1, null: it would not be asked), endpoint, role, lag (seconds, null: not known), why.
[[nodiscard]] connection::QueryResult table_of(const connection::Handle::Explained& explained);

}  // namespace tl::registry
