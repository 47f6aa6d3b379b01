// Several copies of the library in one process: files of different names, one that is linked into the program or a
// plug-in statically, one in a namespace of its own (dlmopen). They do not know each other's symbols, so what they know
// of each other is a mapping that the process's list of mappings (/proc/self/maps) names.
#pragma once
#include "result.hpp"

namespace tl::capi {

// Errors: configuration, another copy has given out a shared registry; its file is named.
[[nodiscard]] Result<void> no_other_copy_shares();

// The same, and says to the other copies that this one has, from now on. Two that do so at the same moment may both be
// refused. One thread at a time. Errors: the same; resource.
[[nodiscard]] Result<void> begin_to_share();

}  // namespace tl::capi
