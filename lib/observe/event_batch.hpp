// An event as a result of one row, which is how it leaves the library.
#pragma once
#include "batch.hpp"
#include "event.hpp"

namespace tl::observe {

// Columns: kind, at, connection, endpoint, session, backend, tag, duration, status, statement, message. What the event
// does not have is null.
[[nodiscard]] std::shared_ptr<const columnar::Batch> as_batch(const Event& event);

}  // namespace tl::observe
