// Columns, and the batches that a result comes in.
#pragma once
#include "readers.hpp"

namespace trunkline {

// What a result says of a column.
struct column {
  std::string name;
  int32_t type = TL_NULL;  // TL_INT64, …; TL_ANY: each value has its own
  std::string type_name;   // the database's own name of the type
  uint32_t type_id = 0;    // and its number, 0: none
  int32_t precision = -1;  // -1: unknown, as below
  int32_t scale = -1;
  int32_t nullable = -1;
};

// Immutable columns in Arrow's layout; what is read from it refers to it. [any thread]
class batch {
 public:
  // Takes `raw`. `first` is the number of its first row within the result set, from 1. Used by result.
  batch(tl_batch* raw, size_t columns, int64_t first) : raw_(raw), columns_(columns), first_(first) {
    if (columns != 0) columns_[0].struct_size = sizeof(tl_column);
    const tl_status status = tl_batch_columns(raw, columns_.data(), columns, &rows_);
    if (status != TL_OK) throw error(status, "the columns of a batch cannot be told");
  }

  [[nodiscard]] int64_t rows() const noexcept { return rows_; }
  [[nodiscard]] int64_t first() const noexcept { return first_; }
  // The columns' memory, as trunkline.h tells.
  [[nodiscard]] std::span<const tl_column> columns() const noexcept { return columns_; }
  // The value at `row`, from 0, below rows(), of a column. Throws TL_E_DATA for a null or a type that T does not take.
  template <class T>
  [[nodiscard]] T get(int64_t row, size_t column) const {
    const tl_column& from = columns_[column];
    return detail::read<T>({&from, row, first_ + row, from.name});
  }

 private:
  struct release {
    void operator()(tl_batch* raw) const noexcept { tl_batch_release(raw); }
  };

  std::unique_ptr<tl_batch, release> raw_;
  std::vector<tl_column> columns_;
  int64_t rows_ = 0;
  int64_t first_ = 0;
};

}  // namespace trunkline
