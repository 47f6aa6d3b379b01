// Waiting until a server has ended a session that was closed here. A server works through the goodbye in its own time:
// whoever opens another session at once may find the old one still counted.
#pragma once
#include "clock.hpp"
#include "config.hpp"
#include "fork.hpp"

namespace tl::connection {

class Farewell {
 public:
  // Before the session is closed; -1: it has no server. Keeps a copy of the descriptor.
  Farewell(int descriptor, config::DriverKind server) noexcept;

  // Until the server has closed its end, as it does when it has ended the session.
  void await(Deadline until) const noexcept;

 private:
  const Nanos lag_;
  Descriptor descriptor_;
};

}  // namespace tl::connection
