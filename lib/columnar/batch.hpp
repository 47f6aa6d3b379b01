// Columns in Arrow's layout: builders that drivers append to, and the immutable batch that they become.
#pragma once
#include <memory>
#include <span>

#include "buffer.hpp"
#include "result.hpp"
#include "type.hpp"

namespace tl::columnar {

// Grown by one thread, then frozen in a Batch. Appending throws std::bad_alloc only. The appends are inline: they run
// for every value that is read.
struct Column {
  explicit Column(const Field& field);

  Type type;
  Type uniform = Type::null;  // any: the one type of all non-null values so far; `any` once they differ
  int64_t length = 0;
  int64_t null_count = 0;
  Buffer validity;  // bitmap; empty while null_count == 0
  Buffer offsets;   // int32, length + 1 of them; decimal, text, bytes, json, list
  Buffer data;
  Buffer tags;                    // any: one byte each
  Buffer heap;                    // any: the bytes of its text and blob values
  std::unique_ptr<Column> child;  // list

  void append_null();
  void append_bool(bool value) {
    const auto bit = static_cast<uint8_t>(length & 7);
    if (bit == 0) data.push<uint8_t>(0);
    data.data()[length >> 3] |= static_cast<uint8_t>(uint8_t{value} << bit);
    added();
  }
  void append_int32(int32_t value) { append_raw(value); }  // date
  void append_int64(int64_t value) { append_raw(value); }  // int64, uint64, time, timestamp, timestamptz, duration
  void append_double(double value) { append_raw(value); }
  void append_fixed16(const void* bytes) {  // uuid, interval
    data.append(bytes, 16);
    added();
  }
  void append_bytes(const void* bytes, size_t n) {  // decimal, text, bytes, json. See fits().
    data.append(bytes, n);
    offsets.push(static_cast<int32_t>(data.size()));
    added();
  }
  void append_list_end() {  // list: after its elements went into `child`
    offsets.push(static_cast<int32_t>(child->length));
    added();
  }
  void append_any_int64(int64_t value) { append_any(Type::int64, value); }
  void append_any_double(double value) { append_any(Type::float64, value); }
  void append_any_bytes(Type tag, const void* bytes, size_t n) {  // tag: text or bytes
    heap.append(bytes, n);
    append_any(tag, static_cast<uint64_t>(heap.size()));
  }

  // No column may reach 2^31 bytes: whether `n` more still fit.
  [[nodiscard]] bool fits(size_t n) const noexcept {
    constexpr size_t limit = size_t{1} << 31;
    return n < limit && data.size() + heap.size() + n < limit;
  }
  [[nodiscard]] size_t bytes() const noexcept;  // held, children included

 private:
  void added() {
    ++length;
    if (null_count != 0) mark(true);
  }
  template <class T>
  void append_raw(T value) {
    data.push(value);
    added();
  }
  template <class T>
  void append_any(Type tag, T value) {
    data.push(value);
    tags.push(static_cast<uint8_t>(tag));
    if (uniform != tag) uniform = uniform == Type::null ? tag : Type::any;
    added();
  }
  void mark(bool valid);  // of the value just counted
};

// Lies in one block of memory with its columns: an answer of one row should not allocate twice.
class alignas(Column) Batch {
  class Made {
    friend Batch;
    Made() = default;
  };

 public:
  [[nodiscard]] static std::shared_ptr<Batch> make(std::shared_ptr<const Schema> schema);
  Batch(Made, std::shared_ptr<const Schema> schema);  // by make(), which sees to the room behind it
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch();

  [[nodiscard]] const Schema& schema() const noexcept { return *schema_; }
  [[nodiscard]] const std::shared_ptr<const Schema>& shared_schema() const noexcept { return schema_; }
  [[nodiscard]] std::span<Column> columns() noexcept { return columns_; }
  [[nodiscard]] std::span<const Column> columns() const noexcept { return columns_; }
  [[nodiscard]] int64_t rows() const noexcept { return rows_; }
  void set_rows(int64_t rows) noexcept { rows_ = rows; }
  [[nodiscard]] size_t bytes() const noexcept;  // held by its columns

 private:
  std::shared_ptr<const Schema> schema_;
  std::span<Column> columns_;
  int64_t rows_ = 0;
};

}  // namespace tl::columnar
