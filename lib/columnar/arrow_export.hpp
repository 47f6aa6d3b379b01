// The parts of the Arrow export: schemas, arrays, and what they cannot hold.
#pragma once
#include <array>
#include <optional>

#include "arrow_abi.hpp"
#include "batch.hpp"

namespace tl::columnar {

// What a column of per-value types becomes: a dense union of these, in this order.
inline constexpr std::array union_members = {Type::null, Type::int64, Type::float64, Type::text, Type::bytes};

// The first row of a column whose value Arrow cannot hold exactly, and why.
struct Inexact {
  int64_t row;
  const char* what;
};
[[nodiscard]] std::optional<Inexact> first_inexact(const Column& column) noexcept;

void export_schema(const Schema& schema, ArrowSchema* out);
// The array keeps the batch alive. Errors: data, naming row (counted from `first_row`) and column.
[[nodiscard]] Result<void> export_batch(const std::shared_ptr<const Batch>& batch, int64_t first_row, ArrowArray* out);

}  // namespace tl::columnar
