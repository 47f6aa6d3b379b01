// SQLite's extended result codes as classes.
#pragma once
#include <sqlite3.h>

#include "error.hpp"

namespace tl::sqlite {

// The error that the handle holds for `code`; without a handle, what the code means. A statement that fails in SQLite
// has had no effect.
[[nodiscard]] Failure failure_of(sqlite3* db, int code, Phase phase);

// Another session has a lock, and will let go of it: waiting helps.
[[nodiscard]] constexpr bool is_lock(int code) noexcept {
  return ((code & 0xff) == SQLITE_BUSY && code != SQLITE_BUSY_SNAPSHOT) || code == SQLITE_PROTOCOL;
}

}  // namespace tl::sqlite
