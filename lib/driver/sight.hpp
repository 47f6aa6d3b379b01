// What a server tells of itself when it is looked at.
#pragma once
#include <optional>

#include "operation.hpp"
#include "position.hpp"

namespace tl::driver {

enum class ServerRole : uint8_t { unknown, primary, replica };

struct Sight {
  ServerRole role = ServerRole::unknown;  // replica: it refuses writes, for whatever reason
  // Else nothing but that it takes writes says that it is a primary: a replica that was never made read-only looks the
  // same.
  bool is_certain = true;
  Position position;         // how far a primary has written, or a replica has applied; empty: it does not say
  std::optional<Nanos> lag;  // of a replica, what it says itself; may be too long where the primary was quiet
};

class Look : public Operation {
 public:
  Sight sight;  // when done
};

// Waits until a replica has applied a position, or so long as it was told.
class Reach : public Operation {
 public:
  bool reached = false;  // when done
  Position position;     // how far it has come, as far as it says
};

}  // namespace tl::driver
