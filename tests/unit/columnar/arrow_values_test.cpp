// Every type through the Arrow export and back: the same values, or an error that names row and column.
#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <string>

#include "exported.hpp"

namespace tl::columnar {
namespace {

void append_interval(Column& column, int32_t months, int32_t days, int64_t micros) {
  uint8_t bytes[16];
  std::memcpy(bytes, &months, 4);
  std::memcpy(bytes + 4, &days, 4);
  std::memcpy(bytes + 8, &micros, 8);
  column.append_fixed16(bytes);
}

void append_text(Column& column, const std::string& text) { column.append_bytes(text.data(), text.size()); }

void append_any_text(Column& column, const std::string& text) {
  column.append_any_bytes(Type::text, text.data(), text.size());
}

std::string format_of(Field field) {
  const Exported out(Batch::make(std::make_shared<const Schema>(Schema{std::move(field)})));
  return out.field().format;
}

constexpr int64_t biggest = std::numeric_limits<int64_t>::max();
constexpr int64_t smallest = std::numeric_limits<int64_t>::min();

}  // namespace

TEST_CASE("Arrow: the format of each type") {
  CHECK(format_of(field_of(Type::boolean)) == "b");
  CHECK(format_of(field_of(Type::int64)) == "l");
  CHECK(format_of(field_of(Type::uint64)) == "L");
  CHECK(format_of(field_of(Type::float64)) == "g");
  CHECK(format_of(field_of(Type::decimal)) == "u");
  CHECK(format_of(field_of(Type::text)) == "u");
  CHECK(format_of(field_of(Type::bytes)) == "z");
  CHECK(format_of(field_of(Type::date)) == "tdD");
  CHECK(format_of(field_of(Type::time)) == "ttu");
  CHECK(format_of(field_of(Type::timestamp)) == "tsu:");
  CHECK(format_of(field_of(Type::timestamptz)) == "tsu:UTC");
  CHECK(format_of(field_of(Type::duration)) == "tDu");
  CHECK(format_of(field_of(Type::interval)) == "tin");
  CHECK(format_of(field_of(Type::uuid)) == "w:16");
  CHECK(format_of(field_of(Type::json)) == "u");
  CHECK(format_of(list_of(field_of(Type::int64))) == "+l");
  CHECK(format_of(field_of(Type::any)) == "+ud:0,1,2,3,4");
}

TEST_CASE("Arrow: numbers and truth") {
  CHECK(through_arrow(field_of(Type::boolean), [](Column& c) {
          for (int i = 0; i < 9; ++i) c.append_bool(i % 3 == 0);
          c.append_null();
        }) == Cells{"true", "false", "false", "true", "false", "false", "true", "false", "false", "null"});
  CHECK(through_arrow(field_of(Type::int64), [](Column& c) {
          c.append_int64(smallest);
          c.append_null();
          c.append_int64(biggest);
        }) == Cells{"-9223372036854775808", "null", "9223372036854775807"});
  CHECK(through_arrow(field_of(Type::uint64), [](Column& c) { c.append_int64(-1); }) == Cells{"18446744073709551615"});
  CHECK(through_arrow(field_of(Type::float64), [](Column& c) {
          c.append_double(-1.5);
          c.append_double(std::numeric_limits<double>::infinity());
          c.append_double(std::numeric_limits<double>::quiet_NaN());
        }) == Cells{"-1.500000", "inf", "nan"});
}

TEST_CASE("Arrow: text, bytes, decimals, JSON, uuid") {
  for (const Type type : {Type::text, Type::decimal, Type::json}) {
    CHECK(through_arrow(field_of(type), [](Column& c) {
            append_text(c, "1.10");
            c.append_null();
            append_text(c, "");
            append_text(c, "žluťoučký 🐎");
          }) == Cells{"'1.10'", "null", "''", "'žluťoučký 🐎'"});
  }
  CHECK(through_arrow(field_of(Type::bytes), [](Column& c) {
          append_text(c, std::string("\0\xff", 2));
          c.append_null();
        }) == Cells{"x'00ff'", "null"});
  CHECK(through_arrow(field_of(Type::uuid), [](Column& c) {
          c.append_fixed16("0123456789abcdef");
          c.append_null();
        }) == Cells{"x'30313233343536373839616263646566'", "null"});
}

TEST_CASE("Arrow: what the format does not tell is in the metadata") {
  const auto metadata_of = [](Type type) {
    const Exported out(batch_of(field_of(type), [](Column&) {}));
    return read_metadata(out.field());
  };
  CHECK(metadata_of(Type::decimal) == "trunkline.type=decimal;");
  CHECK(metadata_of(Type::json) == "ARROW:extension:name=arrow.json;ARROW:extension:metadata=;");
  CHECK(metadata_of(Type::uuid) == "ARROW:extension:name=arrow.uuid;ARROW:extension:metadata=;");
  CHECK(metadata_of(Type::text).empty());
}

TEST_CASE("Arrow: dates and times") {
  CHECK(through_arrow(field_of(Type::date), [](Column& c) {
          c.append_int32(-719'162);
          c.append_null();
          c.append_int32(20'000);
        }) == Cells{"-719162", "null", "20000"});
  CHECK(through_arrow(field_of(Type::time), [](Column& c) {
          c.append_int64(0);
          c.append_int64(86'399'999'999);
        }) == Cells{"0", "86399999999"});
  for (const Type type : {Type::timestamp, Type::timestamptz, Type::duration}) {
    CHECK(through_arrow(field_of(type), [](Column& c) {
            c.append_int64(-1);
            c.append_null();
            c.append_int64(biggest - 1);
          }) == Cells{"-1", "null", "9223372036854775806"});
  }
}

TEST_CASE("Arrow: intervals become months, days and nanoseconds") {
  CHECK(through_arrow(field_of(Type::interval), [](Column& c) {
          append_interval(c, 14, -3, 1);
          c.append_null();
          append_interval(c, -1, 0, -9'223'372'036'854'775);
        }) == Cells{"14mo -3d 1000ns", "null", "-1mo 0d -9223372036854775000ns"});
}

TEST_CASE("Arrow: lists of values, of nothing, of lists, of intervals") {
  CHECK(through_arrow(list_of(field_of(Type::text)), [](Column& c) {
          append_text(*c.child, "a");
          c.child->append_null();
          c.append_list_end();
          c.append_list_end();
          c.append_null();
          append_text(*c.child, "b");
          c.append_list_end();
        }) == Cells{"['a', null]", "[]", "null", "['b']"});
  CHECK(through_arrow(list_of(list_of(field_of(Type::int64))), [](Column& c) {
          c.child->child->append_int64(1);
          c.child->append_list_end();
          c.child->append_list_end();
          c.append_list_end();
        }) == Cells{"[[1], []]"});
  CHECK(through_arrow(list_of(field_of(Type::interval)), [](Column& c) {
          append_interval(*c.child, 1, 2, 3);
          c.append_list_end();
        }) == Cells{"[1mo 2d 3000ns]"});
}

TEST_CASE("Arrow: any is a dense union of what each value is") {
  CHECK(through_arrow(field_of(Type::any),
                      [](Column& c) {
                        append_any_text(c, "first");
                        c.append_any_int64(-7);
                        c.append_null();
                        append_any_text(c, "");
                        c.append_any_double(2.5);
                        c.append_any_bytes(Type::bytes, "\xff\x02", 2);
                        c.append_null();
                        append_any_text(c, "last");
                        c.append_any_int64(8);
                      }) == Cells{"text:'first'", "int64:-7", "null:null", "text:''", "float64:2.500000",
                                  "bytes:x'ff02'", "null:null", "text:'last'", "int64:8"});
  CHECK(through_arrow(field_of(Type::any), [](Column& c) { c.append_null(); }) == Cells{"null:null"});
}

TEST_CASE("Arrow: more rows than fit into the object, each where it was") {
  for (const Type type : {Type::int64, Type::text, Type::any}) {
    Cells expected;
    const Cells read = through_arrow(field_of(type), [&](Column& c) {
      for (int i = 0; i < 3000; ++i) {
        const std::string text = std::to_string(i);
        if (i % 7 == 3) {
          c.append_null();
          expected.push_back(type == Type::any ? "null:null" : "null");
        } else if (type == Type::int64) {
          c.append_int64(i);
          expected.push_back(text);
        } else if (type == Type::text) {
          append_text(c, text);
          expected.push_back("'" + text + "'");
        } else if (i % 2 == 0) {
          append_any_text(c, text);
          expected.push_back("text:'" + text + "'");
        } else {
          c.append_any_int64(i);
          expected.push_back("int64:" + text);
        }
      }
    });
    CHECK(read == expected);
  }
}

TEST_CASE("Arrow: empty columns of every type can be read") {
  for (const Type type : {Type::boolean, Type::int64, Type::text, Type::bytes, Type::interval, Type::uuid, Type::any}) {
    CHECK(through_arrow(field_of(type), [](Column&) {}).empty());
  }
  CHECK(through_arrow(list_of(field_of(Type::text)), [](Column&) {}).empty());
}

TEST_CASE("Arrow: rows without columns, and columns of several types in one batch") {
  auto none = Batch::make(std::make_shared<const Schema>());
  none->set_rows(3);
  const Exported empty(none);
  CHECK(empty.columns().empty());
  CHECK(empty.array.length == 3);

  auto batch =
      Batch::make(std::make_shared<const Schema>(Schema{field_of(Type::int64, "id"), field_of(Type::text, "name")}));
  batch->columns()[0].append_int64(1);
  batch->columns()[1].append_null();
  batch->set_rows(1);
  const Exported two(batch);
  CHECK(two.columns() == std::vector<Cells>{{"1"}, {"null"}});
  CHECK(std::string(two.field(0).name) == "id");
  CHECK(std::string(two.field(1).name) == "name");
}

TEST_CASE("Arrow: an infinite date or moment is refused; a null in its place is not") {
  for (const int64_t infinite : {biggest, smallest}) {
    for (const Type type : {Type::timestamp, Type::timestamptz, Type::duration}) {
      CHECK(refusal(field_of(type, "at"), [&](Column& c) {
              c.append_int64(0);
              c.append_int64(infinite);
            }) == "row 2, column \"at\": Arrow cannot hold an infinite value");
    }
  }
  for (const int32_t infinite : {std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min()}) {
    CHECK(refusal(
              field_of(Type::date, "day"),
              [&](Column& c) {
                c.append_null();
                c.append_int32(infinite);
              },
              10) == "row 12, column \"day\": Arrow cannot hold an infinite value");
  }
}

TEST_CASE("Arrow: an interval beyond 292 years of microseconds is refused") {
  CHECK(refusal(field_of(Type::interval, "i"), [](Column& c) {
          append_interval(c, 0, 0, 9'223'372'036'854'776);
        }).starts_with("row 1, column \"i\": Arrow cannot hold an interval"));
}

TEST_CASE("Arrow: a time that is not within the day is refused") {
  for (const int64_t outside : {int64_t{86'400'000'000}, int64_t{-1}}) {
    CHECK(refusal(field_of(Type::time, "t"), [&](Column& c) {
            c.append_int64(outside);
          }).starts_with("row 1, column \"t\": Arrow cannot hold a time"));
  }
}

TEST_CASE("Arrow: text that is not UTF-8 is refused, wherever it lies") {
  for (const Type type : {Type::text, Type::json}) {
    CHECK(refusal(field_of(type, "t"), [](Column& c) {
            append_text(c, "fine");
            c.append_null();
            append_text(c, "caf\xe9");
          }) == "row 3, column \"t\": Arrow cannot hold text that is not UTF-8");
    // The bytes of two rows are UTF-8 together, but neither is alone.
    CHECK(refusal(field_of(type, "t"), [](Column& c) {
            append_text(c, "\xc3");
            append_text(c, "\xa9");
          }) == "row 1, column \"t\": Arrow cannot hold text that is not UTF-8");
  }
  CHECK(refusal(field_of(Type::any, "t"), [](Column& c) {
          c.append_any_int64(1);
          append_any_text(c, "caf\xe9");
        }) == "row 2, column \"t\": Arrow cannot hold text that is not UTF-8");
}

TEST_CASE("Arrow: what a list holds is refused too, by the row of the list") {
  CHECK(refusal(list_of(field_of(Type::timestamp, "element"), "moments"), [](Column& c) {
          c.child->append_int64(0);
          c.child->append_int64(1);
          c.append_list_end();
          c.append_null();
          c.child->append_int64(2);
          c.child->append_int64(biggest);
          c.append_list_end();
        }) == "row 3, column \"moments\": Arrow cannot hold an infinite value");
}

}  // namespace tl::columnar
