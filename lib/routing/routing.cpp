#include "routing.hpp"

#include <algorithm>

namespace tl::routing {

bool reads(sql::Kind kind) noexcept { return kind == sql::Kind::read; }

Order order(bool read, Mode mode, const Topology& topology, uint64_t turn, std::span<const uint32_t> busy) noexcept {
  if (!read || mode == Mode::write || topology.replicas == 0) return {0, 0};
  const uint32_t n = topology.replicas;
  if (topology.policy != config::Policy::least_busy || busy.size() != n) return {n, static_cast<uint32_t>(turn % n)};
  const auto calmest = std::min_element(busy.begin(), busy.end());
  return {n, static_cast<uint32_t>(calmest - busy.begin())};
}

}  // namespace tl::routing
