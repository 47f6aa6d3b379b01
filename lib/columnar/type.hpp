// The types of values, in results and in parameters. Numbers are the ABI's (TL_BOOL … in trunkline.h).
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tl::columnar {

//  type         data of a column, Arrow layout                       parameter (Value)
enum class Type : int32_t {
  null = 0,          //  (only as a tag of `any`)                          nothing
  boolean = 1,       //  bitmap, least significant bit first               i64: 0, 1
  int64 = 2,         //  int64                                             i64
  uint64 = 3,        //  uint64                                            i64, the same bits
  float64 = 4,       //  double                                            f64
  decimal = 5,       //  exact text: offsets, bytes                        text in the arena
  text = 6,          //  UTF-8: offsets, bytes                             text in the arena
  bytes = 7,         //  offsets, bytes                                    bytes in the arena
  date = 8,          //  int32 days since 1970-01-01                       i64, the same
  time = 9,          //  int64 µs since midnight                           i64, the same
  timestamp = 10,    //  int64 µs since 1970-01-01T00:00, no zone          i64, the same
  timestamptz = 11,  //  int64 µs since 1970-01-01T00:00Z                  i64, the same
  duration = 12,     //  int64 µs                                          i64, the same
  interval = 13,     //  16 bytes: int32 months, int32 days, int64 µs      16 bytes in the arena
  uuid = 14,         //  16 bytes                                          16 bytes in the arena
  json = 15,         //  UTF-8: offsets, bytes                             text in the arena
  list = 16,         //  offsets into child 0                              `length` Values at arena + offset
  any = 17,          //  8 bytes each (int64, double, end in the heap) + tags + heap
  name = 18,         //  -                                                 text: the name of the value after it
};

// A date, time stamp or duration that is infinite is the largest or smallest value of its integer.

[[nodiscard]] std::string_view type_name(Type type) noexcept;

struct Field {
  std::string name;
  Type type = Type::text;
  std::string database_type;                          // the database's own name of the type
  uint32_t type_id = 0;                               // and its number, 0: none
  int32_t precision = -1, scale = -1, nullable = -1;  // -1: unknown
  std::shared_ptr<const Field> element;               // of a list
};

using Schema = std::vector<Field>;

// One parameter; text and bytes live in the arena beside the values. 16 bytes, the ABI's tl_value, which callers'
// arrays are read as.
struct [[gnu::may_alias]] Value {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint16_t element = 0;  // of a list: the type of its values
  uint32_t length = 0;
  union {
    int64_t i64 = 0;
    double f64;
    uint64_t offset;
  };
  [[nodiscard]] Type kind() const noexcept { return static_cast<Type>(type); }
};
static_assert(sizeof(Value) == 16);

// As its 16 bytes lie in a column and in an arena.
struct Interval {
  int32_t months = 0;
  int32_t days = 0;
  int64_t micros = 0;
};
static_assert(sizeof(Interval) == 16);

struct Params {
  const Value* values = nullptr;
  size_t count = 0;
  std::string_view arena;

  [[nodiscard]] std::string_view text(const Value& v) const noexcept { return arena.substr(v.offset, v.length); }
  [[nodiscard]] Interval interval(const Value& v) const noexcept {
    Interval interval;
    std::memcpy(&interval, arena.data() + v.offset, sizeof interval);
    return interval;
  }
  [[nodiscard]] const Value* list(const Value& v) const noexcept {
    return reinterpret_cast<const Value*>(arena.data() + v.offset);
  }
};

}  // namespace tl::columnar
