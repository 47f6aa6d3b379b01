// Column builders: what lies in their buffers after each append.
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "exported.hpp"

namespace tl::columnar {
namespace {

template <class T>
std::vector<T> values(const Buffer& buffer) {
  std::vector<T> out(buffer.size() / sizeof(T));
  std::memcpy(out.data(), buffer.data(), out.size() * sizeof(T));
  return out;
}

std::vector<bool> validity(const Column& column) {
  std::vector<bool> out;
  for (int64_t i = 0; i < column.length; ++i) {
    out.push_back(column.null_count == 0 || (column.validity.data()[i >> 3] >> (i & 7) & 1) != 0);
  }
  return out;
}

void append_text(Column& column, const std::string& text) { column.append_bytes(text.data(), text.size()); }

// A value of the column's type, whatever it is.
void append_something(Column& column) {
  const char sixteen[17] = "0123456789abcdef";
  switch (column.type) {
    case Type::boolean: return column.append_bool(true);
    case Type::float64: return column.append_double(1.5);
    case Type::date: return column.append_int32(7);
    case Type::interval:
    case Type::uuid: return column.append_fixed16(sixteen);
    case Type::decimal:
    case Type::text:
    case Type::bytes:
    case Type::json: return column.append_bytes("12", 2);
    case Type::list: column.child->append_int64(9); return column.append_list_end();
    case Type::any: return column.append_any_int64(3);
    default: return column.append_int64(5);
  }
}

// Bytes that `n` rows take beside validity, every row as if it were null or of the size above.
size_t expected_slots(Type type, size_t rows) {
  switch (type) {
    case Type::boolean: return (rows + 7) / 8;
    case Type::date: return rows * 4;
    case Type::interval:
    case Type::uuid: return rows * 16;
    default: return rows * 8;
  }
}

const Type every_type[] = {Type::boolean,     Type::int64,    Type::uint64,   Type::float64, Type::decimal,
                           Type::text,        Type::bytes,    Type::date,     Type::time,    Type::timestamp,
                           Type::timestamptz, Type::duration, Type::interval, Type::uuid,    Type::json,
                           Type::list,        Type::any};

Field any_field(Type type) { return type == Type::list ? list_of(field_of(Type::int64)) : field_of(type); }

}  // namespace

TEST_CASE("nulls of every type, wherever they come") {
  for (const Type type : every_type) {
    // Around the edges of the bitmap's bytes: the first null late, early, on an edge; all null; none.
    for (const std::string rows :
         {"v", "n", "nv", "vn", "vvvvvvvvn", "vvvvvvvn", "vvvvvvvnv", "nnnnnnnnnnnnnnnnn",
          "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvn", "vnvnvnvnvnvnvnvnvnvnv", "vvvvvvvvvvvvvvvvv"}) {
      CAPTURE(type_name(type));
      CAPTURE(rows);
      Column column(any_field(type));
      std::vector<bool> expected;
      int64_t nulls = 0;
      for (const char row : rows) {
        row == 'n' ? column.append_null() : append_something(column);
        expected.push_back(row != 'n');
        nulls += row == 'n' ? 1 : 0;
      }
      CHECK(column.length == static_cast<int64_t>(rows.size()));
      CHECK(column.null_count == nulls);
      CHECK(validity(column) == expected);
      CHECK(column.validity.size() == (nulls == 0 ? 0 : (rows.size() + 7) / 8));
      if (column.offsets.size() != 0) {
        CHECK(column.offsets.size() == 4 * (rows.size() + 1));
      } else {
        CHECK(column.data.size() == expected_slots(type, rows.size()));
      }
    }
  }
}

TEST_CASE("the bits beyond a validity bitmap's end are zero") {
  Column column(field_of(Type::int64));
  for (int i = 0; i < 3; ++i) column.append_int64(i);
  column.append_null();
  column.append_int64(4);
  CHECK(values<uint8_t>(column.validity) == std::vector<uint8_t>{0b10111});
}

TEST_CASE("booleans are bits, least significant first") {
  Column column(field_of(Type::boolean));
  for (const bool value : {true, false, true, true, false, false, false, true, true}) column.append_bool(value);
  column.append_null();
  column.append_bool(true);
  CHECK(values<uint8_t>(column.data) == std::vector<uint8_t>{0b10001101, 0b101});
}

TEST_CASE("numbers lie as they are") {
  Column whole(field_of(Type::int64));
  whole.append_int64(INT64_MIN);
  whole.append_int64(INT64_MAX);
  CHECK(values<int64_t>(whole.data) == std::vector<int64_t>{INT64_MIN, INT64_MAX});

  Column date(field_of(Type::date));
  date.append_int32(-1);
  date.append_null();
  date.append_int32(2);
  CHECK(values<int32_t>(date.data) == std::vector<int32_t>{-1, 0, 2});

  Column real(field_of(Type::float64));
  real.append_double(-0.5);
  CHECK(values<double>(real.data) == std::vector<double>{-0.5});
}

TEST_CASE("text: offsets begin at 0, one more than rows; null and empty take no bytes") {
  Column column(field_of(Type::text));
  CHECK(values<int32_t>(column.offsets) == std::vector<int32_t>{0});
  append_text(column, "ab");
  append_text(column, "");
  column.append_null();
  append_text(column, "cde");
  CHECK(values<int32_t>(column.offsets) == std::vector<int32_t>{0, 2, 2, 2, 5});
  CHECK(std::string(reinterpret_cast<const char*>(column.data.data()), column.data.size()) == "abcde");
}

TEST_CASE("lists: offsets count elements; null and empty have none; lists in lists") {
  Column column(list_of(list_of(field_of(Type::int64))));
  Column& inner = *column.child;
  inner.child->append_int64(1);
  inner.child->append_null();
  inner.append_list_end();
  inner.append_null();
  column.append_list_end();
  column.append_null();
  column.append_list_end();
  CHECK(values<int32_t>(column.offsets) == std::vector<int32_t>{0, 2, 2, 2});
  CHECK(values<int32_t>(inner.offsets) == std::vector<int32_t>{0, 2, 2});
  CHECK(inner.child->length == 2);
  CHECK(column.null_count == 1);
  CHECK(inner.null_count == 1);
}

TEST_CASE("any: tags, ends in the heap, and the one type that all values have") {
  Column column(field_of(Type::any));
  CHECK(column.uniform == Type::null);

  SUBCASE("only nulls have none") {
    column.append_null();
    CHECK(column.uniform == Type::null);
  }
  SUBCASE("nulls do not count") {
    column.append_null();
    column.append_any_int64(1);
    column.append_null();
    column.append_any_int64(2);
    CHECK(column.uniform == Type::int64);
    CHECK(column.null_count == 2);
  }
  SUBCASE("two types make it any, for good") {
    column.append_any_double(0.5);
    CHECK(column.uniform == Type::float64);
    column.append_any_int64(1);
    CHECK(column.uniform == Type::any);
    column.append_any_double(0.5);
    CHECK(column.uniform == Type::any);
  }
  SUBCASE("texts and blobs share a heap; a null between them ends where the one before it did") {
    column.append_any_bytes(Type::text, "abc", 3);
    column.append_null();
    column.append_any_bytes(Type::text, "", 0);
    column.append_any_bytes(Type::text, "de", 2);
    CHECK(column.uniform == Type::text);
    CHECK(values<int64_t>(column.data) == std::vector<int64_t>{3, 3, 3, 5});
    column.append_any_bytes(Type::bytes, "\xff", 1);
    CHECK(column.uniform == Type::any);
    CHECK(values<uint8_t>(column.tags) == std::vector<uint8_t>{6, 0, 6, 6, 7});
    CHECK(column.heap.size() == 6);
  }
}

TEST_CASE("a column stays below 2^31 bytes: fits() says so") {
  Column column(field_of(Type::text));
  append_text(column, "abc");
  CHECK(column.fits((size_t{1} << 31) - 4));
  CHECK_FALSE(column.fits((size_t{1} << 31) - 3));
  CHECK_FALSE(column.fits(SIZE_MAX));
}

TEST_CASE("what a batch holds is counted, children included") {
  auto batch = batch_of(list_of(field_of(Type::text)), [](Column& column) {
    append_text(*column.child, std::string(100, 'x'));
    column.append_list_end();
  });
  CHECK(batch->bytes() == 100 + 2 * 4 + 2 * 4);
}

TEST_CASE("a batch of any number of columns") {
  for (const size_t n : {0, 1, 2, 3, 17, 1000}) {
    CAPTURE(n);
    Schema schema;
    for (size_t i = 0; i < n; ++i) schema.push_back(any_field(every_type[i % std::size(every_type)]));
    const auto batch = Batch::make(std::make_shared<const Schema>(std::move(schema)));
    REQUIRE(batch->columns().size() == n);
    for (int row = 0; row < 100; ++row) {
      for (Column& column : batch->columns()) append_something(column);
    }
    for (const Column& column : batch->columns()) {
      CHECK(column.length == 100);
      CHECK(reinterpret_cast<uintptr_t>(&column) % alignof(Column) == 0);
    }
  }
}

TEST_CASE("every type has a name of its own") {
  for (const Type type : every_type) {
    CHECK(type_name(type) != "unknown");
    for (const Type other : every_type) CHECK((type_name(type) == type_name(other)) == (type == other));
  }
}

}  // namespace tl::columnar
