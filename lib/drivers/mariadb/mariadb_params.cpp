#include "mariadb_params.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "iso_text.hpp"

namespace tl::mariadb {
namespace {

using columnar::Type;
using columnar::Value;

constexpr int64_t longest_time = (int64_t{838} * 3600 + 59 * 60 + 60) * columnar::micros_per_second;
constexpr int64_t latest = 253'402'300'800'000'000;    // 10000-01-01 in µs
constexpr int64_t earliest = -62'167'219'200'000'000;  // 0000-01-01

void set_clock(MYSQL_TIME& time, int64_t micros) noexcept {
  time.second_part = static_cast<unsigned long>(micros % columnar::micros_per_second);
  micros /= columnar::micros_per_second;
  time.second = static_cast<unsigned>(micros % 60);
  time.minute = static_cast<unsigned>(micros / 60 % 60);
  time.hour = static_cast<unsigned>(micros / 3600 % 24);
  time.day += static_cast<unsigned>(micros / 86'400);
}

void set_date(MYSQL_TIME& time, int64_t days) noexcept {
  const columnar::Date date = columnar::date_of_days(days);
  time.year = static_cast<unsigned>(date.year);
  time.month = static_cast<unsigned>(date.month);
  time.day = static_cast<unsigned>(date.day);
}

bool is_calendar(int64_t micros) noexcept { return micros >= earliest && micros < latest; }

// Null, or what is wrong. `i64` is what the value holds.
const char* set_moment(MYSQL_TIME& time, Type type, int64_t i64) noexcept {
  constexpr const char* outside = "outside the years 0 to 9999, which is all that the server's dates can be";
  switch (type) {
    case Type::date:
      if (i64 < earliest / columnar::micros_per_day || i64 >= latest / columnar::micros_per_day) return outside;
      time.time_type = MYSQL_TIMESTAMP_DATE;
      set_date(time, i64);
      return nullptr;
    case Type::time:
    case Type::duration: {
      time.time_type = MYSQL_TIMESTAMP_TIME;
      // The server would send the longest one back, without a word.
      if (i64 <= -longest_time || i64 >= longest_time) return "838:59:59.999999 is as long as the server's TIME can be";
      time.neg = i64 < 0;
      set_clock(time, i64 < 0 ? -i64 : i64);
      return nullptr;
    }
    default: {
      if (!is_calendar(i64)) return outside;
      const int64_t days = (i64 - earliest) / columnar::micros_per_day;
      time.time_type = MYSQL_TIMESTAMP_DATETIME;
      set_date(time, days + earliest / columnar::micros_per_day);
      set_clock(time, (i64 - earliest) % columnar::micros_per_day);
      return nullptr;
    }
  }
}

}  // namespace

WireType wire_type(Type type) noexcept {
  switch (type) {
    case Type::boolean:
    case Type::int64: return {MYSQL_TYPE_LONGLONG};
    case Type::uint64: return {MYSQL_TYPE_LONGLONG, true};
    case Type::float64: return {MYSQL_TYPE_DOUBLE};
    case Type::decimal: return {MYSQL_TYPE_NEWDECIMAL};
    case Type::text:
    case Type::json:
    case Type::uuid: return {MYSQL_TYPE_STRING};
    case Type::bytes: return {MYSQL_TYPE_BLOB};
    case Type::date: return {MYSQL_TYPE_DATE};
    case Type::time:
    case Type::duration: return {MYSQL_TYPE_TIME};
    case Type::timestamp:
    case Type::timestamptz: return {MYSQL_TYPE_DATETIME};
    default: return {};
  }
}

Result<void> BoundParams::bind(const columnar::Params& params, const std::vector<sql::ListPlace>& lists, bool utc) {
  const auto is_list = [&](size_t i) {
    return params.values[i].kind() == Type::list &&
           std::any_of(lists.begin(), lists.end(), [&](const auto& place) { return place.parameter == i; });
  };
  size_t count = params.count;
  lengths_.clear();
  for (const sql::ListPlace& place : lists) {
    lengths_.push_back(is_list(place.parameter) ? params.values[place.parameter].length : 1);
    count += lengths_.back();
  }
  // Binds point into these: they must not grow meanwhile.
  binds_.clear();
  binds_.reserve(count);
  times_.clear();
  times_.reserve(count);
  texts_.clear();
  texts_.reserve(count);
  for (size_t i = 0; i < params.count; ++i) {
    const Value& value = params.values[i];
    const Value* const from = is_list(i) ? params.list(value) : &value;
    const Value* const to = from + (is_list(i) ? value.length : 1);
    for (const Value* each = from; each != to; ++each) {
      if (const char* problem = bind_one(*each, params, utc)) {
        return fail(Status::data, "parameter " + std::to_string(i + 1) + ": " + problem, Phase::send);
      }
    }
  }
  return {};
}

uint64_t BoundParams::bytes() const noexcept {
  constexpr uint64_t most_beside = 16;  // its type and length, or the value itself where its size is fixed
  uint64_t sum = 0;
  for (const MYSQL_BIND& bind : binds_) sum += bind.buffer_length + most_beside;
  return sum;
}

std::string BoundParams::written_out(const sql::Statement& statement) const {
  std::string text;
  size_t copied = 0;
  for (size_t i = 0; i < lengths_.size(); ++i) {
    const size_t at = statement.lists[i].at;
    text.append(statement.native, copied, at - copied);
    copied = at + 1;
    if (lengths_[i] == 0) text += "SELECT NULL FROM DUAL WHERE FALSE";
    for (uint32_t n = 0; n < lengths_[i]; ++n) text += n == 0 ? "?" : ", ?";
  }
  return text.append(statement.native, copied);
}

const char* BoundParams::bind_one(const Value& value, const columnar::Params& params, bool utc) {
  MYSQL_BIND& bind = binds_.emplace_back();
  const WireType wire = wire_type(value.kind());
  bind.buffer_type = wire.type;
  bind.is_unsigned = wire.is_unsigned ? 1 : 0;
  const auto fixed = [&](const void* at) { bind.buffer = const_cast<void*>(at); };  // NOLINT: it is only read
  const auto varying = [&](std::string_view text) {
    fixed(text.data() == nullptr ? "" : text.data());  // Connector/C would send NULL for a null pointer
    bind.buffer_length = bind.length_value = text.size();
    bind.length = &bind.length_value;
  };
  switch (value.kind()) {
    case Type::null: return nullptr;
    case Type::boolean:
    case Type::int64:
    case Type::uint64: fixed(&value.i64); return nullptr;
    case Type::float64:
      if (!std::isfinite(value.f64)) return "the server has no infinity and no NaN";
      fixed(&value.f64);
      return nullptr;
    case Type::decimal:
    case Type::text:
    case Type::json:
    case Type::bytes: varying(params.text(value)); return nullptr;
    case Type::uuid:
      varying(texts_.emplace_back(columnar::uuid_text(params.arena.substr(value.offset, 16))));
      return nullptr;
    case Type::timestamptz:
      if (!utc)
        return "an instant can be sent only while the session's time zone is UTC; send a timestamp without zone";
      [[fallthrough]];
    case Type::date:
    case Type::time:
    case Type::timestamp:
    case Type::duration: fixed(&times_.emplace_back()); return set_moment(times_.back(), value.kind(), value.i64);
    case Type::interval: return "the server has no intervals";
    case Type::list: return "a list can stand only behind = ANY and <> ALL";
    default: return "it is of a type that the server does not take";
  }
}

}  // namespace tl::mariadb
