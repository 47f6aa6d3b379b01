// What is known of one endpoint, as one word: it is written and read whole, without a lock.
#pragma once
#include <cstdint>
#include <optional>

#include "clock.hpp"
#include "sight.hpp"

namespace tl::routing {

struct Seen {
  driver::ServerRole role = driver::ServerRole::unknown;  // as configured until it has been looked at
  bool is_aside = false;                                  // it has failed, and has not answered since
  std::optional<Nanos> lag;                               // of a replica, when it was looked at
  Instant at;                                             // then

  // Of a replica, at most, if it has not applied anything since.
  [[nodiscard]] std::optional<Nanos> lag_by(Instant now) const noexcept {
    if (!lag) return lag;
    return *lag + (now > at ? now - at : Nanos(0));
  }
};

// Times are kept to 10 ms and for 248 days, lags to 1 ms and up to three days.
[[nodiscard]] uint64_t pack(const Seen& seen) noexcept;
[[nodiscard]] Seen unpack(uint64_t word, Instant now) noexcept;

}  // namespace tl::routing
