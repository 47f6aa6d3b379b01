// The two halves of the Arrow export: schemas and arrays.
#pragma once
#include <array>

#include "arrow_abi.hpp"
#include "batch.hpp"

namespace tl::columnar {

// What a column of per-value types becomes: a dense union of these, in this order.
inline constexpr std::array union_members = {Type::null, Type::int64, Type::float64, Type::text, Type::bytes};

void export_schema(const Schema& schema, ArrowSchema* out);
// The array keeps the batch alive. Errors: data, naming row (counted from `first_row`) and column.
[[nodiscard]] Result<void> export_batch(std::shared_ptr<const Batch> batch, int64_t first_row, ArrowArray* out);

}  // namespace tl::columnar
