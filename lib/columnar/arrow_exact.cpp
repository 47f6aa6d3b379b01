// Values that Arrow has no place for: they fail the export rather than arrive as something else.
#include <algorithm>
#include <limits>

#include "arrow_export.hpp"
#include "utf8.hpp"

namespace tl::columnar {
namespace {

using Found = std::optional<Inexact>;

bool is_null(const Column& column, int64_t row) noexcept {
  return column.null_count != 0 && (column.validity.data()[row >> 3] >> (row & 7) & 1) == 0;
}

template <class Integer, class Fits>
Found first_unfit(const Column& column, const char* what, Fits fits) noexcept {
  const auto* values = reinterpret_cast<const Integer*>(column.data.data());
  for (int64_t i = 0; i < column.length; ++i) {
    if (!fits(values[i]) && !is_null(column, i)) return Inexact{i, what};
  }
  return {};
}

// An infinite date or moment is a sentinel here and would become an ordinary one there.
template <class Integer>
Found first_infinite(const Column& column) noexcept {
  using Limits = std::numeric_limits<Integer>;
  return first_unfit<Integer>(column, "an infinite value",
                              [](Integer value) { return value != Limits::max() && value != Limits::min(); });
}

// PostgreSQL's day has a moment 24:00:00; Arrow's ends before it.
Found first_outside_day(const Column& column) noexcept {
  return first_unfit<int64_t>(column, "a time that is not within the day",
                              [](int64_t micros) { return micros >= 0 && micros < int64_t{86'400'000'000}; });
}

Found first_long_interval(const Column& column) noexcept {
  for (int64_t i = 0; i < column.length; ++i) {
    int64_t micros = 0;
    std::memcpy(&micros, column.data.data() + i * 16 + 8, sizeof micros);
    int64_t nanos = 0;
    if (__builtin_mul_overflow(micros, 1000, &nanos)) return Inexact{i, "an interval of so many microseconds"};
  }
  return {};
}

constexpr const char* not_utf8 = "text that is not UTF-8";

// Where the whole is UTF-8 and no row begins inside a sequence, every row is.
Found first_bad_text(const Column& column) noexcept {
  const auto* offsets = reinterpret_cast<const int32_t*>(column.offsets.data());
  const uint8_t* bytes = column.data.data();
  const auto begins_inside = [&](int32_t at) {
    return static_cast<size_t>(at) < column.data.size() && (bytes[at] & 0xc0) == 0x80;
  };
  if (is_utf8(bytes, column.data.size()) && std::none_of(offsets, offsets + column.length, begins_inside)) return {};
  for (int64_t i = 0; i < column.length; ++i) {
    if (!is_utf8(bytes + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]))) return Inexact{i, not_utf8};
  }
  return {};
}

Found first_bad_any(const Column& column) noexcept {
  uint64_t begin = 0;
  for (int64_t i = 0; i < column.length; ++i) {
    const auto tag = static_cast<Type>(column.tags.data()[i]);
    if (tag == Type::int64 || tag == Type::float64) continue;
    uint64_t end = 0;
    std::memcpy(&end, column.data.data() + i * 8, sizeof end);
    if (tag == Type::text && !is_utf8(column.heap.data() + begin, static_cast<size_t>(end - begin))) {
      return Inexact{i, not_utf8};
    }
    begin = end;
  }
  return {};
}

// The row of the list that has the element.
Found first_bad_element(const Column& column) noexcept {
  const Found bad = first_inexact(*column.child);
  if (!bad) return {};
  const auto* offsets = reinterpret_cast<const int32_t*>(column.offsets.data());
  const auto* after = std::upper_bound(offsets, offsets + column.length, bad->row);
  return Inexact{after - offsets - 1, bad->what};
}

}  // namespace

std::optional<Inexact> first_inexact(const Column& column) noexcept {
  switch (column.type) {
    case Type::date: return first_infinite<int32_t>(column);
    case Type::timestamp:
    case Type::timestamptz:
    case Type::duration: return first_infinite<int64_t>(column);
    case Type::time: return first_outside_day(column);
    case Type::interval: return first_long_interval(column);
    case Type::text:
    case Type::json: return first_bad_text(column);
    case Type::any: return first_bad_any(column);
    case Type::list: return first_bad_element(column);
    default: return {};
  }
}

}  // namespace tl::columnar
