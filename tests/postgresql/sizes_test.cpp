// Values that grow on their way into a column, and lists of a wrong size.
#include <doctest/doctest.h>

#include <cstdlib>

#include "both_formats.hpp"
#include "postgresql_plan.hpp"

namespace tl::validation {

using columnar::Column;
using columnar::Field;
using columnar::Type;

namespace {

constexpr postgresql::Oid int4 = 23, text = 25, numeric = 1700;

Field field_of(Type type, Type element) {
  Field field;
  field.type = type;
  if (type == Type::list) {
    Field inner;
    inner.type = element;
    field.element = std::make_shared<const Field>(inner);
  }
  return field;
}

template <class T>
std::string big_endian(T value) {
  std::string bytes;
  for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(value >> shift & 0xff);
  }
  return bytes;
}

std::string words(std::initializer_list<int32_t> all) {
  std::string bytes;
  for (const int32_t word : all) bytes += big_endian(word);
  return bytes;
}

// One digit, 10^131071: of the longest numbers that the server has.
const std::string long_number = big_endian(int16_t{1}) + big_endian(int16_t{32767}) + big_endian(int16_t{0}) +
                                big_endian(int16_t{0}) + big_endian(int16_t{1000});

// What is said of a value whose column already holds all but `room` of the bytes that it may.
const char* complaint_of(Field field, postgresql::Oid type, std::string_view value, size_t room, bool binary) {
  Column column(field);
  Column& full = field.type == Type::list ? *column.child : column;
  full.data.grow((size_t{1} << 31) - 1 - room);
  const auto read = binary ? postgresql::read_binary : postgresql::read_text;
  return read(column, *postgresql::find_type(type), value);
}

size_t rows_of_a_batch(const std::string& sql, driver::FetchLimits limits, const std::string& more) {
  Asking ask(more);
  Result<driver::Reply> reply = ask.begin(sql);
  REQUIRE(reply.ok());
  const auto fetch = ask->fetch(limits);
  REQUIRE(runtime::run(*ask, *fetch, nullptr) == runtime::Ended::finished);
  REQUIRE(fetch->succeeded());
  REQUIRE(ask.reset().ok());
  return static_cast<size_t>(fetch->batch->rows());
}

}  // namespace

TEST_CASE("a batch ends by the bytes that its values have become") {
  for (const char* more : {"", "statement_cache = 0\n"}) {
    CAPTURE(more);
    const driver::FetchLimits limits{1000, 1 << 20};
    CHECK(rows_of_a_batch("SELECT 1e131071::numeric FROM generate_series(1, 50)", limits, more) == 8);
    CHECK(rows_of_a_batch("SELECT array[1e131071::numeric] FROM generate_series(1, 50)", limits, more) == 8);
    CHECK(rows_of_a_batch("SELECT array_fill(NULL::uuid, array[8192]) FROM generate_series(1, 50)", limits, more) <= 8);
    CHECK(rows_of_a_batch("SELECT repeat('x', 65536) FROM generate_series(1, 50)", limits, more) == 16);
  }
}

TEST_CASE("no value takes its column to 2^31 bytes") {
  using postgresql::too_large;
  const Field decimals = field_of(Type::decimal, Type::null);
  CHECK(complaint_of(decimals, numeric, long_number, 200'000, true) == nullptr);
  CHECK(complaint_of(decimals, numeric, long_number, 100'000, true) == too_large);

  const Field lists = field_of(Type::list, Type::decimal);
  const std::string list = words({1, 0, int32_t{numeric}, 1, 1, 10}) + long_number;
  const postgresql::Oid list_type = postgresql::find_type(numeric)->array;
  CHECK(complaint_of(lists, list_type, list, 200'000, true) == nullptr);
  CHECK(complaint_of(lists, list_type, list, 100'000, true) == too_large);

  const Field numbers = field_of(Type::list, Type::int64);
  const postgresql::Oid numbers_type = postgresql::find_type(int4)->array;
  CHECK(complaint_of(numbers, numbers_type, words({1, 1, 23, 1, 1, -1}), 100, true) == nullptr);
  CHECK(complaint_of(numbers, numbers_type, words({1, 1, 23, 1, 1, -1}), 10, true) == too_large);
  CHECK(complaint_of(numbers, numbers_type, "{NULL}", 100, false) == nullptr);
  CHECK(complaint_of(numbers, numbers_type, "{NULL}", 10, false) == too_large);

  const Field texts = field_of(Type::list, Type::text);
  const postgresql::Oid texts_type = postgresql::find_type(text)->array;
  CHECK(complaint_of(texts, texts_type, "{abcdefghijklmnop}", 100, false) == nullptr);
  CHECK(complaint_of(texts, texts_type, "{abcdefghijklmnop}", 20, false) == too_large);
}

TEST_CASE("a list of more than a column holds is too_large, and the session goes on") {
  if (std::getenv("TRUNKLINE_SOAK") == nullptr) return;  // takes 2 GiB of memory
  Asking ask;
  const Failure failure = ask.failure("SELECT array_fill(1e131071::numeric, array[20000]) AS numbers");
  CHECK(status_name(failure->status) == "too_large");
  CHECK(failure->message.find("\"numbers\"") != std::string::npos);
  REQUIRE(ask.reset().ok());
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("a list whose parts do not add up is no list") {
  const Field numbers = field_of(Type::list, Type::int64);
  const postgresql::TypeInfo& type = *postgresql::find_type(postgresql::find_type(int4)->array);
  const auto read = [&](const std::string& value) {
    Column column(numbers);
    return postgresql::read_binary(column, type, value);
  };
  CHECK(read(words({0, 0, 23})) == nullptr);
  CHECK(read(words({1, 0, 23, 1, 1, 4, 7})) == nullptr);
  CHECK(read(words({1, 1, 23, 2, 1, -1, 4, 7})) == nullptr);
  for (const std::string& value : {
           words({0, 0, 23, 0}),                  // bytes after nothing
           words({-1, 0, 23, 1, 1, 4, 7}),        // dimensions below none
           words({1, 0, 23, -1, 1}),              // fewer than no elements
           words({1, 0, 23, -1, 1, 4, 7}),        //
           words({1, 0, 23, 1, 1, 4, 7, 4, 8}),   // an element more
           words({1, 0, 23, 1, 1, 4, 7}) + '\0',  //
           words({1, 0, 23, 2, 1, 4, 7}),         // an element less
           words({1, 0, 23, 1, 1, -2}),           // shorter than null
           words({1, 0, 23, 1, 1, 8, 7}),         // longer than there is
           words({1, 0, 23, 1}),
       }) {
    CHECK(read(value) != nullptr);
  }
}

}  // namespace tl::validation
