// Arrays: zero-copy where the layouts agree, converted copies for intervals and for columns of per-value types.
#include <limits>

#include "arrow_export.hpp"

namespace tl::columnar {
namespace {

struct OwnedArray {
  std::shared_ptr<const Batch> batch;
  std::vector<Buffer> copies;
  std::vector<const void*> buffers;
  std::vector<std::unique_ptr<ArrowArray>> children;
  std::vector<ArrowArray*> pointers;
};

void release_array(ArrowArray* array) {
  auto* owned = static_cast<OwnedArray*>(array->private_data);
  for (const auto& child : owned->children) {
    if (child->release != nullptr) child->release(child.get());  // a consumer may have moved it out
  }
  array->release = nullptr;
  delete owned;
}

using Array = std::unique_ptr<ArrowArray>;

// For consumers that dislike null pointers where there are no bytes.
const void* bytes_or_something(const Buffer& buffer) noexcept { return buffer.data(); }

void fill(ArrowArray* out, std::unique_ptr<OwnedArray> owned, int64_t length, int64_t null_count) {
  for (const auto& child : owned->children) owned->pointers.push_back(child.get());
  *out = {};
  out->length = length;
  out->null_count = null_count;
  out->n_buffers = static_cast<int64_t>(owned->buffers.size());
  out->n_children = static_cast<int64_t>(owned->children.size());
  out->buffers = owned->buffers.data();
  out->children = owned->pointers.data();
  out->release = release_array;
  out->private_data = owned.release();
}

struct Released {
  void operator()(ArrowArray* array) const noexcept {
    if (array->release != nullptr) array->release(array);
  }
};

class ColumnExport {
 public:
  ColumnExport(std::shared_ptr<const Batch> batch, int64_t first_row) : batch_(std::move(batch)), first_row_(first_row) {}

  Result<Array> column(const Column& column, const Field& field) {
    if (Result<void> fine = representable(column, field); !fine) return fine.take_error();
    if (column.type == Type::any) return dense_union(column);
    auto owned = std::make_unique<OwnedArray>();
    owned->batch = batch_;
    owned->buffers.push_back(column.null_count == 0 ? nullptr : column.validity.data());
    if (column.offsets.size() != 0) owned->buffers.push_back(column.offsets.data());
    if (column.type == Type::list) {
      auto child = this->column(*column.child, *field.element);
      if (!child) return child;
      owned->children.push_back(child.take());
    } else if (column.type == Type::interval) {
      if (Result<void> done = intervals(column, field, *owned); !done) return done.take_error();
    } else {
      owned->buffers.push_back(bytes_or_something(column.data));
    }
    return filled(std::move(owned), column.length, column.null_count);
  }

 private:
  static Array filled(std::unique_ptr<OwnedArray> owned, int64_t length, int64_t null_count) {
    auto array = std::make_unique<ArrowArray>();
    fill(array.get(), std::move(owned), length, null_count);
    return array;
  }

  static bool is_null(const Column& column, int64_t row) noexcept {
    return column.null_count != 0 && (column.validity.data()[row >> 3] >> (row & 7) & 1) == 0;
  }

  Failure inexact(int64_t row, const Field& field, const char* what) const {
    return fail(Status::data, "row " + std::to_string(first_row_ + row + 1) + ", column \"" + field.name + "\": Arrow cannot hold " + what,
                Phase::decode);
  }

  // An infinite date or moment is a sentinel here and would become an ordinary one there.
  Result<void> representable(const Column& column, const Field& field) const {
    if (column.type == Type::date) return finite<int32_t>(column, field);
    if (column.type == Type::timestamp || column.type == Type::timestamptz || column.type == Type::duration) {
      return finite<int64_t>(column, field);
    }
    return {};
  }

  template <class Integer>
  Result<void> finite(const Column& column, const Field& field) const {
    const auto* values = reinterpret_cast<const Integer*>(column.data.data());
    for (int64_t i = 0; i < column.length; ++i) {
      const bool infinite = values[i] == std::numeric_limits<Integer>::max() || values[i] == std::numeric_limits<Integer>::min();
      if (infinite && !is_null(column, i)) return inexact(i, field, "an infinite value");
    }
    return {};
  }

  // Months, days and microseconds become months, days and nanoseconds.
  Result<void> intervals(const Column& column, const Field& field, OwnedArray& owned) const {
    Buffer copy;
    for (int64_t i = 0; i < column.length; ++i) {
      const uint8_t* from = column.data.data() + i * 16;
      int64_t micros = 0;
      std::memcpy(&micros, from + 8, sizeof micros);
      int64_t nanos = 0;
      if (__builtin_mul_overflow(micros, 1000, &nanos)) return inexact(i, field, "an interval of so many microseconds");
      copy.append(from, 8);
      copy.push(nanos);
    }
    owned.copies.push_back(std::move(copy));
    owned.buffers.push_back(owned.copies.back().data());
    return {};
  }

  static size_t member_of(Type tag) noexcept {
    for (size_t i = 0; i < union_members.size(); ++i) {
      if (union_members[i] == tag) return i;
    }
    return 0;
  }

  Result<Array> dense_union(const Column& column) {
    std::vector<Column> members;
    for (const Type type : union_members) {
      Field field;
      field.type = type;
      members.emplace_back(field);
    }
    auto owned = std::make_unique<OwnedArray>();
    Buffer types;
    Buffer offsets;
    uint64_t begin = 0;
    for (int64_t i = 0; i < column.length; ++i) {
      const auto tag = static_cast<Type>(column.tags.data()[i]);
      const size_t m = member_of(tag);
      types.push(static_cast<int8_t>(m));
      offsets.push(static_cast<int32_t>(members[m].length));
      int64_t bits = 0;
      std::memcpy(&bits, column.data.data() + i * 8, sizeof bits);
      if (tag == Type::null) {
        ++members[m].length;
      } else if (tag == Type::int64 || tag == Type::float64) {
        members[m].append_int64(bits);
      } else {
        members[m].append_bytes(column.heap.data() + begin, static_cast<size_t>(bits) - begin);
      }
      if (tag != Type::int64 && tag != Type::float64) begin = static_cast<uint64_t>(bits);
    }
    owned->copies.push_back(std::move(types));
    owned->copies.push_back(std::move(offsets));
    for (const Buffer& copy : owned->copies) owned->buffers.push_back(copy.data());
    for (Column& member : members) owned->children.push_back(owning(std::move(member)));
    return filled(std::move(owned), column.length, 0);
  }

  // An array that owns its column.
  static Array owning(Column column) {
    auto owned = std::make_unique<OwnedArray>();
    const int64_t length = column.length;
    if (column.type == Type::null) return filled(std::move(owned), length, length);
    const bool has_offsets = column.offsets.size() != 0;
    owned->copies.push_back(std::move(column.offsets));
    owned->copies.push_back(std::move(column.data));
    owned->buffers.push_back(nullptr);
    if (has_offsets) owned->buffers.push_back(owned->copies[0].data());
    owned->buffers.push_back(owned->copies[1].data());
    return filled(std::move(owned), length, 0);
  }

  std::shared_ptr<const Batch> batch_;
  int64_t first_row_;
};

}  // namespace

Result<void> export_batch(std::shared_ptr<const Batch> batch, int64_t first_row, ArrowArray* out) {
  ColumnExport exporter(batch, first_row);
  auto owned = std::make_unique<OwnedArray>();
  owned->buffers.push_back(nullptr);
  Result<void> result;
  for (size_t i = 0; i < batch->columns().size(); ++i) {
    auto child = exporter.column(batch->columns()[i], batch->schema()[i]);
    if (!child) {
      for (const auto& done : owned->children) Released()(done.get());
      return child.take_error();
    }
    owned->children.push_back(child.take());
  }
  fill(out, std::move(owned), batch->rows(), 0);
  return result;
}

}  // namespace tl::columnar
