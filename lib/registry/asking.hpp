// Servers that are asked something of their own, all at once.
#pragma once
#include <functional>
#include <string_view>

#include "call.hpp"

namespace tl::registry {

// Calls `ask` for 0 to count - 1, each with options of its own that end 3 s from now, or when the call ends that names
// a time limit. Errors: cancelled, "…while servers were asked " `what`; resource.
[[nodiscard]] Result<void> ask_servers(size_t count, const connection::CallOptions& options, std::string_view what,
                                       const std::function<void(size_t, const connection::CallOptions&)>& ask);

}  // namespace tl::registry
