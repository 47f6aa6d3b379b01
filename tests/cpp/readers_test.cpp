// Types that SQLite has no columns of, from memory laid out as trunkline.h says.
#include <climits>

#include "cpp_fixture.hpp"

using namespace std::chrono;
using namespace std::chrono_literals;
using trunkline::detail::cell;
using trunkline::detail::read;

namespace {

tl_column column_of(int32_t type, const void* data, const int32_t* offsets = nullptr) {
  tl_column column{};
  column.struct_size = sizeof column;
  column.type = type;
  column.data = data;
  column.offsets = offsets;
  column.name = "c";
  return column;
}

template <class T>
T value(const tl_column& column, int64_t row) {
  return read<T>(cell{&column, row, row + 1, column.name});
}

}  // namespace

TEST_CASE("booleans are bits, and so is what is null") {
  const uint8_t bits[] = {0b0000'0010, 0b1};
  const uint8_t valid[] = {0b1111'1110, 0b1};
  tl_column column = column_of(TL_BOOL, bits);
  column.validity = valid;
  CHECK(value<bool>(column, 1));
  CHECK_FALSE(value<bool>(column, 2));
  CHECK(value<bool>(column, 8));
  CHECK(value<std::optional<bool>>(column, 0) == std::nullopt);
  CHECK(error_of([&] { value<bool>(column, 0); }).status() == TL_E_DATA);
  CHECK(error_of([&] { value<int>(column, 1); }).status() == TL_E_DATA);
}

TEST_CASE("integers of both signs fit or are refused") {
  const int64_t numbers[] = {-1, INT64_MAX};
  CHECK(value<int64_t>(column_of(TL_INT64, numbers), 1) == INT64_MAX);
  CHECK(value<int>(column_of(TL_INT64, numbers), 0) == -1);
  CHECK(value<uint64_t>(column_of(TL_UINT64, numbers), 0) == UINT64_MAX);
  CHECK(error_of([&] { value<int64_t>(column_of(TL_UINT64, numbers), 0); }).status() == TL_E_DATA);
  CHECK(error_of([&] { value<double>(column_of(TL_INT64, numbers), 0); }).status() == TL_E_DATA);
}

TEST_CASE("what has offsets") {
  const int32_t offsets[] = {0, 4, 4, 6};
  CHECK(value<std::string_view>(column_of(TL_TEXT, "1.50[]", offsets), 2) == "[]");
  CHECK(value<std::string_view>(column_of(TL_TEXT, "1.50[]", offsets), 1) == "");
  CHECK(value<trunkline::decimal>(column_of(TL_DECIMAL, "1.50[]", offsets), 0).text == "1.50");
  CHECK(value<std::string>(column_of(TL_DECIMAL, "1.50[]", offsets), 0) == "1.50");
  CHECK(value<trunkline::json>(column_of(TL_JSON, "1.50[]", offsets), 2).text == "[]");
  CHECK(value<std::span<const unsigned char>>(column_of(TL_BYTES, "1.50[]", offsets), 2)[0] == '[');
  CHECK(error_of([&] { value<trunkline::json>(column_of(TL_TEXT, "1.50[]", offsets), 2); }).status() == TL_E_DATA);
}

TEST_CASE("dates and times") {
  const int32_t days_since[] = {19782, INT32_MAX};
  CHECK(value<sys_days>(column_of(TL_DATE, days_since), 0) == 2024y / 2 / 29);
  CHECK(value<year_month_day>(column_of(TL_DATE, days_since), 0) == 2024y / 2 / 29);
  CHECK(value<sys_days>(column_of(TL_DATE, days_since), 1).time_since_epoch().count() == INT32_MAX);  // infinity
  CHECK(error_of([&] { value<year_month_day>(column_of(TL_DATE, days_since), 1); }).status() == TL_E_DATA);

  const int64_t micros[] = {3'600'000'001, INT64_MIN};
  CHECK(value<sys_time<microseconds>>(column_of(TL_TIMESTAMPTZ, micros), 0) == sys_days() + 1h + 1us);
  CHECK(value<local_time<microseconds>>(column_of(TL_TIMESTAMP, micros), 0) == local_days() + 1h + 1us);
  CHECK(value<sys_time<microseconds>>(column_of(TL_TIMESTAMPTZ, micros), 1) == sys_time<microseconds>::min());
  CHECK(value<hh_mm_ss<microseconds>>(column_of(TL_TIME, micros), 0).hours() == 1h);
  CHECK(value<microseconds>(column_of(TL_DURATION, micros), 0) == 1h + 1us);
  // A zone is neither made up nor dropped.
  CHECK(error_of([&] { value<sys_time<microseconds>>(column_of(TL_TIMESTAMP, micros), 0); }).status() == TL_E_DATA);
  CHECK(error_of([&] { value<local_time<microseconds>>(column_of(TL_TIMESTAMPTZ, micros), 0); }).status() == TL_E_DATA);
}

TEST_CASE("values of sixteen bytes") {
  const trunkline::interval intervals[] = {{1, 2, 3}, {-1, 0, 5}};
  CHECK(value<trunkline::interval>(column_of(TL_INTERVAL, intervals), 1) == intervals[1]);
  const trunkline::uuid ids[] = {{}, {{std::byte{7}}}};
  CHECK(value<trunkline::uuid>(column_of(TL_UUID, ids), 1) == ids[1]);
}

TEST_CASE("lists") {
  const int64_t numbers[] = {1, 0, 3};
  const uint8_t valid[] = {0b101};
  tl_column elements = column_of(TL_INT64, numbers);
  elements.validity = valid;
  const int32_t offsets[] = {0, 0, 3};
  tl_column column = column_of(TL_LIST, nullptr, offsets);
  column.children = &elements;
  column.n_children = 1;
  CHECK(value<std::vector<int>>(column, 0).empty());
  CHECK(value<std::vector<std::optional<int>>>(column, 1) == std::vector<std::optional<int>>{1, std::nullopt, 3});
  const auto e = error_of([&] { value<std::vector<int>>(column, 1); });
  CHECK(contains(e.what(), "row 2, column \"c\": null"));
}

TEST_CASE("text of a date is the whole text, of a day that exists") {
  using trunkline::detail::iso_text;
  CHECK(iso_text::date("2024-02-29") == sys_days(2024y / 2 / 29));
  for (const char* text : {"", "2023-02-29", "2024-13-01", "2024-2-29", "2024-02-29 ", "20240229", "x024-02-29"}) {
    CHECK_MESSAGE(!iso_text::date(text), text);
  }
  CHECK(iso_text::time("24:00:00") == 24h);
  CHECK(iso_text::time("01:02") == 1h + 2min);
  CHECK(iso_text::time("01:02:03.25") == 1h + 2min + 3250ms);
  for (const char* text : {"", "1:02", "24:00:01", "01:60", "01:02:60", "01:02:03.", "01:02:03.1234567", "01:02:03 "}) {
    CHECK_MESSAGE(!iso_text::time(text), text);
  }
  CHECK(iso_text::timestamp("2024-02-29 01:00Z")->offset == 0min);
  CHECK(iso_text::timestamp("2024-02-29T01:00-05:30")->offset == -330min);
  CHECK_FALSE(iso_text::timestamp("2024-02-29 01:00")->offset.has_value());
  for (const char* text : {"2024-02-29", "2024-02-29X01:00", "2024-02-29 01:00+1", "2024-02-29 01:00Zx"}) {
    CHECK_MESSAGE(!iso_text::timestamp(text), text);
  }
  CHECK(iso_text::uuid("AB000000-0000-0000-0000-00000000000f") ==
        trunkline::uuid{{std::byte{0xAB}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::byte{0x0F}}});
  for (const char* text :
       {"", "ab000000", "ab000000-0000-0000-0000-00000000000g", "ab0000000-000-0000-0000-00000000000f"}) {
    CHECK_MESSAGE(!iso_text::uuid(text), text);
  }
}
