// Values of databases that C++ has no type of its own for. Each is a parameter and a value of a row.
//
// The others: bool, integers, double, std::string(_view), bytes (std::span, std::vector of std::byte or unsigned char),
// std::optional, lists (std::vector, any range as a parameter), and of std::chrono
//   date         sys_days, year_month_day
//   time         hh_mm_ss<microseconds>
//   timestamp    local_time<microseconds>, without a zone
//   timestamptz  sys_time<microseconds>, UTC
//   duration     microseconds
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace trunkline {

struct decimal {  // exact
  std::string text;
  friend bool operator==(const decimal&, const decimal&) = default;
};

struct json {
  std::string text;
  friend bool operator==(const json&, const json&) = default;
};

struct uuid {
  std::array<std::byte, 16> bytes{};
  friend bool operator==(const uuid&, const uuid&) = default;
};

struct interval {  // a month has no fixed number of days, nor a day of hours
  int32_t months = 0;
  int32_t days = 0;
  int64_t microseconds = 0;
  friend bool operator==(const interval&, const interval&) = default;
};

}  // namespace trunkline
