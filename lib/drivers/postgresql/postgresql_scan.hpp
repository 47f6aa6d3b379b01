// Reading PostgreSQL's text output piece by piece.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>

namespace tl::postgresql {

class Scan {
 public:
  explicit Scan(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  [[nodiscard]] char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

  bool take(char c) noexcept {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) noexcept {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  // Digits only, no sign.
  std::optional<int64_t> number() noexcept {
    if (peek() < '0' || peek() > '9') return std::nullopt;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }
  // What follows a decimal point, in microseconds: at most six digits.
  std::optional<int64_t> fraction() noexcept {
    int64_t micros = 0;
    int digits = 0;
    for (; peek() >= '0' && peek() <= '9'; ++digits, rest_.remove_prefix(1)) micros = micros * 10 + (peek() - '0');
    if (digits == 0 || digits > 6) return std::nullopt;
    for (; digits < 6; ++digits) micros *= 10;
    return micros;
  }

 private:
  std::string_view rest_;
};

}  // namespace tl::postgresql
