#include "asking.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "drivers.hpp"

namespace tl::validation {

using columnar::Column;
using columnar::Type;
using columnar::Value;
using driver::Then;

namespace {

template <class T>
T at(const columnar::Buffer& buffer, int64_t index) {
  T value;
  std::memcpy(&value, buffer.data() + index * static_cast<int64_t>(sizeof value), sizeof value);
  return value;
}

bool is_null(const Column& column, int64_t row) {
  if (column.type == Type::any && at<uint8_t>(column.tags, row) == static_cast<uint8_t>(Type::null)) return true;
  return column.null_count != 0 && (column.validity.data()[row >> 3] >> (row & 7) & 1) == 0;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text = "x'";
  for (const char c : bytes) {
    text += digits[static_cast<uint8_t>(c) >> 4];
    text += digits[static_cast<uint8_t>(c) & 15];
  }
  return text + "'";
}

std::string_view slice(const Column& column, int64_t row) {
  const auto from = static_cast<size_t>(at<int32_t>(column.offsets, row));
  const auto to = static_cast<size_t>(at<int32_t>(column.offsets, row + 1));
  return {reinterpret_cast<const char*>(column.data.data()) + from, to - from};
}

std::string any_shown(const Column& column, int64_t row) {
  const auto tag = static_cast<Type>(at<uint8_t>(column.tags, row));
  if (tag == Type::int64) return std::to_string(at<int64_t>(column.data, row));
  if (tag == Type::float64) return number(at<double>(column.data, row));
  size_t from = 0;
  for (int64_t i = row - 1; i >= 0 && from == 0; --i) {
    const auto before = static_cast<Type>(at<uint8_t>(column.tags, i));
    if (before == Type::text || before == Type::bytes || before == Type::null) from = at<uint64_t>(column.data, i);
    if (before == Type::text || before == Type::bytes || before == Type::null) break;
  }
  const auto to = static_cast<size_t>(at<uint64_t>(column.data, row));
  const std::string_view value(reinterpret_cast<const char*>(column.heap.data()) + from, to - from);
  return tag == Type::text ? std::string(value) : hex(value);
}

std::string list_shown(const Column& column, int64_t row) {
  std::string text = "{";
  const int32_t first = at<int32_t>(column.offsets, row);
  for (int32_t i = first; i < at<int32_t>(column.offsets, row + 1); ++i) {
    if (i != first) text += ",";
    text += shown(*column.child, i);
  }
  return text + "}";
}

bool lies_in_arena(Type type) {
  switch (type) {
    case Type::decimal:
    case Type::text:
    case Type::bytes:
    case Type::interval:
    case Type::uuid:
    case Type::json: return true;
    default: return false;
  }
}

std::string interval_shown(const Column& column, int64_t row) {
  const uint8_t* bytes = column.data.data() + row * 16;
  int32_t months = 0;
  int32_t days = 0;
  int64_t micros = 0;
  std::memcpy(&months, bytes, 4);
  std::memcpy(&days, bytes + 4, 4);
  std::memcpy(&micros, bytes + 8, 8);
  return std::to_string(months) + "m" + std::to_string(days) + "d" + std::to_string(micros) + "us";
}

}  // namespace

std::string shown(const Column& column, int64_t row) {
  if (is_null(column, row)) return "NULL";
  switch (column.type) {
    case Type::boolean: return (column.data.data()[row >> 3] >> (row & 7) & 1) != 0 ? "true" : "false";
    case Type::date: return std::to_string(at<int32_t>(column.data, row));
    case Type::int64:
    case Type::time:
    case Type::timestamp:
    case Type::timestamptz:
    case Type::duration: return std::to_string(at<int64_t>(column.data, row));
    case Type::uint64: return std::to_string(at<uint64_t>(column.data, row));
    case Type::float64: return number(at<double>(column.data, row));
    case Type::decimal:
    case Type::text:
    case Type::json: return std::string(slice(column, row));
    case Type::bytes: return hex(slice(column, row));
    case Type::uuid: return hex({reinterpret_cast<const char*>(column.data.data()) + row * 16, 16});
    case Type::interval: return interval_shown(column, row);
    case Type::list: return list_shown(column, row);
    case Type::any: return any_shown(column, row);
    case Type::null:
    case Type::name: break;
  }
  throw std::runtime_error("a column of a type that no column has");
}

void append_rows(Table& table, const columnar::Batch& batch) {
  for (int64_t row = 0; row < batch.rows(); ++row) {
    Texts texts;
    for (const Column& column : batch.columns()) texts.push_back(shown(column, row));
    table.push_back(std::move(texts));
  }
}

Values& Values::add(Value value) {
  values_.push_back(value);
  return *this;
}

Values& Values::real(double value) {
  Value v;
  v.type = static_cast<uint8_t>(Type::float64);
  v.f64 = value;
  return add(v);
}

Value Values::typed(Type type, int64_t value) {
  Value v;
  v.type = static_cast<uint8_t>(type);
  v.i64 = value;
  return v;
}

Value Values::kept(Type type, std::string_view value) {
  Value v;
  v.type = static_cast<uint8_t>(type);
  v.offset = arena_.size();
  v.length = static_cast<uint32_t>(value.size());
  arena_ += value;
  return v;
}

Values& Values::list(const Values& elements) {
  while (arena_.size() % alignof(Value) != 0) arena_ += '\0';
  Value v;
  v.type = static_cast<uint8_t>(Type::list);
  v.length = static_cast<uint32_t>(elements.values_.size());
  const size_t texts = arena_.size();
  std::vector<Value> moved = elements.values_;
  for (Value& element : moved) {
    if (lies_in_arena(element.kind())) element.offset += texts;
    if (element.kind() != Type::null) v.element = element.type;
  }
  arena_ += elements.arena_;
  while (arena_.size() % alignof(Value) != 0) arena_ += '\0';
  v.offset = arena_.size();
  arena_.append(reinterpret_cast<const char*>(moved.data()), moved.size() * sizeof(Value));
  return add(v);
}

Asking::Asking(const std::string& more) : Asking(configuration(more)) {}

Asking::Asking(config::Config config)
    : driver_(drivers::find(target().kind)), config_(std::move(config)), statements_(driver_->dialect(), 1 << 20) {
  driver::Dial dial(Deadline::after(steady_clock().now(), std::chrono::seconds(30)));
  auto opened = driver_->open(config_.connections.front().primary.address, dial);
  if (!opened) throw std::runtime_error(opened.error().message);
  session_ = opened.take();
}

Result<void> Asking::perform(driver::Operation& operation) {
  operation.deadline = Deadline::after(steady_clock().now(), std::chrono::seconds(60));
  if (runtime::run(*session_, operation, nullptr) != runtime::Ended::finished) {
    throw std::runtime_error("an operation did not end within a minute");
  }
  if (operation.succeeded()) return {};
  return operation.take_failure();
}

Result<driver::Reply> Asking::begin(std::string_view sql, const Values& values) {
  auto statement = statements_.find(sql, false);
  if (!statement) return statement.take_error();
  driver::Request request{statement.take(), values.params()};
  request.wants_position = wants_position;
  const auto run = session_->run(std::move(request));
  if (Result<void> done = perform(*run); !done) return done.take_error();
  return run->reply;
}

Result<driver::Reply> Asking::next_set() {
  const auto run = session_->next_set();
  if (Result<void> done = perform(*run); !done) return done.take_error();
  return run->reply;
}

Result<Table> Asking::rest(driver::Reply& reply, driver::FetchLimits limits) {
  Table table;
  while (reply.then == Then::rows) {
    const auto fetch = session_->fetch(limits);
    if (Result<void> done = perform(*fetch); !done) return done.take_error();
    append_rows(table, *fetch->batch);
    reply.then = fetch->then;
    if (fetch->then != Then::rows) reply.affected = fetch->affected;
  }
  return table;
}

Result<Table> Asking::rows(std::string_view sql, const Values& values) {
  Result<driver::Reply> reply = begin(sql, values);
  if (!reply) return reply.take_error();
  return rest(*reply);
}

std::string Asking::one(std::string_view sql, const Values& values) {
  Result<Table> table = rows(sql, values);
  if (!table) return std::string(status_name(table.error().status)) + ": " + table.error().message;
  if (table->size() != 1 || table->front().size() != 1) return "not one value";
  return table->front().front();
}

int64_t Asking::run(std::string_view sql, const Values& values) {
  Result<driver::Reply> reply = begin(sql, values);
  if (!reply) throw std::runtime_error(std::string(sql) + ": " + reply.error().message);
  Result<Table> table = rest(*reply);
  if (!table) throw std::runtime_error(std::string(sql) + ": " + table.error().message);
  return reply->affected;
}

Failure Asking::failure(std::string_view sql, const Values& values) {
  Result<Table> table = rows(sql, values);
  if (table) throw std::runtime_error(std::string(sql) + ": did not fail");
  return table.take_error();
}

Result<ManyDone> Asking::many(std::string_view sql, const Rows& rows, runtime::Ticket* ticket, Nanos limit) {
  return run_many(sql, rows.count == 0 ? 0 : rows.values.params().count / rows.count, rows, false, ticket, limit);
}

Result<ManyDone> Asking::load(std::string_view table, const std::vector<std::string_view>& columns, const Rows& rows,
                              runtime::Ticket* ticket, Nanos limit) {
  auto text = sql::loading_text(table, columns, driver_->dialect());
  if (!text) return text.take_error();
  return run_many(*text, columns.size(), rows, true, ticket, limit);
}

// A server ignores a cancel that finds it between two rows.
void Asking::stop(driver::Operation& operation) {
  const Instant began = steady_clock().now();
  driver::Dial dial(Deadline::after(began, std::chrono::seconds(30)));
  do {
    if (steady_clock().now() - began > std::chrono::seconds(30)) {
      throw std::runtime_error("an operation that was stopped did not end");
    }
    session_->canceller()->cancel(dial);
  } while (
      !runtime::finish(*session_, operation, Deadline::after(steady_clock().now(), std::chrono::milliseconds(100))));
}

Result<ManyDone> Asking::run_many(std::string_view sql, size_t width, const Rows& rows, bool loads,
                                  runtime::Ticket* ticket, Nanos limit) {
  auto statement = statements_.find(sql, false);
  if (!statement) return statement.take_error();
  const auto many =
      session_->run_many({statement.take(), rows.values.params(), width, rows.count, loads, wants_position});
  many->deadline = Deadline::after(steady_clock().now(), limit);
  if (runtime::run(*session_, *many, ticket) != runtime::Ended::finished) {
    many->request_cancel();
    stop(*many);
  }
  if (!many->succeeded()) return many->take_failure();
  ManyDone done{many->affected, many->outcomes != nullptr, {}};
  if (many->outcomes == nullptr) return done;
  for (int64_t row = 0; row < many->outcomes->rows(); ++row) {
    done.each.push_back(shown(many->outcomes->columns()[0], row));
  }
  return done;
}

Result<void> Asking::reset() { return perform(*session_->reset()); }

Result<driver::Sight> Asking::look() {
  const auto look = session_->look();
  if (Result<void> done = perform(*look); !done) return done.take_error();
  return look->sight;
}

Result<bool> Asking::reach(const driver::Position& wanted, Nanos limit) {
  const auto reach = session_->reach(wanted, Deadline::after(steady_clock().now(), limit));
  (void)runtime::run(*session_, *reach, nullptr);
  if (!reach->succeeded()) return reach->take_failure();
  return reach->reached;
}

Result<void> Asking::ping() { return perform(*session_->ping()); }

}  // namespace tl::validation
