#include <doctest/doctest.h>

#include "iso_text.hpp"

namespace tl::columnar {
namespace {

std::string date_text(Date date) {
  std::string text;
  append_date(text, date);
  return text;
}

std::string time_text(int64_t micros) {
  std::string text;
  append_time(text, micros);
  return text;
}

}  // namespace

TEST_CASE("every moment has a day and microseconds of it") {
  for (const int64_t micros : {INT64_MIN, int64_t{-1}, int64_t{0}, INT64_MAX}) {
    const Moment moment = moment_of(micros);
    CHECK(moment.micros >= 0);
    CHECK(moment.micros < micros_per_day);
    CHECK(static_cast<uint64_t>(moment.days) * uint64_t{micros_per_day} + static_cast<uint64_t>(moment.micros) ==
          static_cast<uint64_t>(micros));
  }
  CHECK(moment_of(-1).days == -1);
}

TEST_CASE("dates have four digits of a year or more, and a sign before the year 0") {
  CHECK(date_text({2024, 2, 29}) == "2024-02-29");
  CHECK(date_text({1, 1, 1}) == "0001-01-01");
  CHECK(date_text({0, 12, 31}) == "0000-12-31");
  CHECK(date_text({-1, 1, 1}) == "-0001-01-01");
  CHECK(date_text({-12345, 10, 11}) == "-12345-10-11");
  CHECK(date_text({9999, 12, 31}) == "9999-12-31");
  CHECK(date_text({10000, 1, 1}) == "10000-01-01");
  CHECK(date_text(date_of_days(0)) == "1970-01-01");
  CHECK(date_text(date_of_days(INT32_MAX)) == "5881580-07-11");
  CHECK(date_text(date_of_days(INT32_MIN)) == "-5877641-06-23");
}

TEST_CASE("times have a fraction of six digits where there is one, and as many hours as there are") {
  CHECK(time_text(0) == "00:00:00");
  CHECK(time_text(1) == "00:00:00.000001");
  CHECK(time_text(500'000) == "00:00:00.500000");
  CHECK(time_text(12 * 3600 * micros_per_second + 34 * 60 * micros_per_second + 56 * micros_per_second) == "12:34:56");
  CHECK(time_text(micros_per_day - 1) == "23:59:59.999999");
  CHECK(time_text(micros_per_day) == "24:00:00");
  CHECK(time_text(100 * 3600 * micros_per_second) == "100:00:00");
  CHECK(time_text(INT64_MAX) == "2562047788:00:54.775807");
}

TEST_CASE("what is appended leaves what was there") {
  std::string text = "at ";
  append_date(text, {1999, 9, 9});
  text += ' ';
  append_time(text, 0);
  CHECK(text == "at 1999-09-09 00:00:00");
}

TEST_CASE("bytes in hexadecimal, and uuids") {
  std::string text = "\\x";
  append_hex(text, std::string_view("\0\x7f\x80\xff", 4));
  CHECK(text == "\\x007f80ff");
  append_hex(text, "");
  CHECK(text == "\\x007f80ff");
  CHECK(uuid_text("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef") ==
        "01234567-89ab-cdef-0123-456789abcdef");
  CHECK(uuid_text(std::string(16, '\0')) == "00000000-0000-0000-0000-000000000000");
}

}  // namespace tl::columnar
