// Values in PostgreSQL's text format, into columns: the same values that the binary format gives. DateStyle and
// IntervalStyle are those that opening sets.
#include <cmath>
#include <cstring>

#include "calendar.hpp"
#include "postgresql_plan.hpp"
#include "postgresql_scan.hpp"

namespace tl::postgresql {
namespace {

using columnar::Column;
using columnar::micros_per_day;
using columnar::micros_per_second;

constexpr Complaint many_dimensions = "an array of more than one dimension; arrays = \"text\" gives its text";
constexpr Complaint not_understood = "the server sent a text that does not fit the value's type";

template <class Number>
std::optional<Number> whole(std::string_view text) noexcept {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Float>
std::optional<double> real(std::string_view text) noexcept {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return HUGE_VAL;
  if (text == "-Infinity") return -HUGE_VAL;
  const std::optional<Float> value = whole<Float>(text);
  if (!value) return std::nullopt;
  return *value;
}

// "2024-02-29", the year with four digits or more; " BC" comes at the very end of what the date is part of.
std::optional<columnar::Date> date_part(Scan& scan) noexcept {
  constexpr int64_t last_year = 5'874'897;
  const auto year = scan.number();
  if (!year || *year > last_year || !scan.take('-')) return std::nullopt;
  const auto month = scan.number();
  if (!month || !scan.take('-')) return std::nullopt;
  const auto day = scan.number();
  if (!day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
  return columnar::Date{*year, static_cast<int32_t>(*month), static_cast<int32_t>(*day)};
}

// "04:05:06.789" in microseconds, hours of any size; `sign` is what stood before it.
std::optional<int64_t> clock_part(Scan& scan, int64_t sign = 1) noexcept {
  constexpr int64_t most_hours = INT64_MAX / (3600 * micros_per_second);
  const auto hours = scan.number();
  if (!hours || *hours > most_hours || !scan.take(':')) return std::nullopt;
  const auto minutes = scan.number();
  if (!minutes || *minutes > 59 || !scan.take(':')) return std::nullopt;
  const auto seconds = scan.number();
  if (!seconds || *seconds > 60) return std::nullopt;
  const auto fraction = scan.take('.') ? scan.fraction() : std::optional<int64_t>(0);
  if (!fraction) return std::nullopt;
  const int64_t whole_seconds = sign * (*hours * 3600 + *minutes * 60 + *seconds);
  int64_t micros = 0;
  if (__builtin_mul_overflow(whole_seconds, micros_per_second, &micros)) return std::nullopt;
  if (__builtin_add_overflow(micros, sign * *fraction, &micros)) return std::nullopt;
  return micros;
}

// "+05:30", "-00:19:32": what was added to UTC.
std::optional<int64_t> zone_part(Scan& scan) noexcept {
  const bool negative = scan.peek() == '-';
  if (!scan.take('+') && !scan.take('-')) return std::nullopt;
  int64_t seconds = 0;
  for (const int64_t unit : {3600, 60, 1}) {
    if (unit != 3600 && !scan.take(':')) break;
    const auto part = scan.number();
    if (!part || *part > 59) return std::nullopt;
    seconds += *part * unit;
  }
  return (negative ? -seconds : seconds) * micros_per_second;
}

int64_t days_of(columnar::Date date, Scan& scan) noexcept {
  if (scan.take(" BC")) date.year = 1 - date.year;
  return columnar::days_of_date(date);
}

Complaint read_date(Column& column, std::string_view text) {
  if (text == "infinity") return column.append_int32(INT32_MAX), nullptr;
  if (text == "-infinity") return column.append_int32(INT32_MIN), nullptr;
  Scan scan(text);
  const auto date = date_part(scan);
  if (!date) return not_understood;
  const int64_t days = days_of(*date, scan);
  if (!scan.at_end()) return not_understood;
  column.append_int32(static_cast<int32_t>(days));
  return nullptr;
}

Complaint read_timestamp(Column& column, std::string_view text, bool with_zone) {
  if (text == "infinity") return column.append_int64(INT64_MAX), nullptr;
  if (text == "-infinity") return column.append_int64(INT64_MIN), nullptr;
  Scan scan(text);
  const auto date = date_part(scan);
  if (!date || !scan.take(' ')) return not_understood;
  const auto clock = clock_part(scan);
  if (!clock) return not_understood;
  const auto zone = with_zone ? zone_part(scan) : std::optional<int64_t>(0);
  if (!zone) return not_understood;
  const int64_t days = days_of(*date, scan);
  int64_t micros = 0;
  if (!scan.at_end()) return not_understood;
  if (__builtin_mul_overflow(days, micros_per_day, &micros) ||
      __builtin_add_overflow(micros, *clock - *zone, &micros) || micros == INT64_MAX) {
    return "a timestamp beyond the range of 64 bits of microseconds";
  }
  column.append_int64(micros);
  return nullptr;
}

Complaint read_time(Column& column, std::string_view text) {
  Scan scan(text);
  const auto clock = clock_part(scan);
  if (!clock || !scan.at_end()) return not_understood;
  column.append_int64(*clock);
  return nullptr;
}

// "1 year -2 mons +3 days -04:05:06.789": every part has its own sign.
Complaint read_interval(Column& column, std::string_view text) {
  Scan scan(text);
  int64_t months = 0;
  int64_t days = 0;
  int64_t micros = 0;
  while (!scan.at_end()) {
    const bool negative = scan.peek() == '-';
    if (negative || scan.peek() == '+') scan.take(scan.peek());
    Scan ahead = scan;
    const auto number = ahead.number();
    if (!number) return not_understood;
    const int64_t value = negative ? -*number : *number;
    if (ahead.peek() == ':') {
      const auto clock = clock_part(scan, negative ? -1 : 1);
      if (!clock) return not_understood;
      micros = *clock;
      continue;
    }
    scan = ahead;
    if (*number > int64_t{1} << 31) return not_understood;
    if (scan.take(" year")) {
      months += value * 12;
    } else if (scan.take(" mon")) {
      months += value;
    } else if (scan.take(" day")) {
      days += value;
    } else {
      return not_understood;
    }
    scan.take('s');
    scan.take(' ');
  }
  const columnar::Interval interval{static_cast<int32_t>(months), static_cast<int32_t>(days), micros};
  column.append_fixed16(&interval);
  return nullptr;
}

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Two digits for each byte; `dashes` may stand between.
std::optional<std::string> bytes_of_hex(std::string_view text, bool dashes) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    if (dashes && text[i] == '-') ++i;
    if (i + 1 >= text.size()) return std::nullopt;
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

Complaint read_bytes(Column& column, std::string_view text) {
  if (!text.starts_with("\\x")) return not_understood;
  const auto bytes = bytes_of_hex(text.substr(2), false);
  if (!bytes) return not_understood;
  column.append_bytes(bytes->data(), bytes->size());
  return nullptr;
}

Complaint read_uuid(Column& column, std::string_view text) {
  const auto bytes = bytes_of_hex(text, true);
  if (!bytes || bytes->size() != 16) return not_understood;
  column.append_fixed16(bytes->data());
  return nullptr;
}

template <class Value, class Append>
Complaint append_if(const std::optional<Value>& value, Append append) {
  if (!value) return not_understood;
  append(*value);
  return nullptr;
}

// One element of an array's text: quoted with \ before " and \, or bare; a bare NULL is a null.
Complaint read_element(Column& column, const TypeInfo& type, Scan& scan) {
  std::string element;
  const bool quoted = scan.take('"');
  for (;;) {
    const char c = scan.peek();
    if (scan.at_end()) return not_understood;
    if (quoted ? c == '"' : c == ',' || c == '}') break;
    scan.take(c);
    if (c != '\\') {
      element += c;
      continue;
    }
    element += scan.peek();
    scan.take(scan.peek());
  }
  if (!column.fits(element.size() + widest_slot)) return too_large;
  if (quoted) {
    scan.take('"');
  } else if (element == "NULL") {
    return column.append_null(), nullptr;
  }
  return read_text(column, type, element);
}

Complaint read_list(Column& column, const TypeInfo& type, std::string_view text) {
  Scan scan(text);
  if (scan.peek() == '[') {  // "[0:1]={1,2}", the bounds of each dimension
    const bool one = text.find('[', 1) > text.find('=');
    return one ? "an array whose lower bound is not 1; arrays = \"text\" gives its text" : many_dimensions;
  }
  if (!scan.take('{')) return not_understood;
  const TypeInfo& element = *find_type(type.element);
  while (!scan.take('}')) {
    if (scan.peek() == '{') return many_dimensions;
    if (const Complaint wrong = read_element(*column.child, element, scan)) return wrong;
    if (!scan.take(',') && scan.peek() != '}') return not_understood;
  }
  column.append_list_end();
  return nullptr;
}

}  // namespace

Complaint read_text(Column& column, const TypeInfo& type, std::string_view text) {
  switch (type.form) {
    case Form::boolean: column.append_bool(text == "t"); return nullptr;
    case Form::int2:
    case Form::int4:
    case Form::oid:
    case Form::int8: return append_if(whole<int64_t>(text), [&](int64_t v) { column.append_int64(v); });
    case Form::float4: return append_if(real<float>(text), [&](double v) { column.append_double(v); });
    case Form::float8: return append_if(real<double>(text), [&](double v) { column.append_double(v); });
    case Form::date: return read_date(column, text);
    case Form::time: return read_time(column, text);
    case Form::timestamp: return read_timestamp(column, text, type.type == columnar::Type::timestamptz);
    case Form::interval: return read_interval(column, text);
    case Form::uuid: return read_uuid(column, text);
    case Form::bytes: return read_bytes(column, text);
    case Form::list: return read_list(column, type, text);
    case Form::unknown:
    case Form::numeric:
    case Form::text:
    case Form::one_char:
    case Form::json:
    case Form::jsonb:
    case Form::nothing: column.append_bytes(text.data(), text.size()); return nullptr;
  }
  return not_understood;
}

}  // namespace tl::postgresql
