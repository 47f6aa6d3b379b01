// Reads dates, times and uuids from text, which is how SQLite keeps them: "2024-02-29", "2024-02-29 13:00:00.5+01:00"
// with blank or T between, seconds optional, "13:00:00". The whole text must be it; nullopt otherwise.
#pragma once
#include <chrono>
#include <optional>
#include <string_view>

#include "types.hpp"

namespace trunkline::detail {

class iso_text {
 public:
  using microseconds = std::chrono::microseconds;
  struct moment {
    std::chrono::local_time<microseconds> local;
    std::optional<std::chrono::minutes> offset;  // east of UTC
  };

  static std::optional<std::chrono::sys_days> date(std::string_view text) {
    iso_text reader(text);
    const auto day = reader.read_date();
    return reader.complete() ? std::optional(day) : std::nullopt;
  }
  static std::optional<microseconds> time(std::string_view text) {
    iso_text reader(text);
    const microseconds time = reader.read_time();
    return reader.complete() ? std::optional(time) : std::nullopt;
  }
  static std::optional<moment> timestamp(std::string_view text) {
    iso_text reader(text);
    moment result;
    result.local = std::chrono::local_time<microseconds>(reader.read_date().time_since_epoch());
    if (reader.skip('T') || reader.expect(' ')) result.local += reader.read_time();
    result.offset = reader.read_offset();
    return reader.complete() ? std::optional(result) : std::nullopt;
  }
  static std::optional<trunkline::uuid> uuid(std::string_view text) {
    iso_text reader(text);
    trunkline::uuid result;
    for (size_t i = 0; i < result.bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) reader.expect('-');
      const unsigned high = reader.digit(16);
      result.bytes[i] = static_cast<std::byte>(high << 4 | reader.digit(16));
    }
    return reader.complete() ? std::optional(result) : std::nullopt;
  }

 private:
  explicit iso_text(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool complete() const noexcept { return good_ && rest_.empty(); }

  bool skip(char c) noexcept {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool expect(char c) noexcept {
    good_ = skip(c) && good_;
    return good_;
  }
  unsigned digit(unsigned base) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    const char c = rest_.empty() ? ' ' : rest_.front();
    const size_t value = digits.find(base == 16 && c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c);
    good_ = good_ && value < base;
    if (!good_) return 0;
    rest_.remove_prefix(1);
    return static_cast<unsigned>(value);
  }
  unsigned number(int digits) noexcept {
    unsigned value = 0;
    while (digits-- > 0) value = value * 10 + digit(10);
    return value;
  }
  unsigned number_up_to(unsigned most) noexcept {
    const unsigned value = number(2);
    good_ = good_ && value <= most;
    return value;
  }

  std::chrono::sys_days read_date() noexcept {
    const int year = static_cast<int>(number(4));
    expect('-');
    const unsigned month = number(2);
    expect('-');
    const std::chrono::year_month_day day(std::chrono::year(year), std::chrono::month(month),
                                          std::chrono::day(number(2)));
    good_ = good_ && day.ok();
    return good_ ? std::chrono::sys_days(day) : std::chrono::sys_days();
  }
  microseconds read_time() noexcept {
    microseconds time = std::chrono::hours(number_up_to(24));
    expect(':');
    time += std::chrono::minutes(number_up_to(59));
    if (skip(':')) time += std::chrono::seconds(number_up_to(59));
    if (skip('.')) {
      int64_t unit = 100'000;
      do {
        time += microseconds(digit(10) * unit);
        unit /= 10;
      } while (unit != 0 && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9');
    }
    good_ = good_ && time <= std::chrono::hours(24);
    return time;
  }
  std::optional<std::chrono::minutes> read_offset() noexcept {
    if (skip('Z')) return std::chrono::minutes(0);
    const bool west = rest_.starts_with('-');
    if (!west && !rest_.starts_with('+')) return std::nullopt;
    rest_.remove_prefix(1);
    std::chrono::minutes offset = std::chrono::hours(number_up_to(23));
    expect(':');
    offset += std::chrono::minutes(number_up_to(59));
    return west ? -offset : offset;
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace trunkline::detail
