// SQLite's extended result codes as classes.
#pragma once
#include <sqlite3.h>

#include <string_view>

#include "error.hpp"

namespace tl::sqlite {

// The error that the handle holds for `code`. A statement that fails in SQLite has had no effect.
[[nodiscard]] Failure failure_of(sqlite3* db, int code, Phase phase);
[[nodiscard]] Status status_of(int extended_code) noexcept;

}  // namespace tl::sqlite
