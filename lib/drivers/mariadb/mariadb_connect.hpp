// Connecting to a server, for sessions and for cancelling.
#pragma once
#include <string>

#include "driver.hpp"
#include "mariadb_handles.hpp"

namespace tl::mariadb {

// Blocks, up to the dial's deadline: connects and authenticates.
[[nodiscard]] Result<Conn> connect(const config::Address& address, driver::Dial& dial);

}  // namespace tl::mariadb
