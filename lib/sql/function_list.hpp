// The built-in functions that change nothing: no data, no session state, nothing on the server, and whose answer does
// not depend on what the same session did before.
#pragma once
#include <string_view>

#include "statement.hpp"

namespace tl::sql {

[[nodiscard]] bool is_harmless_function(std::string_view name, Dialect dialect) noexcept;

}  // namespace tl::sql
