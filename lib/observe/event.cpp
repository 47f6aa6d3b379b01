#include "event.hpp"

#include <array>

namespace tl::observe {

std::string_view kind_name(Kind kind) noexcept {
  constexpr std::array<std::string_view, kind_count> names = {
      "connect",    "disconnect",   "checkout", "checkin",         "dial_failed", "timeout", "query",
      "slow_query", "state_change", "ask_name", "ask_credentials", "role_change", "retry",   "fallback"};
  return names[static_cast<size_t>(kind)];
}

}  // namespace tl::observe
