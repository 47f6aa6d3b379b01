// Arrays: zero-copy where the layouts agree, converted copies for intervals and for columns of per-value types.
#include "arrow_export.hpp"

namespace tl::columnar {
namespace {

struct Released {
  void operator()(ArrowArray* array) const noexcept {
    if (array->release != nullptr) array->release(array);  // else a consumer has moved it out
    delete array;
  }
};

using Array = std::unique_ptr<ArrowArray, Released>;

struct OwnedArray {
  std::shared_ptr<const Batch> batch;
  std::vector<Buffer> copies;
  std::vector<const void*> buffers;
  std::vector<Array> children;
  std::vector<ArrowArray*> pointers;
};

void release_array(ArrowArray* array) {
  array->release = nullptr;
  delete static_cast<OwnedArray*>(array->private_data);
}

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

class ColumnExport {
 public:
  explicit ColumnExport(std::shared_ptr<const Batch> batch) : batch_(std::move(batch)) {}

  Array column(const Column& column) const {
    if (column.type == Type::any) return dense_union(column);
    auto owned = std::make_unique<OwnedArray>();
    owned->batch = batch_;
    owned->buffers.push_back(column.null_count == 0 ? nullptr : column.validity.data());
    if (column.offsets.size() != 0) owned->buffers.push_back(column.offsets.data());
    if (column.type == Type::list) {
      owned->children.push_back(this->column(*column.child));
    } else if (column.type == Type::interval) {
      intervals(column, *owned);
    } else {
      owned->buffers.push_back(bytes_or_something(column.data));
    }
    return filled(std::move(owned), column.length, column.null_count);
  }

 private:
  static Array filled(std::unique_ptr<OwnedArray> owned, int64_t length, int64_t null_count) {
    Array array(new ArrowArray{});
    fill(array.get(), std::move(owned), length, null_count);
    return array;
  }

  // Months, days and microseconds become months, days and nanoseconds; first_inexact() has seen that they can.
  static void intervals(const Column& column, OwnedArray& owned) {
    Buffer copy;
    for (int64_t i = 0; i < column.length; ++i) {
      const uint8_t* from = column.data.data() + i * 16;
      int64_t micros = 0;
      std::memcpy(&micros, from + 8, sizeof micros);
      copy.append(from, 8);
      copy.push(micros * 1000);
    }
    owned.copies.push_back(std::move(copy));
    owned.buffers.push_back(owned.copies.back().data());
  }

  static size_t member_of(Type tag) noexcept {
    for (size_t i = 0; i < union_members.size(); ++i) {
      if (union_members[i] == tag) return i;
    }
    return 0;
  }

  static Array dense_union(const Column& column) {
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
};

}  // namespace

Result<void> export_batch(const std::shared_ptr<const Batch>& batch, int64_t first_row, ArrowArray* out) {
  const ColumnExport exporter(batch);
  auto owned = std::make_unique<OwnedArray>();
  owned->buffers.push_back(nullptr);
  for (size_t i = 0; i < batch->columns().size(); ++i) {
    const Column& column = batch->columns()[i];
    if (const auto bad = first_inexact(column)) {
      return fail(Status::data,
                  "row " + std::to_string(first_row + bad->row + 1) + ", column \"" + batch->schema()[i].name +
                      "\": Arrow cannot hold " + bad->what,
                  Phase::decode);
    }
    owned->children.push_back(exporter.column(column));
  }
  fill(out, std::move(owned), batch->rows(), 0);
  return {};
}

}  // namespace tl::columnar
