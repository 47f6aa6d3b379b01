// Reads that find what was written before them, on whatever server: docs/architecture.md says how.
#pragma once
#include "call.hpp"
#include "written.hpp"

namespace tl::connection {

// The detail of the failure that tells, once, that a handle's write was lost with a primary: where it was.
inline constexpr const char* lost_write = "lost_write";

// A statement or commit that wanted its position has ended; null: it has succeeded.
void note_written(Written& written, const Leased& leased, const Error* failure);

// Waits until the replica that was leased has come so far, for the connection's consistency_wait at most. Otherwise it
// has been given back. Errors: unavailable, it has not; cancelled, statement_timeout; what its server says.
[[nodiscard]] Result<void> await_place(Leased& leased, const driver::Position& place, const CallOptions& options);

}  // namespace tl::connection
