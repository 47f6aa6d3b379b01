// The drivers that this build has.
#pragma once
#include "driver.hpp"

namespace tl::drivers {

// Null: this build has none for that kind. Never destroyed.
[[nodiscard]] driver::Driver* find(config::DriverKind kind) noexcept;

}  // namespace tl::drivers
