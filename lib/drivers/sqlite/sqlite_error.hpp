// SQLite's extended result codes as classes.
#pragma once
#include <sqlite3.h>

#include "error.hpp"

namespace tl::sqlite {

// The error that the handle holds for `code`; without a handle, what the code means. A statement that fails in SQLite
// has had no effect.
[[nodiscard]] Failure failure_of(sqlite3* db, int code, Phase phase);

}  // namespace tl::sqlite
