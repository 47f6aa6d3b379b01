// Running an operation: on the caller's own thread, with poll(2), where no other thread is woken; or, on a fiber, on
// its queue.
#pragma once
#include "session.hpp"
#include "ticket.hpp"

namespace tl::runtime {

enum class Ended : uint8_t {
  finished,   // the operation has: see its failure
  deadline,   // operation.deadline passed; the operation is still in its session's line
  cancelled,  // the ticket was; likewise
};

// Submits the operation and waits for it. `ticket` may be null.
[[nodiscard]] Ended run(driver::Session& session, driver::Operation& operation, Ticket* ticket);

// Goes on waiting for one that run() left in the line, deaf to cancelling: false when `until` came first.
[[nodiscard]] bool finish(driver::Session& session, driver::Operation& operation, Deadline until);

// Until the line is empty of what nobody waits for: false when `until` came first.
[[nodiscard]] bool drain(driver::Session& session, Deadline until);

}  // namespace tl::runtime
