// What is weak in a configuration, as far as it can be told without asking a server; see budget.hpp for the rest.
#pragma once
#include "registry.hpp"
#include "table.hpp"

namespace tl::registry {

// A row for each weakness: the connection, the endpoint ("" : all of them) and what is wrong.
[[nodiscard]] Table check_table(const Registry& registry, const Entries& entries);

}  // namespace tl::registry
