// Rows as COPY … FROM STDIN reads them in its text format: the server makes of each text what it would make of it in a
// literal of the column's type.
#pragma once
#include "postgresql_params.hpp"

namespace tl::postgresql {

// One row with its line's end. Errors (data): a value that PostgreSQL cannot hold; names its column, from 1, and leaves
// `to` as it was.
[[nodiscard]] Result<void> append_copy_row(std::string& to, const columnar::Params& row);

}  // namespace tl::postgresql
