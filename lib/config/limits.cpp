// The limits over all connections.
#include <algorithm>

#include "build.hpp"

namespace tl::config {
namespace {

uint64_t kept_ready(const Endpoint& endpoint) noexcept { return std::min(endpoint.pool.min, endpoint.pool.max); }

uint64_t kept_ready(const Config& config) noexcept {
  uint64_t sum = 0;
  for (const Connection& connection : config.connections) {
    sum += kept_ready(connection.primary);
    for (const Endpoint& replica : connection.replicas) sum += kept_ready(replica);
  }
  return sum;
}

}  // namespace

Result<void> apply_limits(const Node& limits, const Blame& blame, Config& config) {
  if (Result<void> known = check_keys(limits, "limits", blame); !known) return known;
  Values values(limits, "limits", "limits", DriverKind::postgresql, blame, config);
  const auto max_open = values.integer("max_open");
  config.ask_timeout = values.duration("ask_timeout").value_or(config.ask_timeout);
  if (values.failed()) return values.take_error();
  if (!max_open) return {};
  config.max_open = static_cast<uint32_t>(*max_open);
  if (const uint64_t ready = kept_ready(config); ready > *config.max_open) {
    config.warnings.push_back(blame.source(limits.find("max_open")->origin) + ": limits.max_open: is " +
                              std::to_string(*max_open) + ", less than the " + std::to_string(ready) +
                              " sessions that pool.min of all connections would keep ready");
  }
  return {};
}

}  // namespace tl::config
