// Columns, and the batches that a result comes in.
#pragma once
#include <iterator>
#include <tuple>

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

namespace detail {
[[noreturn]] inline void refuse_width(size_t wanted, size_t columns) {
  throw error(TL_E_MISUSE, "the program reads rows of " + std::to_string(wanted) + " columns, the result has " +
                               std::to_string(columns));
}
}  // namespace detail

template <class... Ts>
class batch_rows;

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

  // The rows as std::tuple<Ts...>, a range that refers to the batch. Throws TL_E_MISUSE where the number of columns is
  // another; the range throws TL_E_DATA for a value that its type cannot hold, naming row and column.
  template <class... Ts>
  [[nodiscard]] batch_rows<Ts...> as() const& {
    return batch_rows<Ts...>(*this);
  }
  template <class... Ts>
  void as() && = delete;  // the rows would outlive it

 private:
  struct release {
    void operator()(tl_batch* raw) const noexcept { tl_batch_release(raw); }
  };

  std::unique_ptr<tl_batch, release> raw_;
  std::vector<tl_column> columns_;
  int64_t rows_ = 0;
  int64_t first_ = 0;
};

// What batch::as gives. Refers to the batch.
template <class... Ts>
class batch_rows {
 public:
  using row = std::tuple<Ts...>;

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = row;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    row operator*() const {
      return [this]<size_t... I>(std::index_sequence<I...>) {
        return row{from_->template get<Ts>(at_, I)...};  // in order, as braces are
      }
      (std::index_sequence_for<Ts...>());
    }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept { return iterator(from_, at_++); }
    friend bool operator==(const iterator&, const iterator&) = default;

   private:
    friend batch_rows;
    iterator(const batch* from, int64_t at) noexcept : from_(from), at_(at) {}

    const batch* from_ = nullptr;
    int64_t at_ = 0;
  };

  explicit batch_rows(const batch& from) : from_(&from) {
    if (from.columns().size() != sizeof...(Ts)) detail::refuse_width(sizeof...(Ts), from.columns().size());
  }
  [[nodiscard]] iterator begin() const noexcept { return iterator(from_, 0); }
  [[nodiscard]] iterator end() const noexcept { return iterator(from_, from_->rows()); }

 private:
  const batch* from_;
};

}  // namespace trunkline
