#pragma once
#include "driver.hpp"

namespace tl::postgresql {

[[nodiscard]] driver::Driver& driver() noexcept;  // never destroyed

}  // namespace tl::postgresql
