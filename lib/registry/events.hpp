// Telling events to somebody for as long as he wants to hear them.
#pragma once
#include <functional>

#include "hub.hpp"
#include "ticket.hpp"

namespace tl::registry {

// Calls `heard` with each event of these kinds, from the threads where they happen, one at a time and not after this
// returns; it answers false where the event is lost, but not where the subscription ends. On a fiber: waits until the
// ticket (may be null) is cancelled or the queue is shut down; answers which.
[[nodiscard]] Failure follow(observe::Hub& hub, observe::Kinds kinds, runtime::Ticket* ticket,
                             std::function<bool(const observe::Event&)> heard);

}  // namespace tl::registry
