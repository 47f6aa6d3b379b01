// What changes to a registry have in common.
#pragma once
#include "registry.hpp"

namespace tl::registry {

// How the text of an added or patched connection is called in errors and settings.
[[nodiscard]] std::string source_of(std::string_view verb, std::string_view name);

void log_warnings(const std::vector<std::string>& warnings);

// What was made of the settings of a name, once more.
[[nodiscard]] Result<config::Built> built(const std::string& name, const Written& written);

}  // namespace tl::registry
