// Connecting to a server, for sessions and for cancelling.
#pragma once
#include <string_view>

#include "driver.hpp"
#include "mariadb_handles.hpp"

namespace tl::mariadb {

// Bytes of a packet, and so of a row: more is neither taken from a server nor sent.
inline constexpr unsigned long most_packet = 256ul << 20;

// Blocks, up to the dial's deadline: connects and authenticates.
[[nodiscard]] Result<Conn> connect(const config::Address& address, driver::Dial& dial);
// Runs a statement at once, waiting as long as the dial may.
[[nodiscard]] Result<void> run_now(Conn& conn, std::string_view text, driver::Dial& dial);

}  // namespace tl::mariadb
