// MariaDB and MySQL, through MariaDB Connector/C.
#pragma once
#include "driver.hpp"

namespace tl::mariadb {

[[nodiscard]] driver::Driver& driver() noexcept;

}  // namespace tl::mariadb
