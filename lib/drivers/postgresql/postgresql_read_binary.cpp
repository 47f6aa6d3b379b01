// Values in PostgreSQL's binary format, into columns.
#include <bit>
#include <cstring>

#include "postgresql_plan.hpp"

namespace tl::postgresql {
namespace {

using columnar::Column;

constexpr Complaint wrong_size = "the server sent a value of an unexpected size";

template <class T>
T big_endian(const char* bytes) noexcept {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

Complaint read_date(Column& column, int32_t days) {
  if (days == INT32_MAX || days == INT32_MIN) {
    column.append_int32(days);
    return nullptr;
  }
  int32_t moved = 0;
  if (__builtin_add_overflow(days, static_cast<int32_t>(epoch_days), &moved))
    return "a date beyond the range of 32 bits";
  column.append_int32(moved);
  return nullptr;
}

Complaint read_timestamp(Column& column, int64_t micros) {
  if (micros == INT64_MAX || micros == INT64_MIN) {
    column.append_int64(micros);
    return nullptr;
  }
  int64_t moved = 0;
  if (__builtin_add_overflow(micros, epoch_micros, &moved) || moved == INT64_MAX) {  // which is infinity's
    return "a timestamp beyond the range of 64 bits of microseconds";
  }
  column.append_int64(moved);
  return nullptr;
}

void read_interval(Column& column, const char* bytes) {
  const columnar::Interval interval{big_endian<int32_t>(bytes + 12), big_endian<int32_t>(bytes + 8),
                                    big_endian<int64_t>(bytes)};
  column.append_fixed16(&interval);
}

// Base-10000 digits: count, weight of the first, sign, digits after the point.
Complaint read_numeric(Column& column, std::string_view value) {
  constexpr int header = 8;
  constexpr uint16_t positive = 0x0000, negative = 0x4000, nan = 0xC000, plus_infinity = 0xD000,
                     minus_infinity = 0xF000;
  if (value.size() < header) return wrong_size;
  const auto count = big_endian<uint16_t>(value.data());
  const auto weight = big_endian<int16_t>(value.data() + 2);
  const auto sign = big_endian<uint16_t>(value.data() + 4);
  const auto scale = big_endian<uint16_t>(value.data() + 6);
  if (value.size() != header + size_t{count} * 2) return wrong_size;
  if (sign == nan) return column.append_bytes("NaN", 3), nullptr;
  if (sign == plus_infinity) return column.append_bytes("Infinity", 8), nullptr;
  if (sign == minus_infinity) return column.append_bytes("-Infinity", 9), nullptr;
  if (sign != positive && sign != negative) return "the server sent a number of an unknown sign";

  const auto group = [&](int i) -> int {  // the i-th group of four digits
    return i < 0 || i >= count ? 0 : big_endian<uint16_t>(value.data() + header + 2 * i);
  };
  const int whole_groups = weight >= 0 ? weight + 1 : 0;
  const size_t most = 2 + size_t(whole_groups) * 4 + (scale == 0 ? 0 : 1 + size_t{scale} + 3);
  if (!column.fits(most)) return too_large;
  std::string text;
  text.reserve(most);
  if (sign == negative) text += '-';
  const auto put = [&](int digits, bool all) {
    char four[4] = {char('0' + digits / 1000), char('0' + digits / 100 % 10), char('0' + digits / 10 % 10),
                    char('0' + digits % 10)};
    size_t from = 0;
    while (!all && from < 3 && four[from] == '0') ++from;
    text.append(four + from, 4 - from);
  };
  if (whole_groups == 0) text += '0';
  for (int i = 0; i < whole_groups; ++i) put(group(i), i > 0);
  if (scale > 0) {
    text += '.';
    const size_t end = text.size() + scale;
    for (int i = weight + 1; text.size() < end; ++i) put(group(i), true);
    text.resize(end);
  }
  column.append_bytes(text.data(), text.size());
  return nullptr;
}

// PostgreSQL's "char": one byte, shown as its text output shows it.
void read_one_char(Column& column, std::string_view value) {
  const auto byte = static_cast<unsigned char>(value.empty() ? '\0' : value.front());
  if (byte >= 0x80) {
    const char octal[4] = {'\\', char('0' + (byte >> 6)), char('0' + (byte >> 3 & 7)), char('0' + (byte & 7))};
    column.append_bytes(octal, sizeof octal);
  } else {
    column.append_bytes(value.data(), byte == 0 ? 0 : 1);
  }
}

// Dimensions, whether there are nulls, the elements' type; each dimension's length and lower bound; the elements.
Complaint read_list(Column& column, const TypeInfo& type, std::string_view value) {
  if (value.size() < 12) return wrong_size;
  const auto dimensions = big_endian<int32_t>(value.data());
  if (dimensions == 0 && value.size() == 12) return column.append_list_end(), nullptr;
  if (dimensions <= 0) return wrong_size;
  if (dimensions != 1) return "an array of more than one dimension; arrays = \"text\" gives its text";
  if (value.size() < 20) return wrong_size;
  const auto length = big_endian<int32_t>(value.data() + 12);
  if (length < 0) return wrong_size;
  if (big_endian<int32_t>(value.data() + 16) != 1) {
    return "an array whose lower bound is not 1; arrays = \"text\" gives its text";
  }
  const TypeInfo& element = *find_type(type.element);
  value.remove_prefix(20);
  for (int32_t i = 0; i < length; ++i) {
    if (value.size() < 4) return wrong_size;
    const auto size = big_endian<int32_t>(value.data());
    value.remove_prefix(4);
    const size_t bytes = size == -1 ? 0 : static_cast<size_t>(size);
    if (value.size() < bytes) return wrong_size;
    if (!column.child->fits(bytes + widest_slot)) return too_large;
    if (size == -1) {
      column.child->append_null();
    } else if (const Complaint wrong = read_binary(*column.child, element, value.substr(0, bytes))) {
      return wrong;
    }
    value.remove_prefix(bytes);
  }
  if (!value.empty()) return wrong_size;
  column.append_list_end();
  return nullptr;
}

size_t size_of(Form form) noexcept {
  switch (form) {
    case Form::boolean: return 1;
    case Form::int2: return 2;
    case Form::int4:
    case Form::oid:
    case Form::float4:
    case Form::date: return 4;
    case Form::int8:
    case Form::float8:
    case Form::time:
    case Form::timestamp: return 8;
    case Form::interval:
    case Form::uuid: return 16;
    default: return 0;  // of any size
  }
}

}  // namespace

Complaint read_binary(Column& column, const TypeInfo& type, std::string_view value) {
  if (const size_t size = size_of(type.form); size != 0 && size != value.size()) return wrong_size;
  const char* const bytes = value.data();
  switch (type.form) {
    case Form::boolean: column.append_bool(*bytes != 0); break;
    case Form::int2: column.append_int64(big_endian<int16_t>(bytes)); break;
    case Form::int4: column.append_int64(big_endian<int32_t>(bytes)); break;
    case Form::oid: column.append_int64(big_endian<uint32_t>(bytes)); break;
    case Form::int8:
    case Form::time: column.append_int64(big_endian<int64_t>(bytes)); break;
    case Form::float4: column.append_double(std::bit_cast<float>(big_endian<uint32_t>(bytes))); break;
    case Form::float8: column.append_double(std::bit_cast<double>(big_endian<uint64_t>(bytes))); break;
    case Form::date: return read_date(column, big_endian<int32_t>(bytes));
    case Form::timestamp: return read_timestamp(column, big_endian<int64_t>(bytes));
    case Form::interval: read_interval(column, bytes); break;
    case Form::uuid: column.append_fixed16(bytes); break;
    case Form::numeric: return read_numeric(column, value);
    case Form::text:
    case Form::bytes:
    case Form::json: column.append_bytes(bytes, value.size()); break;
    case Form::jsonb:
      if (value.empty() || value.front() != 1) return "a version of jsonb that this library does not know";
      column.append_bytes(bytes + 1, value.size() - 1);
      break;
    case Form::one_char: read_one_char(column, value); break;
    case Form::list: return read_list(column, type, value);
    case Form::nothing: column.append_bytes("", 0); break;
    case Form::unknown: return "a type without a known binary form";
  }
  return nullptr;
}

}  // namespace tl::postgresql
