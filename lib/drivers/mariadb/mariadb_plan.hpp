// How the columns of a result are read.
//
// TINYINT to BIGINT and YEAR are integers (BOOLEAN is a TINYINT), BIGINT UNSIGNED and BIT are uint64; DECIMAL is exact
// text; DATETIME is a timestamp; TIMESTAMP is a timestamptz while the session's time zone is UTC, which it is unless
// configured otherwise, and else a timestamp in that zone; TIME is a duration; ENUM, SET and INET are text; texts of
// the character set `binary` are bytes.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "batch.hpp"
#include "mariadb_handles.hpp"

namespace tl::mariadb {

// What the server sends for a value.
enum class Form : uint8_t {
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  float32,
  float64,
  date,
  datetime,
  time,
  bit,     // up to 8 bytes, the highest first
  uuid,    // as text
  string,  // text, bytes, json or decimal, as it is
};

struct Plan {
  std::shared_ptr<const columnar::Schema> schema;
  std::vector<Form> forms;          // of each column
  std::vector<uint64_t> described;  // of each column: type, flags, character set and size

  // Whether the columns are those that this was made of.
  [[nodiscard]] bool describes(const MYSQL_FIELD* fields, unsigned n) const noexcept;
  bool utc = false;
  bool has_timestamps = false;  // columns of that type
};

// `utc`: the session's time zone is UTC.
[[nodiscard]] std::shared_ptr<const Plan> plan_of(const MYSQL_FIELD* fields, unsigned n, bool utc);

// Null, or what is wrong with a value.
using Complaint = const char*;
// The complaint whose class is too_large and not data.
inline constexpr char too_large[] = "more than the 2^31 bytes that a column can hold";

// Bytes of the binary protocol that are still to be read.
struct Bytes {
  const unsigned char* at;
  const unsigned char* end;
};

// Takes the next value, and appends it where there is a column.
[[nodiscard]] Complaint read_binary(columnar::Column* column, Form form, Bytes& bytes);
[[nodiscard]] Complaint read_text(columnar::Column& column, Form form, std::string_view value);

}  // namespace tl::mariadb
