// SqliteSession::bind: parameters in the forms that SQLite's own functions understand.
#include <charconv>
#include <cmath>

#include "iso_text.hpp"
#include "sqlite_session.hpp"

namespace tl::sqlite {

using columnar::micros_per_day;
using columnar::Params;
using columnar::Type;
using columnar::Value;

namespace {

Failure bad(int position, const std::string& what, Status status = Status::data) {
  return fail(status, "parameter " + std::to_string(position) + ": " + what, Phase::send);
}

std::string date_text(int64_t days) {
  std::string text;
  columnar::append_date(text, columnar::date_of_days(days));
  return text;
}

std::string time_text(int64_t micros) {
  std::string text;
  columnar::append_time(text, micros);
  return text;
}

std::string timestamp_text(int64_t micros) {
  const columnar::Moment moment = columnar::moment_of(micros);
  return date_text(moment.days) + ' ' + time_text(moment.micros);
}

// Never null: that would bind a null.
const char* start_of(std::string_view arena, const Value& value) noexcept {
  return value.length == 0 ? "" : arena.data() + value.offset;
}

bool is_infinite(const Value& value) noexcept {
  if (value.kind() == Type::date) return value.i64 >= INT32_MAX || value.i64 <= INT32_MIN;
  return value.i64 == INT64_MAX || value.i64 == INT64_MIN;
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number number) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

// A list as the JSON array that "IN (SELECT value FROM json_each(?))" reads.
Result<std::string> list_text(const Params& params, const Value& list, int position) {
  std::string out = "[";
  for (uint32_t i = 0; i < list.length; ++i) {
    const Value& element = params.list(list)[i];
    if (i != 0) out += ',';
    switch (element.kind()) {
      case Type::null: out += "null"; break;
      case Type::boolean: out += element.i64 != 0 ? "1" : "0"; break;
      case Type::int64: append_number(out, element.i64); break;
      case Type::float64:
        if (!std::isfinite(element.f64)) return bad(position, "a list for SQLite has no infinite numbers and no NaN");
        append_number(out, element.f64);
        break;
      case Type::text:
        if (params.text(element).find('\0') != std::string_view::npos) {  // json_each would end the text there
          return bad(position, "a list for SQLite has no texts with a NUL");
        }
        append_json_text(out, params.text(element));
        break;
      default:
        return bad(position,
                   "SQLite has lists of integers, floats, booleans and text only, not of " +
                       std::string(columnar::type_name(element.kind())),
                   Status::unsupported);
    }
  }
  return out += ']';
}

// Values that SQLite has no type for, as text; the others are bound as they are.
Result<std::string> as_text(const Params& params, const Value& value, int position) {
  switch (value.kind()) {
    case Type::date:
    case Type::timestamp:
    case Type::timestamptz:
      if (is_infinite(value)) return bad(position, "SQLite has no infinite dates");
      if (value.kind() == Type::date) return date_text(value.i64);
      return timestamp_text(value.i64) + (value.kind() == Type::timestamptz ? "+00:00" : "");
    case Type::time:
      if (value.i64 < 0 || value.i64 > micros_per_day) return bad(position, "not a time of day");
      return time_text(value.i64);
    case Type::uuid: return columnar::uuid_text(params.arena.substr(value.offset, 16));
    case Type::list: return list_text(params, value, position);
    default:
      return bad(position, "SQLite has no type for " + std::string(columnar::type_name(value.kind())),
                 Status::unsupported);
  }
}

}  // namespace

Result<void> SqliteSession::bind(sqlite3_stmt* statement, const Params& given) {
  const int wanted = sqlite3_bind_parameter_count(statement);
  if (static_cast<size_t>(wanted) != given.count) {
    return fail(Status::misuse,
                "the statement has " + std::to_string(wanted) + " parameters, and " + std::to_string(given.count) +
                    " values were given",
                Phase::send);
  }
  for (int i = 1; i <= wanted; ++i) {
    const Value& value = given.values[i - 1];
    int code = SQLITE_OK;
    switch (value.kind()) {
      case Type::null: code = sqlite3_bind_null(statement, i); break;
      case Type::boolean: code = sqlite3_bind_int(statement, i, value.i64 != 0 ? 1 : 0); break;
      case Type::uint64:
        if (value.i64 < 0) return bad(i, "SQLite's integers end at 9223372036854775807");
        [[fallthrough]];
      case Type::int64:
      case Type::duration: code = sqlite3_bind_int64(statement, i, value.i64); break;
      case Type::float64:
        if (std::isnan(value.f64)) return bad(i, "SQLite has no NaN, it would store a null");
        code = sqlite3_bind_double(statement, i, value.f64);
        break;
      case Type::text:
      case Type::decimal:
      case Type::json:
        code =
            sqlite3_bind_text64(statement, i, start_of(given.arena, value), value.length, SQLITE_STATIC, SQLITE_UTF8);
        break;
      case Type::bytes:
        code = sqlite3_bind_blob64(statement, i, start_of(given.arena, value), value.length, SQLITE_STATIC);
        break;
      default: {
        Result<std::string> text = as_text(given, value, i);
        if (!text) return text.take_error();
        code = sqlite3_bind_text64(statement, i, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      }
    }
    if (code != SQLITE_OK) return failed(code, Phase::send);
  }
  return {};
}

}  // namespace tl::sqlite
