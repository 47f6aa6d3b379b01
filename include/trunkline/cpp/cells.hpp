// One value of a column, as it lies in the memory of a batch.
#pragma once
#include <cstring>
#include <span>

#include "exception.hpp"

namespace trunkline::detail {

struct cell {
  const tl_column* column = nullptr;
  int64_t row = 0;     // within the column
  int64_t number = 0;  // of its row within the result set, from 1: what messages say
  const char* name = "";

  [[nodiscard]] bool in_any() const noexcept { return column->type == TL_ANY; }
  [[nodiscard]] bool is_null() const noexcept {
    return column->validity != nullptr && (column->validity[row >> 3] >> (row & 7) & 1) == 0;
  }
  [[nodiscard]] int32_t type() const noexcept { return in_any() ? column->tags[row] : column->type; }

  // The memory of a value of fixed size.
  template <class T>
  [[nodiscard]] T fixed() const noexcept {
    T value;
    std::memcpy(&value, static_cast<const char*>(column->data) + row * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return value;
  }
  [[nodiscard]] bool bit() const noexcept {
    return (static_cast<const uint8_t*>(column->data)[row >> 3] >> (row & 7) & 1) != 0;
  }

  // Of text and bytes, and what is kept as text.
  [[nodiscard]] std::string_view text() const noexcept {
    const char* base = static_cast<const char*>(in_any() ? column->heap : column->data);
    const int64_t begin = in_any() ? begin_in_heap() : column->offsets[row];
    const int64_t end = in_any() ? fixed<int64_t>() : column->offsets[row + 1];
    if (begin == end) return "";
    return {base + begin, static_cast<size_t>(end - begin)};
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw error(TL_E_DATA, "row " + std::to_string(number) + ", column \"" + name + "\": " + reason);
  }
  [[noreturn]] void refuse_type(std::string_view wanted) const {
    refuse(std::string(tl_type_name(type())) + " where the program wants " + std::string(wanted));
  }
  [[noreturn]] void refuse_null(std::string_view wanted) const {
    refuse("null where the program wants " + std::string(wanted) + " (std::optional takes nulls)");
  }

 private:
  // A value of `any` begins where the text or bytes before it end. Reading in order, each gap is walked once.
  [[nodiscard]] int64_t begin_in_heap() const noexcept {
    for (cell before = *this; before.row-- > 0;) {
      const int32_t type = before.type();
      if (type == TL_TEXT || type == TL_BYTES) return before.fixed<int64_t>();
    }
    return 0;
  }
};

}  // namespace trunkline::detail
