// Days since 1970-01-01 as dates of the proleptic Gregorian calendar, and back (Howard Hinnant, "chrono-compatible
// low-level date algorithms"). The year 0 is 1 BC.
#pragma once
#include <cstdint>

namespace tl::columnar {

constexpr int64_t micros_per_second = 1'000'000;
constexpr int64_t micros_per_day = 86'400 * micros_per_second;

struct Date {
  int64_t year = 1970;
  int32_t month = 1;
  int32_t day = 1;
};

[[nodiscard]] constexpr Date date_of_days(int64_t days) noexcept {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int32_t>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const auto month = static_cast<int32_t>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

[[nodiscard]] constexpr int64_t days_of_date(Date date) noexcept {
  const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

// Days since 1970-01-01, and microseconds of the day.
struct Moment {
  int64_t days = 0;
  int64_t micros = 0;
};

[[nodiscard]] constexpr Moment moment_of(int64_t micros) noexcept {
  const int64_t of_day = micros % micros_per_day;
  return of_day < 0 ? Moment{micros / micros_per_day - 1, of_day + micros_per_day}
                    : Moment{micros / micros_per_day, of_day};
}

}  // namespace tl::columnar
