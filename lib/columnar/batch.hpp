// Columns in Arrow's layout: builders that drivers append to, and the immutable batch that they become.
#pragma once
#include <memory>
#include <span>

#include "buffer.hpp"
#include "result.hpp"
#include "type.hpp"

namespace tl::columnar {

// Grown by one thread, then frozen in a Batch. A column that fails to append throws std::bad_alloc only.
struct Column {
  explicit Column(const Field& field);

  Type type;
  int64_t length = 0;
  int64_t null_count = 0;
  Buffer validity;  // bitmap; empty while null_count == 0
  Buffer offsets;   // int32, length + 1 of them; decimal, text, bytes, json, list
  Buffer data;
  Buffer tags;             // any: one byte each
  Buffer heap;             // any: the bytes of its text and blob values
  Type uniform = Type::null;  // any: the one type of all non-null values so far; `any` once they differ
  std::unique_ptr<Column> child;  // list

  void append_null();
  void append_bool(bool value);
  void append_int32(int32_t value);   // date
  void append_int64(int64_t value);   // int64, uint64, time, timestamp, timestamptz, duration
  void append_double(double value);
  void append_fixed16(const void* bytes);                // uuid, interval
  void append_bytes(const void* bytes, size_t n);        // decimal, text, bytes, json. See fits().
  void append_list_end();                                // list: after its elements went into `child`
  void append_any_int64(int64_t value);
  void append_any_double(double value);
  void append_any_bytes(Type tag, const void* bytes, size_t n);  // tag: text or bytes

  // No column may reach 2^31 bytes: whether `n` more still fit.
  [[nodiscard]] bool fits(size_t n) const noexcept;
  [[nodiscard]] size_t bytes() const noexcept;  // held, children included

 private:
  void mark_valid();
  void mark_null();
  void note(Type tag);
};

class Batch {
 public:
  Batch(std::shared_ptr<const Schema> schema);

  [[nodiscard]] const Schema& schema() const noexcept { return *schema_; }
  [[nodiscard]] const std::shared_ptr<const Schema>& shared_schema() const noexcept { return schema_; }
  [[nodiscard]] std::span<Column> columns() noexcept { return columns_; }
  [[nodiscard]] std::span<const Column> columns() const noexcept { return columns_; }
  [[nodiscard]] int64_t rows() const noexcept { return rows_; }
  void set_rows(int64_t rows) noexcept { rows_ = rows; }
  [[nodiscard]] size_t bytes() const noexcept;

 private:
  std::shared_ptr<const Schema> schema_;
  std::vector<Column> columns_;
  int64_t rows_ = 0;
};

}  // namespace tl::columnar
