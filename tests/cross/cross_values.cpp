#include "cross_values.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace cross {
namespace {

using std::chrono::microseconds;
using Bytes = std::vector<unsigned char>;
using Clock = std::chrono::hh_mm_ss<microseconds>;

constexpr int64_t safe = (int64_t{1} << 53) - 1;  // the largest integer that every language's JSON keeps

template <class... Values>
std::string printed(const char* format, Values... values) {
  std::string text(static_cast<size_t>(std::snprintf(nullptr, 0, format, values...)), '\0');
  std::snprintf(text.data(), text.size() + 1, format, values...);
  return text;
}

// ---- into parameters ----

Bytes bytes_of(const std::string& hex) {
  Bytes found;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    found.push_back(static_cast<unsigned char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return found;
}

trunkline::uuid uuid_of(std::string text) {
  std::erase(text, '-');
  const Bytes bytes = bytes_of(text);
  trunkline::uuid found;
  for (size_t i = 0; i < found.bytes.size(); ++i) found.bytes[i] = static_cast<std::byte>(bytes.at(i));
  return found;
}

std::chrono::sys_days day_of(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  std::sscanf(text.c_str(), "%d-%u-%u", &year, &month, &day);
  return std::chrono::sys_days(std::chrono::year(year) / month / day);
}

microseconds clock_of(const std::string& text) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t fraction = 0;
  std::sscanf(text.c_str(), "%ld:%ld:%ld.%ld", &hour, &minute, &second, &fraction);
  return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) +
         microseconds(fraction);
}

microseconds moment_of(const std::string& text) {
  return day_of(text).time_since_epoch() + clock_of(text.substr(text.find(' ') + 1));
}

template <class T, class Sink>
void give_list(const Json& list, const Sink& sink) {
  std::vector<std::optional<T>> values;
  for (const Json& each : list) {
    values.push_back(each.is_null() ? std::nullopt : std::optional<T>(each.get<T>()));
  }
  sink(values);
}

template <class Sink>
void give_any_list(const Json& list, const Sink& sink) {
  const auto first = std::find_if(list.begin(), list.end(), [](const Json& each) { return !each.is_null(); });
  if (first == list.end() || first->is_number_integer()) return give_list<int64_t>(list, sink);
  if (first->is_string()) return give_list<std::string>(list, sink);
  if (first->is_boolean()) return give_list<bool>(list, sink);
  throw std::invalid_argument("a list of " + first->dump());
}

// What is written with its type: {"decimal": "1.10"}.
template <class Sink>
void give_typed(const std::string& type, const Json& value, const Sink& sink) {
  const auto text = [&] { return value.get<std::string>(); };
  if (type == "int64") return sink(int64_t{std::stoll(text())});
  if (type == "uint64") return sink(uint64_t{std::stoull(text())});
  if (type == "float64") return sink(std::strtod(text().c_str(), nullptr));
  if (type == "decimal") return sink(trunkline::decimal{text()});
  if (type == "bytes") return sink(bytes_of(text()));
  if (type == "date") return sink(day_of(text()));
  if (type == "time") return sink(Clock(clock_of(text())));
  if (type == "timestamp") return sink(std::chrono::local_time<microseconds>(moment_of(text())));
  if (type == "timestamptz") return sink(std::chrono::sys_time<microseconds>(moment_of(text())));
  if (type == "duration") return sink(microseconds(value.get<int64_t>()));
  if (type == "interval") return sink(trunkline::interval{value.at(0), value.at(1), value.at(2)});
  if (type == "uuid") return sink(uuid_of(text()));
  if (type == "json") return sink(trunkline::json{value.dump()});
  if (type == "list") return give_any_list(value, sink);
  throw std::invalid_argument("a value of type " + type);
}

template <class Sink>
void give(const Json& value, const Sink& sink) {
  if (value.is_null()) return sink(nullptr);
  if (value.is_boolean()) return sink(value.get<bool>());
  if (value.is_number_integer()) return sink(value.get<int64_t>());
  if (value.is_string()) return sink(value.get<std::string>());
  if (value.is_object() && value.size() == 1) return give_typed(value.begin().key(), value.begin().value(), sink);
  throw std::invalid_argument("a value written as " + value.dump());
}

// ---- out of rows ----

Json written(int64_t value) {
  if (value >= -safe && value <= safe) return value;
  return {{"int64", std::to_string(value)}};
}

// The shortest digits that are the same double, with the exponent as it is in mathematics: 1.5e+0.
Json written(double value) {
  if (!std::isfinite(value)) return {{"float64", std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"}};
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::scientific);
  std::string text(digits.data(), end.ptr);
  const size_t exponent = text.find('e') + 2;
  if (text[exponent] == '0') text.erase(exponent, 1);
  return {{"float64", text}};
}

// Where a value has no type beside it, a whole number is one, however it was computed.
Json written_bare(double value) {
  const bool whole = std::trunc(value) == value && std::abs(value) <= static_cast<double>(safe);
  return whole ? Json(static_cast<int64_t>(value)) : written(value);
}

Json written(const Bytes& bytes) {
  std::string hex;
  for (const unsigned char byte : bytes) hex += printed("%02x", byte);
  return {{"bytes", hex}};
}

std::string day_text(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  return printed("%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()));
}

std::string clock_text(microseconds time) {
  const Clock parts(time);
  const std::string whole =
      printed("%02ld:%02ld:%02ld", parts.hours().count(), parts.minutes().count(), parts.seconds().count());
  const int64_t fraction = parts.subseconds().count();
  return fraction == 0 ? whole : whole + printed(".%06ld", fraction);
}

std::string moment_text(microseconds since_epoch) {
  const auto day = std::chrono::floor<std::chrono::days>(since_epoch);
  return day_text(std::chrono::sys_days(day)) + " " + clock_text(since_epoch - day);
}

std::string uuid_text(const trunkline::uuid& value) {
  std::string text;
  for (size_t i = 0; i < value.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += printed("%02x", static_cast<unsigned>(value.bytes[i]));
  }
  return text;
}

struct Cell {
  const trunkline::batch* batch;
  int64_t row;
  size_t column;

  template <class T>
  [[nodiscard]] T get() const {
    return batch->get<T>(row, column);
  }
  [[nodiscard]] bool is_null() const {
    const uint8_t* validity = batch->columns()[column].validity;
    return validity != nullptr && (validity[row / 8] >> (row % 8) & 1) == 0;
  }
};

Json any_value(const Cell& cell) {
  const auto value = cell.get<std::variant<std::monostate, int64_t, double, std::string, Bytes>>();
  if (const auto* number = std::get_if<double>(&value)) return written_bare(*number);
  if (const auto* number = std::get_if<int64_t>(&value)) return written(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* bytes = std::get_if<Bytes>(&value)) return written(*bytes);
  return nullptr;
}

template <class T, class Write>
Json list_of(const Cell& cell, const Write& write) {
  Json list = Json::array();
  for (const auto& each : cell.get<std::vector<std::optional<T>>>()) list.push_back(each ? Json(write(*each)) : Json());
  return {{"list", list}};
}

Json list_value(const Cell& cell) {
  const int32_t element = cell.batch->columns()[cell.column].children[0].type;
  if (element == TL_BOOL) return list_of<bool>(cell, [](bool value) { return value; });
  if (element == TL_INT64) return list_of<int64_t>(cell, [](int64_t value) { return written(value); });
  if (element == TL_FLOAT64) return list_of<double>(cell, written_bare);
  if (element == TL_UUID) return list_of<trunkline::uuid>(cell, uuid_text);
  return list_of<std::string>(cell, [](const std::string& text) { return text; });
}

Json written(const Cell& cell, int32_t type) {
  if (type == TL_ANY) return any_value(cell);
  if (cell.is_null()) return nullptr;
  const auto typed = [&](Json value) { return Json{{tl_type_name(type), std::move(value)}}; };
  switch (type) {
    case TL_BOOL: return cell.get<bool>();
    case TL_INT64: return written(cell.get<int64_t>());
    case TL_UINT64: {
      const auto value = cell.get<uint64_t>();
      return value <= static_cast<uint64_t>(safe) ? Json(value) : typed(std::to_string(value));
    }
    case TL_FLOAT64: return written(cell.get<double>());
    case TL_TEXT: return cell.get<std::string>();
    case TL_BYTES: return written(cell.get<Bytes>());
    case TL_DATE: return typed(day_text(cell.get<std::chrono::sys_days>()));
    case TL_TIME: return typed(clock_text(cell.get<Clock>().to_duration()));
    case TL_TIMESTAMP: return typed(moment_text(cell.get<std::chrono::local_time<microseconds>>().time_since_epoch()));
    case TL_TIMESTAMPTZ: return typed(moment_text(cell.get<std::chrono::sys_time<microseconds>>().time_since_epoch()));
    case TL_DURATION: return typed(cell.get<microseconds>().count());
    case TL_INTERVAL: {
      const auto value = cell.get<trunkline::interval>();
      return typed({value.months, value.days, value.microseconds});
    }
    case TL_UUID: return typed(uuid_text(cell.get<trunkline::uuid>()));
    case TL_JSON: return typed(Json::parse(cell.get<std::string>()));
    case TL_LIST: return list_value(cell);
    default: return typed(cell.get<std::string>());
  }
}

}  // namespace

void add_values(trunkline::parameters& to, const Json& values) {
  if (values.is_object()) {
    for (const auto& [name, value] : values.items()) {
      give(value, [&, &name = name](const auto& known) { to.add(trunkline::named(name, known)); });
    }
  } else {
    for (const Json& value : values) {
      give(value, [&](const auto& known) { to.add(known); });
    }
  }
}

Json columns_of(const trunkline::result& from) {
  Json found = Json::array();
  for (const trunkline::column& column : from.columns()) found.push_back({column.name, tl_type_name(column.type)});
  return found;
}

Rows rows_of(trunkline::result& from, size_t most) {
  const std::vector<trunkline::column> columns = from.columns();
  Rows found;
  while (const auto batch = from.next()) {
    for (int64_t row = 0; row < batch->rows(); ++row) {
      Json values = Json::array();
      for (size_t i = 0; i < columns.size(); ++i) values.push_back(written(Cell{&*batch, row, i}, columns[i].type));
      found.last = std::move(values);
      if (found.count++ < most) found.first.push_back(found.last);
    }
  }
  return found;
}

Json failure_of(const trunkline::error& failure) {
  static constexpr std::array outcomes = {"not_sent", "refused", "rolled_back", "unknown"};
  return {{"code", failure.status_name()},      {"outcome", outcomes.at(static_cast<size_t>(failure.outcome()))},
          {"sqlstate", failure.sqlstate()},     {"native", failure.native()},
          {"connection", failure.connection()}, {"endpoint", failure.endpoint()},
          {"phase", failure.phase()},           {"message", failure.what()},
          {"details", failure.details()}};
}

}  // namespace cross
