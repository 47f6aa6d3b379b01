#include "columns.hpp"

#include <cstring>

namespace {

constexpr size_t aligned(size_t size) { return (size + 7) & ~size_t{7}; }

size_t validity_size(const tl_column& column) {
  return column.validity == nullptr ? 0 : (static_cast<size_t>(column.length) + 7) / 8;
}

size_t offsets_size(const tl_column& column) {
  return column.offsets == nullptr ? 0 : (static_cast<size_t>(column.length) + 1) * sizeof(int32_t);
}

size_t tags_size(const tl_column& column) { return column.tags == nullptr ? 0 : static_cast<size_t>(column.length); }

size_t size_of(const tl_column& column) {
  size_t size = aligned(validity_size(column)) + aligned(offsets_size(column)) + aligned(column.data_len) +
                aligned(tags_size(column)) + aligned(column.heap_len);
  if (column.n_children > 0) size += size_of_columns(column.children, 1);
  return size;
}

bool is_ascii(const uint8_t* text, size_t length) {
  uint8_t seen = 0;
  for (size_t i = 0; i < length; ++i) seen |= text[i];
  return seen < 0x80;
}

bool holds_text(int32_t type) { return type == TL_TEXT || type == TL_DECIMAL || type == TL_JSON; }

class Copy {
 public:
  Copy(uint8_t* memory, size_t at) : memory_(memory), at_(at) {}

  void columns(const tl_column* columns, size_t n) {
    const size_t places = at_;
    at_ += n * sizeof(Place);
    for (size_t i = 0; i < n; ++i) {
      const Place place = column(columns[i]);
      std::memcpy(memory_ + places + i * sizeof(Place), &place, sizeof place);
    }
  }

 private:
  Place column(const tl_column& column) {
    Place place{};
    place.type = column.type;
    place.nulls = static_cast<int32_t>(column.null_count);
    place.validity = column.validity == nullptr ? -1 : bytes(column.validity, validity_size(column));
    place.offsets = bytes(column.offsets, offsets_size(column));
    place.data = bytes(column.data, column.data_len);
    place.data_length = static_cast<int32_t>(column.data_len);
    place.tags = bytes(column.tags, tags_size(column));
    place.heap = bytes(column.heap, column.heap_len);
    place.heap_length = static_cast<int32_t>(column.heap_len);
    place.uniform = column.uniform;
    if (holds_text(column.type)) place.ascii = is_ascii(memory_ + place.data, column.data_len);
    if (column.type == TL_ANY) place.ascii = is_ascii(memory_ + place.heap, column.heap_len);
    if (column.n_children > 0) {
      place.elements = static_cast<int32_t>(at_);
      columns(column.children, 1);
    }
    return place;
  }

  int32_t bytes(const void* from, size_t size) {
    const size_t at = at_;
    if (size > 0) std::memcpy(memory_ + at, from, size);
    at_ += aligned(size);
    return static_cast<int32_t>(at);
  }

  uint8_t* memory_;
  size_t at_;
};

}  // namespace

size_t size_of_columns(const tl_column* columns, size_t n) {
  size_t size = n * sizeof(Place);
  for (size_t i = 0; i < n; ++i) size += size_of(columns[i]);
  return size;
}

void copy_columns(const tl_column* columns, size_t n, uint8_t* memory, size_t at) {
  Copy(memory, at).columns(columns, n);
}
