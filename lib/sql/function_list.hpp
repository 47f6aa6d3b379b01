// The built-in functions, and those of well-known extensions, that change nothing: no data, no session state, nothing
// on the server, and whose answer does not depend on what the same session did before.
#pragma once
#include <string_view>

#include "statement.hpp"

namespace tl::sql {

[[nodiscard]] bool is_harmless_function(std::string_view name, Dialect dialect) noexcept;

// What a built-in function does that is not harmless, as in "nextval, which writes"; "" where it is not known to do
// anything. PostgreSQL's are all volatile: planning never runs them.
[[nodiscard]] std::string_view effect_of_function(std::string_view name, Dialect dialect);

}  // namespace tl::sql
