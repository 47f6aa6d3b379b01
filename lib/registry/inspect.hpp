// What the library knows about itself, as results.
#pragma once
#include "registry.hpp"

namespace tl::registry {

// name null: of all connections. `options` is of use only to "check", which asks servers. Errors: misuse (unknown
// `what`, naming those there are), not_found, cancelled.
[[nodiscard]] Result<connection::QueryResult> inspect(const Registry& registry, std::string_view what,
                                                      const std::string_view* name,
                                                      const connection::CallOptions& options);

}  // namespace tl::registry
