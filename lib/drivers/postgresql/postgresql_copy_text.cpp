#include "postgresql_copy_text.hpp"

#include <charconv>
#include <cmath>

#include "iso_text.hpp"

namespace tl::postgresql {
namespace {

using columnar::Params;
using columnar::Type;
using columnar::Value;

constexpr size_t most_row_bytes = size_t{1} << 30;

template <class Number>
void append_number(std::string& to, Number number) {
  char text[40];
  to.append(text, static_cast<size_t>(std::to_chars(text, text + sizeof text, number).ptr - text));
}

void append_float(std::string& to, double value) {
  if (std::isfinite(value)) return append_number(to, value);
  to += std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
}

bool is_infinite(int64_t value, int64_t least, int64_t most) noexcept { return value == least || value == most; }

// Days, and microseconds of the day where there are any to be told. There is no year 0.
void append_moment(std::string& to, int64_t days, const int64_t* micros, std::string_view zone) {
  columnar::Date date = columnar::date_of_days(days);
  const bool before_christ = date.year <= 0;
  if (before_christ) date.year = 1 - date.year;
  columnar::append_date(to, date);
  if (micros != nullptr) {
    to += ' ';
    columnar::append_time(to, *micros);
  }
  to += zone;
  if (before_christ) to += " BC";
}

const char* append_date(std::string& to, int64_t days) {
  if (days < INT32_MIN || days > INT32_MAX) return "a date beyond the range of PostgreSQL's";
  if (is_infinite(days, INT32_MIN, INT32_MAX)) {
    to += days < 0 ? "-infinity" : "infinity";
  } else {
    append_moment(to, days, nullptr, "");
  }
  return nullptr;
}

void append_timestamp(std::string& to, int64_t micros, std::string_view zone) {
  if (is_infinite(micros, INT64_MIN, INT64_MAX)) {
    to += micros < 0 ? "-infinity" : "infinity";
    return;
  }
  const columnar::Moment moment = columnar::moment_of(micros);
  append_moment(to, moment.days, &moment.micros, zone);
}

const char* append_duration(std::string& to, int64_t micros) {
  if (micros == INT64_MIN) return "a duration beyond the range of PostgreSQL's";
  if (micros < 0) to += '-';
  columnar::append_time(to, micros < 0 ? -micros : micros);
  return nullptr;
}

// Every part has a sign: with IntervalStyle sql_standard the first one's would be that of all.
const char* append_interval(std::string& to, const columnar::Interval& interval) {
  append_number(to, interval.months);
  to += interval.days < 0 ? " mons " : " mons +";
  append_number(to, interval.days);
  to += interval.micros < 0 ? " days " : " days +";
  return append_duration(to, interval.micros);
}

const char* append_list(std::string& to, const Params& row, const Value& list);

// A literal's text. Null, or what is wrong with the value.
const char* append_literal(std::string& to, const Params& row, const Value& value) {
  switch (value.kind()) {
    case Type::boolean: to += value.i64 != 0 ? 't' : 'f'; return nullptr;
    case Type::int64: append_number(to, value.i64); return nullptr;
    case Type::uint64: append_number(to, static_cast<uint64_t>(value.i64)); return nullptr;
    case Type::float64: append_float(to, value.f64); return nullptr;
    case Type::decimal:
    case Type::text:
    case Type::json:
      if (has_nul(row.text(value))) return holds_nul;
      to += row.text(value);
      return nullptr;
    case Type::bytes:
      to += "\\x";
      columnar::append_hex(to, row.text(value));
      return nullptr;
    case Type::date: return append_date(to, value.i64);
    case Type::time:
      if (value.i64 < 0) return "not a time of day";
      columnar::append_time(to, value.i64);
      return nullptr;
    case Type::timestamp: append_timestamp(to, value.i64, ""); return nullptr;
    case Type::timestamptz: append_timestamp(to, value.i64, "+00"); return nullptr;
    case Type::duration: return append_duration(to, value.i64);
    case Type::interval: return append_interval(to, row.interval(value));
    case Type::uuid: to += columnar::uuid_text(row.arena.substr(value.offset, 16)); return nullptr;
    case Type::list: return append_list(to, row, value);
    default: return "a value of this type cannot be sent to PostgreSQL";
  }
}

const char* append_list(std::string& to, const Params& row, const Value& list) {
  to += '{';
  std::string element;
  for (uint32_t i = 0; i < list.length; ++i) {
    if (i != 0) to += ',';
    const Value& value = row.list(list)[i];
    if (value.kind() == Type::null) {
      to += "NULL";
      continue;
    }
    element.clear();
    if (const char* wrong = append_literal(element, row, value)) return wrong;
    put_quoted(to, element);
  }
  to += '}';
  return nullptr;
}

bool needs_escape(char c) noexcept { return (c == '\\') | (c == '\n') | (c == '\r') | (c == '\t'); }

// What COPY would take as its own is written so that it does not.
void append_escaped(std::string& to, std::string_view text) {
  unsigned special = 0;  // counted without a branch: nearly always there are none
  for (const char c : text) special += needs_escape(c) ? 1U : 0U;
  if (special == 0) {
    to += text;
    return;
  }
  for (const char c : text) {
    if (needs_escape(c)) to += '\\';
    to += c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c;
  }
}

const char* append_field(std::string& to, const Params& row, const Value& value) {
  switch (value.kind()) {
    case Type::null: to += "\\N"; return nullptr;
    case Type::decimal:
    case Type::text:
    case Type::json:
      if (has_nul(row.text(value))) return holds_nul;
      append_escaped(to, row.text(value));
      return nullptr;
    case Type::bytes:
    case Type::list: {
      std::string literal;
      if (const char* wrong = append_literal(literal, row, value)) return wrong;
      append_escaped(to, literal);
      return nullptr;
    }
    default: return append_literal(to, row, value);  // of letters, digits and signs
  }
}

}  // namespace

Result<void> append_copy_row(std::string& to, const Params& row) {
  const size_t begin = to.size();
  for (size_t i = 0; i < row.count; ++i) {
    if (i != 0) to += '\t';
    if (const char* wrong = append_field(to, row, row.values[i])) {
      to.resize(begin);
      return fail(Status::data, "column " + std::to_string(i + 1) + ": " + wrong, Phase::send);
    }
    if (to.size() - begin > most_row_bytes) {
      to.resize(begin);
      return fail(Status::data, "more than the 1 GiB that PostgreSQL takes", Phase::send);
    }
  }
  to += '\n';
  return {};
}

}  // namespace tl::postgresql
