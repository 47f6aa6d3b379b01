#include "iso_text.hpp"

#include <charconv>

namespace tl::columnar {
namespace {

// With zeros in front, where it has fewer digits.
void append_padded(std::string& to, int64_t value, size_t digits) {
  char text[24];
  const auto n = static_cast<size_t>(std::to_chars(text, text + sizeof text, value).ptr - text);
  if (n < digits) to.append(digits - n, '0');
  to.append(text, n);
}

}  // namespace

void append_date(std::string& to, Date date) {
  if (date.year < 0) to += '-';
  append_padded(to, date.year < 0 ? -date.year : date.year, 4);
  to += '-';
  append_padded(to, date.month, 2);
  to += '-';
  append_padded(to, date.day, 2);
}

void append_time(std::string& to, int64_t micros) {
  const int64_t seconds = micros / micros_per_second;
  append_padded(to, seconds / 3600, 2);
  to += ':';
  append_padded(to, seconds / 60 % 60, 2);
  to += ':';
  append_padded(to, seconds % 60, 2);
  if (micros % micros_per_second == 0) return;
  to += '.';
  append_padded(to, micros % micros_per_second, 6);
}

void append_hex(std::string& to, std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  for (const char c : bytes) {
    to += digits[static_cast<unsigned char>(c) >> 4];
    to += digits[static_cast<unsigned char>(c) & 15];
  }
}

std::string uuid_text(std::string_view bytes) {
  std::string text;
  append_hex(text, bytes);
  for (const size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace tl::columnar
