// SQLite in a process that forks.
#pragma once
#include "result.hpp"

namespace tl::sqlite {

// Before a file is opened. Errors: unavailable, where the process was forked while another thread was inside SQLite.
[[nodiscard]] Result<void> prepare_for_forks();

}  // namespace tl::sqlite
