// Values of the binary and the text protocol into columns.
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "calendar.hpp"
#include "mariadb_plan.hpp"
#include "utf8.hpp"

namespace tl::mariadb {
namespace {

using columnar::Column;
using columnar::Type;

constexpr char no_date[] = "a zero or partial date, which is none; read it as text: CAST(… AS CHAR)";
constexpr char malformed[] = "the server sent a value that is none of its type";

template <class T>
T little_endian(const unsigned char*& at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  at += sizeof value;
  return value;
}

// What a value begins with, as the protocol writes lengths; more than there is where there is none.
uint64_t take_length(Bytes& bytes) noexcept {
  constexpr uint64_t too_much = UINT64_MAX;
  if (bytes.at == bytes.end) return too_much;
  const unsigned char first = *bytes.at++;
  if (first < 251) return first;
  const size_t size = first == 252 ? 2 : first == 253 ? 3 : 8;
  if (static_cast<size_t>(bytes.end - bytes.at) < size) return too_much;
  uint64_t length = 0;
  for (size_t i = 0; i < size; ++i) length |= uint64_t{*bytes.at++} << 8 * i;
  return length;
}

// The bytes of the value; its end lies before its beginning where the server sent less than it said.
Bytes take_value(Bytes& bytes, Form form) noexcept {
  uint64_t length = 0;
  switch (form) {
    case Form::int8:
    case Form::uint8: length = 1; break;
    case Form::int16:
    case Form::uint16: length = 2; break;
    case Form::int32:
    case Form::uint32:
    case Form::float32: length = 4; break;
    case Form::int64:
    case Form::float64: length = 8; break;
    default: length = take_length(bytes);
  }
  if (length > static_cast<uint64_t>(bytes.end - bytes.at)) return {bytes.end, nullptr};
  const Bytes value{bytes.at, bytes.at + length};
  bytes.at = value.end;
  return value;
}

struct Moment {
  int64_t year = 0;
  int32_t month = 0, day = 0;
  int64_t micros = 0;  // since midnight
};

Complaint append_date(Column& column, const Moment& moment) {
  if (moment.month == 0 || moment.day == 0) return no_date;
  column.append_int32(static_cast<int32_t>(columnar::days_of_date({moment.year, moment.month, moment.day})));
  return nullptr;
}

Complaint append_moment(Column& column, const Moment& moment) {
  if (moment.month == 0 || moment.day == 0) return no_date;
  const int64_t days = columnar::days_of_date({moment.year, moment.month, moment.day});
  column.append_int64(days * columnar::micros_per_day + moment.micros);
  return nullptr;
}

int64_t micros_of(int64_t hours, int64_t minutes, int64_t seconds) noexcept {
  return ((hours * 60 + minutes) * 60 + seconds) * columnar::micros_per_second;
}

// Of 0, 4, 7 or 11 bytes: what is missing is zero.
Moment binary_moment(Bytes value) noexcept {
  Moment moment;
  const auto length = value.end - value.at;
  if (length >= 4) {
    moment.year = little_endian<uint16_t>(value.at);
    moment.month = *value.at++;
    moment.day = *value.at++;
  }
  if (length >= 7) {
    moment.micros = micros_of(value.at[0], value.at[1], value.at[2]);
    value.at += 3;
  }
  if (length >= 11) moment.micros += little_endian<uint32_t>(value.at);
  return moment;
}

// Of 0, 8 or 12 bytes.
int64_t binary_time(Bytes value) noexcept {
  const auto length = value.end - value.at;
  if (length < 8) return 0;
  const bool negative = *value.at++ != 0;
  const int64_t days = little_endian<uint32_t>(value.at);
  int64_t micros = days * columnar::micros_per_day + micros_of(value.at[0], value.at[1], value.at[2]);
  value.at += 3;
  if (length >= 12) micros += little_endian<uint32_t>(value.at);
  return negative ? -micros : micros;
}

void append_bits(Column& column, std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  column.append_int64(static_cast<int64_t>(value));
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Complaint append_uuid(Column& column, std::string_view text) {
  unsigned char bytes[16];
  size_t digits = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const int digit = hex_digit(c);
    if (digit < 0 || digits == 32) return malformed;
    bytes[digits / 2] = static_cast<unsigned char>(digits % 2 == 0 ? digit << 4 : bytes[digits / 2] | digit);
    ++digits;
  }
  if (digits != 32) return malformed;
  column.append_fixed16(bytes);
  return nullptr;
}

Complaint append_string(Column& column, std::string_view value) {
  if (!column.fits(value.size())) return too_large;
  column.append_bytes(value.data(), value.size());
  return nullptr;
}

Complaint append_text_form(Column& column, Form form, std::string_view value) {
  switch (form) {
    case Form::bit: append_bits(column, value); return nullptr;
    case Form::uuid: return append_uuid(column, value);
    default: return append_string(column, value);
  }
}

// Numbers apart by the characters between them, as dates and times are written: "2024-02-29 12:00:00.345678".
class Scan {
 public:
  explicit Scan(std::string_view text) noexcept : rest_(text) {}
  bool take(char c) noexcept {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  int64_t number() noexcept {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) good_ = false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }
  int64_t micros() noexcept {
    const size_t before = rest_.size();
    int64_t value = number();
    for (size_t digits = before - rest_.size(); digits < 6; ++digits) value *= 10;
    return value;
  }
  [[nodiscard]] bool read_all() const noexcept { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

int64_t clock_of(Scan& scan) noexcept {
  const int64_t hours = scan.number();
  (void)scan.take(':');
  const int64_t minutes = scan.number();
  (void)scan.take(':');
  const int64_t seconds = scan.number();
  return micros_of(hours, minutes, seconds) + (scan.take('.') ? scan.micros() : 0);
}

std::optional<Moment> text_moment(std::string_view value, bool with_time) noexcept {
  Scan scan(value);
  Moment moment;
  moment.year = scan.number();
  (void)scan.take('-');
  moment.month = static_cast<int32_t>(scan.number());
  (void)scan.take('-');
  moment.day = static_cast<int32_t>(scan.number());
  if (with_time && scan.take(' ')) moment.micros = clock_of(scan);
  return scan.read_all() ? std::optional(moment) : std::nullopt;
}

Complaint text_time(Column& column, std::string_view value) {
  Scan scan(value);
  const bool negative = scan.take('-');
  const int64_t micros = clock_of(scan);
  if (!scan.read_all()) return malformed;
  column.append_int64(negative ? -micros : micros);
  return nullptr;
}

template <class T>
std::optional<T> number_of(std::string_view value) noexcept {
  T number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size() ? std::optional(number) : std::nullopt;
}

Complaint text_integer(Column& column, std::string_view value) {
  if (column.type == Type::uint64) {
    const auto number = number_of<uint64_t>(value);
    if (!number) return malformed;
    column.append_int64(static_cast<int64_t>(*number));
  } else {
    const auto number = number_of<int64_t>(value);
    if (!number) return malformed;
    column.append_int64(*number);
  }
  return nullptr;
}

Complaint text_double(Column& column, std::string_view value) {
  const auto number = number_of<double>(value);
  if (!number) return malformed;
  column.append_double(*number);
  return nullptr;
}

}  // namespace

Complaint read_binary(Column* into, Form form, Bytes& bytes) {
  Bytes value = take_value(bytes, form);
  if (value.end == nullptr) return malformed;
  if (into == nullptr) return nullptr;
  Column& column = *into;
  switch (form) {
    case Form::int8: column.append_int64(little_endian<int8_t>(value.at)); return nullptr;
    case Form::int16: column.append_int64(little_endian<int16_t>(value.at)); return nullptr;
    case Form::int32: column.append_int64(little_endian<int32_t>(value.at)); return nullptr;
    case Form::int64: column.append_int64(little_endian<int64_t>(value.at)); return nullptr;
    case Form::uint8: column.append_int64(little_endian<uint8_t>(value.at)); return nullptr;
    case Form::uint16: column.append_int64(little_endian<uint16_t>(value.at)); return nullptr;
    case Form::uint32: column.append_int64(little_endian<uint32_t>(value.at)); return nullptr;
    case Form::float32: column.append_double(little_endian<float>(value.at)); return nullptr;
    case Form::float64: column.append_double(little_endian<double>(value.at)); return nullptr;
    case Form::date: return append_date(column, binary_moment(value));
    case Form::datetime: return append_moment(column, binary_moment(value));
    case Form::time: column.append_int64(binary_time(value)); return nullptr;
    default: break;
  }
  const auto length = static_cast<size_t>(value.end - value.at);
  return append_text_form(column, form, {reinterpret_cast<const char*>(value.at), length});
}

Complaint read_text(Column& column, Form form, std::string_view value) {
  switch (form) {
    case Form::float32: {
      // Of a value of up to six digits, which is as many as the server writes, the nearest float is the one it holds.
      const auto number = number_of<float>(value);
      if (!number) return malformed;
      column.append_double(*number);
      return nullptr;
    }
    case Form::float64: return text_double(column, value);
    case Form::date:
    case Form::datetime: {
      const auto moment = text_moment(value, form == Form::datetime);
      if (!moment) return malformed;
      return form == Form::date ? append_date(column, *moment) : append_moment(column, *moment);
    }
    case Form::time: return text_time(column, value);
    case Form::bit:
    case Form::uuid:
    case Form::string: return append_text_form(column, form, value);
    default: return text_integer(column, value);
  }
}

}  // namespace tl::mariadb
