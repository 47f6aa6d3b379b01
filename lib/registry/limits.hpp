// How many sessions servers allow. Only they know, so they are asked.
#pragma once
#include "registry.hpp"

namespace tl::registry {

// One pool that a connection has, or will have.
struct PlannedPool {
  std::shared_ptr<Entry> entry;
  uint32_t index;  // of its endpoints
  EndpointSettings settings;
  std::string server;  // which, as far as its address shows

  [[nodiscard]] const config::Address& address() const noexcept { return settings->address; }
};
// Those of servers that can be asked; files allow what they are asked for.
[[nodiscard]] std::vector<PlannedPool> planned_pools(const Entries& entries);

// How many sessions a server allows in all, without those that it reserves, the user who asks, and the database; 0 or
// less: there is no such limit.
struct Limits {
  int64_t server = 0, user = 0, database = 0;
};

struct LimitsAnswer {
  PlannedPool by;  // through which the server was asked
  Result<Limits> limits;
};

// Asks the servers of these pools, once for each login and all at once, by ask_servers(). Connections that were closed
// stay closed. Errors: cancelled; resource.
[[nodiscard]] Result<std::vector<LimitsAnswer>> ask_limits(std::vector<PlannedPool> pools,
                                                           const connection::CallOptions& options);

}  // namespace tl::registry
