// Values of rows -> C++ values, exact or an error that names row and column.
#pragma once
#include <utility>
#include <variant>

#include "cells.hpp"
#include "iso_text.hpp"
#include "parameters.hpp"

namespace trunkline::detail {

// How a type is read from a cell that is not null: `wanted`, for messages; `owns`, whether it outlives the batch;
// `accepts`, whether a value of the cell's type can be it; `read`.
template <class T>
struct reader {
  static_assert(sizeof(T) == 0, "this type cannot be read from a row");
};

template <class T>
T read(const cell& from);

template <int32_t... Types>
struct reader_of {
  static constexpr bool owns = true;
  static bool accepts(const cell& from) noexcept { return ((from.type() == Types) || ...); }
};

template <>
struct reader<bool> : reader_of<TL_BOOL, TL_INT64> {
  static constexpr std::string_view wanted = "a boolean";
  // SQLite's booleans are the numbers 0 and 1.
  static bool accepts(const cell& from) noexcept {
    return from.type() == TL_BOOL || (from.in_any() && from.type() == TL_INT64);
  }
  static bool read(const cell& from) {
    if (!from.in_any()) return from.bit();
    const auto value = from.fixed<int64_t>();
    if (value != 0 && value != 1) from.refuse(std::to_string(value) + " where the program wants a boolean");
    return value != 0;
  }
};

template <integer T>
struct reader<T> : reader_of<TL_INT64, TL_UINT64> {
  static constexpr std::string_view wanted = "an integer";
  static T read(const cell& from) {
    return from.type() == TL_UINT64 ? narrow(from, from.fixed<uint64_t>()) : narrow(from, from.fixed<int64_t>());
  }

 private:
  template <class Wide>
  static T narrow(const cell& from, Wide value) {
    if (!std::in_range<T>(value)) {
      from.refuse(std::to_string(value) + " does not fit the program's integer of " + std::to_string(sizeof(T)) +
                  " bytes");
    }
    return static_cast<T>(value);
  }
};

template <>
struct reader<double> : reader_of<> {
  static constexpr std::string_view wanted = "a floating-point number";
  // SQLite computes 1 + 1 where another row has 1.5.
  static bool accepts(const cell& from) noexcept {
    return from.type() == TL_FLOAT64 || (from.in_any() && from.type() == TL_INT64);
  }
  static double read(const cell& from) {
    if (from.type() == TL_FLOAT64) return from.fixed<double>();
    const auto value = from.fixed<int64_t>();
    constexpr int64_t exact = int64_t{1} << 53;
    if (value < -exact || value > exact) from.refuse(std::to_string(value) + " does not fit a double exactly");
    return static_cast<double>(value);
  }
};

template <>
struct reader<std::string_view> : reader_of<TL_TEXT, TL_JSON, TL_DECIMAL> {
  static constexpr std::string_view wanted = "text";
  static constexpr bool owns = false;
  static std::string_view read(const cell& from) noexcept { return from.text(); }
};
template <>
struct reader<std::string> : reader<std::string_view> {
  static constexpr bool owns = true;
  static std::string read(const cell& from) { return std::string(from.text()); }
};

template <one_of<std::byte, unsigned char> Byte>
struct reader<std::span<const Byte>> : reader_of<TL_BYTES> {
  static constexpr std::string_view wanted = "bytes";
  static constexpr bool owns = false;
  static std::span<const Byte> read(const cell& from) noexcept {
    const std::string_view bytes = from.text();
    return {reinterpret_cast<const Byte*>(bytes.data()), bytes.size()};
  }
};
template <one_of<std::byte, unsigned char> Byte>
struct reader<std::vector<Byte>> : reader<std::span<const Byte>> {
  static constexpr bool owns = true;
  static std::vector<Byte> read(const cell& from) {
    const auto bytes = reader<std::span<const Byte>>::read(from);
    return {bytes.begin(), bytes.end()};
  }
};

template <>
struct reader<decimal> : reader_of<TL_DECIMAL> {
  static constexpr std::string_view wanted = "a decimal";
  static decimal read(const cell& from) { return {std::string(from.text())}; }
};

// What SQLite, which has no such types, keeps as text is read from text.
template <int32_t Type>
struct reader_or_text : reader_of<Type> {
  static bool accepts(const cell& from) noexcept {
    return from.type() == Type || (from.in_any() && from.type() == TL_TEXT);
  }

 protected:
  template <class Parsed>
  static Parsed parsed(const cell& from, const std::optional<Parsed>& value, std::string_view wanted) {
    if (!value) from.refuse("text that is not " + std::string(wanted));
    return *value;
  }
};

template <>
struct reader<json> : reader_or_text<TL_JSON> {
  static constexpr std::string_view wanted = "json";
  static json read(const cell& from) { return {std::string(from.text())}; }
};

template <>
struct reader<uuid> : reader_or_text<TL_UUID> {
  static constexpr std::string_view wanted = "a uuid";
  static uuid read(const cell& from) {
    return from.in_any() ? parsed(from, iso_text::uuid(from.text()), wanted) : from.fixed<uuid>();
  }
};

template <>
struct reader<interval> : reader_of<TL_INTERVAL> {
  static constexpr std::string_view wanted = "an interval";
  static interval read(const cell& from) noexcept { return from.fixed<interval>(); }
};

// An infinite date is the largest or smallest one of its type, as in the C ABI.
template <>
struct reader<std::chrono::sys_days> : reader_or_text<TL_DATE> {
  static constexpr std::string_view wanted = "a date";
  static std::chrono::sys_days read(const cell& from) {
    if (from.in_any()) return parsed(from, iso_text::date(from.text()), wanted);
    return std::chrono::sys_days(std::chrono::days(from.fixed<int32_t>()));
  }
};
template <>
struct reader<std::chrono::year_month_day> : reader<std::chrono::sys_days> {
  static std::chrono::year_month_day read(const cell& from) {
    const auto day = reader<std::chrono::sys_days>::read(from);
    const std::chrono::sys_days first = std::chrono::year::min() / 1 / 1;
    const std::chrono::sys_days last = std::chrono::year::max() / 12 / 31;
    if (day < first || day > last) {
      from.refuse("a date that std::chrono::year_month_day cannot hold");
    }
    return day;
  }
};

template <>
struct reader<std::chrono::sys_time<std::chrono::microseconds>> : reader_or_text<TL_TIMESTAMPTZ> {
  using time = std::chrono::sys_time<std::chrono::microseconds>;
  static constexpr std::string_view wanted = "a timestamp with a time zone";
  static time read(const cell& from) {
    if (!from.in_any()) return time(std::chrono::microseconds(from.fixed<int64_t>()));
    const auto moment = parsed(from, iso_text::timestamp(from.text()), wanted);
    if (!moment.offset) from.refuse("text that is not a timestamp with a time zone");
    return time(moment.local.time_since_epoch() - *moment.offset);
  }
};
template <>
struct reader<std::chrono::local_time<std::chrono::microseconds>> : reader_or_text<TL_TIMESTAMP> {
  using time = std::chrono::local_time<std::chrono::microseconds>;
  static constexpr std::string_view wanted = "a timestamp without a time zone";
  static time read(const cell& from) {
    if (!from.in_any()) return time(std::chrono::microseconds(from.fixed<int64_t>()));
    const auto moment = parsed(from, iso_text::timestamp(from.text()), wanted);
    if (moment.offset) from.refuse("text that is not a timestamp without a time zone");
    return moment.local;
  }
};

template <>
struct reader<std::chrono::hh_mm_ss<std::chrono::microseconds>> : reader_or_text<TL_TIME> {
  static constexpr std::string_view wanted = "a time of day";
  static std::chrono::hh_mm_ss<std::chrono::microseconds> read(const cell& from) {
    using time = std::chrono::hh_mm_ss<std::chrono::microseconds>;
    if (from.in_any()) return time(parsed(from, iso_text::time(from.text()), wanted));
    return time(std::chrono::microseconds(from.fixed<int64_t>()));
  }
};
template <>
struct reader<std::chrono::microseconds> : reader_of<TL_DURATION> {
  static constexpr std::string_view wanted = "a duration";
  // SQLite keeps a duration as its microseconds.
  static bool accepts(const cell& from) noexcept {
    return from.type() == TL_DURATION || (from.in_any() && from.type() == TL_INT64);
  }
  static std::chrono::microseconds read(const cell& from) noexcept {
    return std::chrono::microseconds(from.fixed<int64_t>());
  }
};

template <class T>
struct reader<std::vector<T>> : reader_of<TL_LIST> {
  static constexpr std::string_view wanted = "a list";
  static constexpr bool owns = reader<T>::owns;
  static std::vector<T> read(const cell& from) {
    const int32_t end = from.column->offsets[from.row + 1];
    std::vector<T> result;
    result.reserve(static_cast<size_t>(end - from.column->offsets[from.row]));
    for (int32_t i = from.column->offsets[from.row]; i < end; ++i) {
      result.push_back(detail::read<T>({from.column->children, i, from.number, from.name}));
    }
    return result;
  }
};

template <>
struct reader<std::monostate> {
  static constexpr bool owns = true;
};

// Those that take nulls.
template <class T>
struct nullable {
  static constexpr bool value = false;
};
template <class T>
struct nullable<std::optional<T>> {
  static constexpr bool value = true;
  static std::optional<T> read(const cell& from) {
    if (from.is_null()) return std::nullopt;
    return detail::read<T>(from);
  }
};
template <class T>
struct reader<std::optional<T>> {
  static constexpr bool owns = reader<T>::owns;
};

// For columns whose values have types of their own: the first alternative that accepts the value's type; null is
// std::monostate.
template <class... Ts>
struct nullable<std::variant<Ts...>> {
  static constexpr bool value = true;
  static std::variant<Ts...> read(const cell& from) {
    std::optional<std::variant<Ts...>> result;
    (try_as<Ts>(from, result), ...);
    if (result) return *std::move(result);
    if (from.is_null()) from.refuse("null, which is none of the types that the program takes");
    from.refuse_type("another type");
  }

 private:
  template <class T>
  static void try_as(const cell& from, std::optional<std::variant<Ts...>>& result) {
    if (result) return;
    if constexpr (std::same_as<T, std::monostate>) {
      if (from.is_null()) result.emplace(std::monostate());
    } else {
      if (!from.is_null() && reader<T>::accepts(from)) result.emplace(reader<T>::read(from));
    }
  }
};
template <class... Ts>
struct reader<std::variant<Ts...>> {
  static constexpr bool owns = (reader<Ts>::owns && ...);
};

template <class T>
T read(const cell& from) {
  if constexpr (nullable<T>::value) {
    return nullable<T>::read(from);
  } else {
    if (from.is_null()) from.refuse_null(reader<T>::wanted);
    if (!reader<T>::accepts(from)) from.refuse_type(reader<T>::wanted);
    return reader<T>::read(from);
  }
}

}  // namespace trunkline::detail
