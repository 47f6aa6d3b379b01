#include <array>
#include <charconv>
#include <cmath>

#include "values.hpp"

namespace tl::config {
namespace {

struct Suffix {
  std::string_view name;
  int64_t ns;
};

// Longest first where one begins with another.
constexpr std::array suffixes = {
    Suffix{"ms", 1'000'000},        Suffix{"us", 1'000},         Suffix{"d", 86'400'000'000'000},
    Suffix{"h", 3'600'000'000'000}, Suffix{"m", 60'000'000'000}, Suffix{"s", 1'000'000'000},
};

}  // namespace

std::optional<Nanos> parse_duration(std::string_view text) noexcept {
  int64_t sum = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const Suffix* unit = nullptr;
    for (const Suffix& suffix : suffixes) {
      if (unit == nullptr && text.substr(0, suffix.name.size()) == suffix.name) unit = &suffix;
    }
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    const double ns = number * static_cast<double>(unit->ns);
    if (!(ns <= 9e18) || sum > INT64_MAX - static_cast<int64_t>(ns)) return std::nullopt;
    sum += std::llround(ns);
  }
  return Nanos(sum);
}

std::string duration_text(Nanos duration) {
  const int64_t ns = duration.count();
  for (const Suffix& suffix : {Suffix{"h", 3'600'000'000'000}, Suffix{"m", 60'000'000'000}, Suffix{"s", 1'000'000'000},
                               Suffix{"ms", 1'000'000}}) {
    if (ns != 0 && ns % suffix.ns == 0) return std::to_string(ns / suffix.ns).append(suffix.name);
  }
  return ns == 0 ? "0s" : std::to_string(ns / 1000) + "us";
}

}  // namespace tl::config
