// What the library knows about itself, as results.
#pragma once
#include "registry.hpp"

namespace tl::registry {

// name null: of all connections. Errors: misuse (unknown `what`, naming those there are), not_found.
[[nodiscard]] Result<connection::QueryResult> inspect(const Registry& registry, std::string_view what,
                                                      const std::string_view* name);

}  // namespace tl::registry
