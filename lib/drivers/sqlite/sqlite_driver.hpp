#pragma once
#include "driver.hpp"

namespace tl::sqlite {

[[nodiscard]] driver::Driver& driver() noexcept;  // never destroyed

}  // namespace tl::sqlite
