// C++ values -> the parameters of a statement.
#pragma once
#include <chrono>
#include <concepts>
#include <cstring>
#include <limits>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>

#include "exception.hpp"
#include "types.hpp"

namespace trunkline {

class parameters;

namespace detail {

template <class T, class... Choices>
concept one_of = (std::same_as<T, Choices> || ...);
template <class T>
concept integer = std::integral<T> && !one_of<T, bool, char, wchar_t, char8_t, char16_t, char32_t>;
template <class T>
concept texty = std::convertible_to<const T&, std::string_view> && !one_of<T, std::nullptr_t, const char*, char*>;
template <class T>
concept bytes_range = std::ranges::contiguous_range<const T> && std::ranges::sized_range<const T> &&
                      one_of < std::remove_cv_t<std::ranges::range_value_t<const T>>,
        std::byte,
unsigned char > ;
template <class T>
concept list_range = std::ranges::input_range<const T> && !texty<T> && !bytes_range<T>;

// How a type is passed: `type`, the TL_… of its values, and `encode`.
template <class T>
struct encoder {
  static_assert(sizeof(T) == 0,
                "this type cannot be a parameter; of time points, only those that convert to microseconds exactly can "
                "(std::chrono::floor<std::chrono::microseconds>)");
};

}  // namespace detail

// A value for the placeholder :name. The call must name every value.
template <class T>
struct named_value {
  std::string_view name;
  T value;
};
template <class T>
named_value<T> named(std::string_view name, T&& value) {
  return {name, std::forward<T>(value)};
}

// Values for the placeholders of a statement, in their order; for those who know them at run time only. [one thread at
// a time]
class parameters {
 public:
  template <class T>
  parameters& add(const T& value) {
    const tl_value encoded = detail::encoder<T>::encode(*this, value);
    values_.push_back(encoded);
    return *this;
  }
  template <class T>
  parameters& add(const named_value<T>& named) {
    values_.push_back(store(TL_NAME, named.name.data(), named.name.size()));
    return add(named.value);
  }

  [[nodiscard]] const tl_value* values() const noexcept { return values_.data(); }
  [[nodiscard]] size_t size() const noexcept { return values_.size(); }  // names count
  [[nodiscard]] std::span<const std::byte> arena() const noexcept { return arena_; }

  // For encoders: bytes that a value refers to. `length` is what tl_value.length says.
  tl_value store(uint8_t type, const void* bytes, size_t n) { return store(type, bytes, n, n); }
  tl_value store(uint8_t type, const void* bytes, size_t n, size_t length) {
    if (length > std::numeric_limits<uint32_t>::max()) {
      throw error(TL_E_TOO_LARGE, "a parameter has more than 2^32 - 1 bytes", outcome::not_sent);
    }
    tl_value value{};
    value.type = type;
    value.length = static_cast<uint32_t>(length);
    value.v.offset = arena_.size();
    arena_.resize(arena_.size() + n);
    if (n != 0) std::memcpy(arena_.data() + value.v.offset, bytes, n);
    return value;
  }
  void align() { arena_.resize((arena_.size() + 7) / 8 * 8); }

 private:
  std::vector<tl_value> values_;
  std::vector<std::byte> arena_;
};

namespace detail {

inline tl_value number(uint8_t type, int64_t value) noexcept {
  tl_value result{};
  result.type = type;
  result.v.i64 = value;
  return result;
}

template <uint8_t Type>
struct number_encoder {
  static constexpr uint8_t type = Type;
};

template <>
struct encoder<bool> : number_encoder<TL_BOOL> {
  static tl_value encode(parameters&, bool value) noexcept { return number(type, value ? 1 : 0); }
};

template <integer T>
struct encoder<T> : number_encoder<std::unsigned_integral<T> && sizeof(T) == 8 ? TL_UINT64 : TL_INT64> {
  static tl_value encode(parameters&, T value) noexcept { return number(encoder::type, static_cast<int64_t>(value)); }
};

template <std::floating_point T>
requires(sizeof(T) <= sizeof(double)) struct encoder<T> : number_encoder<TL_FLOAT64> {
  static tl_value encode(parameters&, double value) noexcept {
    tl_value result{};
    result.type = TL_FLOAT64;
    result.v.f64 = value;
    return result;
  }
};

template <one_of<std::nullopt_t, std::nullptr_t> T>
struct encoder<T> : number_encoder<TL_NULL> {
  static tl_value encode(parameters&, T) noexcept { return {}; }
};

template <class T>
struct encoder<std::optional<T>> : number_encoder<encoder<T>::type> {
  static tl_value encode(parameters& to, const std::optional<T>& value) {
    return value ? encoder<T>::encode(to, *value) : tl_value{};
  }
};

template <texty T>
struct encoder<T> : number_encoder<TL_TEXT> {
  static tl_value encode(parameters& to, std::string_view text) { return to.store(TL_TEXT, text.data(), text.size()); }
};
// A null pointer is NULL, as in the C APIs of databases.
template <one_of<const char*, char*> T>
struct encoder<T> : number_encoder<TL_TEXT> {
  static tl_value encode(parameters& to, const char* text) {
    return text == nullptr ? tl_value{} : to.store(TL_TEXT, text, std::strlen(text));
  }
};

template <bytes_range T>
struct encoder<T> : number_encoder<TL_BYTES> {
  static tl_value encode(parameters& to, const T& bytes) {
    return to.store(TL_BYTES, std::ranges::data(bytes), std::ranges::size(bytes));
  }
};

template <>
struct encoder<decimal> : number_encoder<TL_DECIMAL> {
  static tl_value encode(parameters& to, const decimal& value) {
    return to.store(type, value.text.data(), value.text.size());
  }
};

template <>
struct encoder<json> : number_encoder<TL_JSON> {
  static tl_value encode(parameters& to, const json& value) {
    return to.store(type, value.text.data(), value.text.size());
  }
};

template <>
struct encoder<uuid> : number_encoder<TL_UUID> {
  static tl_value encode(parameters& to, const uuid& value) {
    return to.store(type, value.bytes.data(), value.bytes.size(), 0);
  }
};

template <>
struct encoder<interval> : number_encoder<TL_INTERVAL> {
  static_assert(sizeof(interval) == 16);
  static tl_value encode(parameters& to, const interval& value) { return to.store(type, &value, sizeof value, 0); }
};

template <>
struct encoder<std::chrono::year_month_day> : number_encoder<TL_DATE> {
  static tl_value encode(parameters&, std::chrono::year_month_day day) {
    if (!day.ok()) throw error(TL_E_DATA, "a parameter is a day that no calendar has", outcome::not_sent);
    return number(type, std::chrono::sys_days(day).time_since_epoch().count());
  }
};

template <class Duration>
concept exact_in_microseconds = std::convertible_to<Duration, std::chrono::microseconds>;

template <exact_in_microseconds Duration>
struct encoder<std::chrono::sys_time<Duration>>
    : number_encoder<std::same_as<Duration, std::chrono::days> ? TL_DATE : TL_TIMESTAMPTZ> {
  static tl_value encode(parameters&, std::chrono::sys_time<Duration> time) noexcept {
    if constexpr (encoder::type == TL_DATE) {
      return number(TL_DATE, time.time_since_epoch().count());
    } else {
      return number(TL_TIMESTAMPTZ, std::chrono::microseconds(time.time_since_epoch()).count());
    }
  }
};

template <exact_in_microseconds Duration>
struct encoder<std::chrono::local_time<Duration>> : number_encoder<TL_TIMESTAMP> {
  static tl_value encode(parameters&, std::chrono::local_time<Duration> time) noexcept {
    return number(TL_TIMESTAMP, std::chrono::microseconds(time.time_since_epoch()).count());
  }
};

template <exact_in_microseconds Duration>
struct encoder<std::chrono::hh_mm_ss<Duration>> : number_encoder<TL_TIME> {
  static tl_value encode(parameters&, std::chrono::hh_mm_ss<Duration> time) noexcept {
    return number(TL_TIME, std::chrono::microseconds(time.to_duration()).count());
  }
};

template <class Rep, class Period>
requires exact_in_microseconds<std::chrono::duration<Rep, Period>>
struct encoder<std::chrono::duration<Rep, Period>> : number_encoder<TL_DURATION> {
  static tl_value encode(parameters&, std::chrono::duration<Rep, Period> duration) noexcept {
    return number(TL_DURATION, std::chrono::microseconds(duration).count());
  }
};

template <list_range T>
struct encoder<T> : number_encoder<TL_LIST> {
  using element = encoder<std::remove_cv_t<std::ranges::range_value_t<const T>>>;

  static tl_value encode(parameters& to, const T& list) {
    static_assert(element::type != TL_LIST, "a list in a list cannot be passed");
    std::vector<tl_value> elements;
    if constexpr (std::ranges::sized_range<const T>) elements.reserve(std::ranges::size(list));
    for (const auto& value : list) elements.push_back(element::encode(to, value));
    to.align();
    tl_value result = to.store(TL_LIST, elements.data(), elements.size() * sizeof(tl_value), elements.size());
    result.element = element::type;
    return result;
  }
};

}  // namespace detail
}  // namespace trunkline
