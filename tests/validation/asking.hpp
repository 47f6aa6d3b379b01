// What the suite's tests ask with: values for parameters, statements on one session, and answers as plain text.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runner.hpp"
#include "target.hpp"

namespace tl::validation {

using Texts = std::vector<std::string>;
using Table = std::vector<Texts>;

// Parameters in order.
class Values {
 public:
  Values() = default;
  Values& null() { return add({}); }
  Values& boolean(bool value) { return add(typed(columnar::Type::boolean, value)); }
  Values& integer(int64_t value) { return add(typed(columnar::Type::int64, value)); }
  Values& real(double value);
  Values& text(std::string_view value) { return add(kept(columnar::Type::text, value)); }
  Values& bytes(std::string_view value) { return add(kept(columnar::Type::bytes, value)); }
  Values& of(columnar::Type type, int64_t value) { return add(typed(type, value)); }
  Values& of(columnar::Type type, std::string_view value) { return add(kept(type, value)); }
  // The next `n` values, given to `elements`, as one list.
  Values& list(const Values& elements);
  Values& name(std::string_view value) { return add(kept(columnar::Type::name, value)); }

  [[nodiscard]] columnar::Params params() const { return {values_.data(), values_.size(), arena_}; }

 private:
  Values& add(columnar::Value value);
  [[nodiscard]] static columnar::Value typed(columnar::Type type, int64_t value);
  [[nodiscard]] columnar::Value kept(columnar::Type type, std::string_view value);

  std::vector<columnar::Value> values_;
  std::string arena_;
};

// A value as text: numbers in their shortest exact form, bytes as x'…' in hexadecimal, lists in braces, nulls as
// "NULL".
[[nodiscard]] std::string shown(const columnar::Column& column, int64_t row);
void append_rows(Table& table, const columnar::Batch& batch);

// Rows of values, one behind the other.
struct Rows {
  Values values;
  size_t count = 0;
};

// What became of many rows.
struct ManyDone {
  int64_t affected = 0;
  bool tells_each = false;
  Texts each;  // what each row has affected
};

// A session of its own, opened like a pool opens it.
class Asking {
 public:
  explicit Asking(const std::string& more = "");
  explicit Asking(config::Config config);  // of its first connection

  [[nodiscard]] driver::Session& operator*() noexcept { return *session_; }
  [[nodiscard]] driver::Session* operator->() noexcept { return session_.get(); }
  [[nodiscard]] driver::Driver& driver() noexcept { return *driver_; }
  void close() noexcept { session_.reset(); }
  bool wants_position = false;  // of every statement

  [[nodiscard]] Result<std::shared_ptr<const sql::Statement>> statement(std::string_view sql) {
    return statements_.find(sql, false);
  }

  // The head of the answer. Nothing else may run before it is read to its end.
  [[nodiscard]] Result<driver::Reply> begin(std::string_view sql, const Values& values = {});
  [[nodiscard]] Result<driver::Reply> next_set();
  // The rest of the set's rows. `reply` is kept up to date.
  [[nodiscard]] Result<Table> rest(driver::Reply& reply, driver::FetchLimits limits = {1000, 1 << 20});
  // All rows of a statement of one set.
  [[nodiscard]] Result<Table> rows(std::string_view sql, const Values& values = {});
  // The one value of a statement; a text that begins with the status's name where it failed.
  [[nodiscard]] std::string one(std::string_view sql, const Values& values = {});
  // Rows that it changed; fails the test where the statement does.
  int64_t run(std::string_view sql, const Values& values = {});
  // The error of a statement that must fail.
  [[nodiscard]] Failure failure(std::string_view sql, const Values& values = {});
  // The statement for many rows; stopped where the ticket is cancelled or `limit` passes, as a pool's caller would.
  [[nodiscard]] Result<ManyDone> many(std::string_view sql, const Rows& rows, runtime::Ticket* ticket = nullptr,
                                      Nanos limit = std::chrono::seconds(60));
  [[nodiscard]] Result<ManyDone> load(std::string_view table, const std::vector<std::string_view>& columns,
                                      const Rows& rows, runtime::Ticket* ticket = nullptr,
                                      Nanos limit = std::chrono::seconds(60));
  [[nodiscard]] Result<void> reset();
  [[nodiscard]] Result<void> ping();
  [[nodiscard]] Result<driver::Sight> look();
  // Whether the server has come there within the limit.
  [[nodiscard]] Result<bool> reach(const driver::Position& wanted, Nanos limit = std::chrono::seconds(60));

 private:
  [[nodiscard]] Result<void> perform(driver::Operation& operation);
  [[nodiscard]] Result<ManyDone> run_many(std::string_view sql, size_t width, const Rows& rows, bool loads,
                                          runtime::Ticket* ticket, Nanos limit);
  void stop(driver::Operation& operation);

  driver::Driver* driver_;
  config::Config config_;
  sql::Table statements_;
  std::unique_ptr<driver::Session> session_;
};

}  // namespace tl::validation
