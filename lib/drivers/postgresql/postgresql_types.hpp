// PostgreSQL's types that this library knows in the server's binary format. A result with any other column is asked for
// as text, which every type has.
#pragma once
#include <cstdint>
#include <string_view>

#include "type.hpp"

namespace tl::postgresql {

using Oid = uint32_t;

// How a value is written in the binary format.
enum class Form : uint8_t {
  unknown,  // text only
  boolean,
  int2,
  int4,
  int8,
  oid,
  float4,
  float8,
  numeric,
  text,
  one_char,
  bytes,
  date,
  time,
  timestamp,  // also timestamptz
  interval,
  uuid,
  json,
  jsonb,
  list,
  nothing,  // void
};

struct TypeInfo {
  Oid oid;
  std::string_view name;
  Form form;
  columnar::Type type;
  Oid element = 0;  // of an array
  Oid array = 0;    // that has it as its element
};

// Null where it is not known.
[[nodiscard]] const TypeInfo* find_type(Oid oid) noexcept;

namespace oid {
constexpr Oid boolean = 16, bytes = 17, int8 = 20, int4 = 23, text = 25, float8 = 701, varchar = 1043, date = 1082,
              time = 1083, timestamp = 1114, timestamptz = 1184, interval = 1186, numeric = 1700, uuid = 2950;
}  // namespace oid

constexpr int64_t epoch_days = 10'957;  // of 2000-01-01, where PostgreSQL's dates begin
constexpr int64_t epoch_micros = epoch_days * 86'400 * 1'000'000;

}  // namespace tl::postgresql
