// Lines for a person on standard error, one write each. TRUNKLINE_LOG says from which level: "off", "warning" (the
// default) or "info". Parameters of statements and secrets never come here.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tl::observe {

enum class Level : uint8_t { info, warning, off };

void log(Level level, std::string_view line) noexcept;  // [any thread]

// Control characters become spaces, so that no text can forge a line.
[[nodiscard]] std::string one_line(std::string text) noexcept;

}  // namespace tl::observe
