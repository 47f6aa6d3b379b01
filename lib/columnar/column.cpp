#include <new>

#include "batch.hpp"

namespace tl::columnar {
namespace {

bool has_offsets(Type type) noexcept {
  switch (type) {
    case Type::decimal:
    case Type::text:
    case Type::bytes:
    case Type::json:
    case Type::list: return true;
    default: return false;
  }
}

size_t null_slot(Type type) noexcept {
  switch (type) {
    case Type::date: return 4;
    case Type::interval:
    case Type::uuid: return 16;
    case Type::decimal:
    case Type::text:
    case Type::bytes:
    case Type::json:
    case Type::list:
    case Type::boolean: return 0;
    default: return 8;
  }
}

// Allocates with room for columns behind.
template <class T>
struct WithColumns {
  using value_type = T;

  explicit WithColumns(size_t n) noexcept : columns(n) {}
  template <class U>
  WithColumns(const WithColumns<U>& other) noexcept : columns(other.columns) {}

  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T) + columns * sizeof(Column))); }
  void deallocate(T* block, size_t) noexcept { ::operator delete(block); }

  size_t columns;
};
static_assert(alignof(Batch) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

}  // namespace

Column::Column(const Field& field) : type(field.type) {
  if (has_offsets(type)) offsets.push<int32_t>(0);
  if (type == Type::list) child = std::make_unique<Column>(*field.element);
}

void Column::append_null() {
  if (type == Type::any) {
    data.push(static_cast<uint64_t>(heap.size()));  // so that the next text still begins where the one before it ended
    tags.push(static_cast<uint8_t>(Type::null));
  } else if (type == Type::boolean) {
    if ((length & 7) == 0) data.push<uint8_t>(0);
  } else if (type == Type::list) {
    offsets.push(static_cast<int32_t>(child->length));
  } else if (has_offsets(type)) {
    offsets.push(static_cast<int32_t>(data.size()));
  } else {
    const size_t n = null_slot(type);
    std::memset(data.grow(n), 0, n);
  }
  if (null_count++ == 0) {  // everything before was a value
    validity.resize_zeroed(static_cast<size_t>(length / 8));
    std::memset(validity.data(), 0xff, validity.size());
    if (length % 8 != 0) validity.push(static_cast<uint8_t>((1U << (length % 8)) - 1));
  }
  ++length;
  mark(false);
}

void Column::mark(bool valid) {
  const int64_t at = length - 1;
  if ((at & 7) == 0) validity.push<uint8_t>(0);
  validity.data()[at >> 3] |= static_cast<uint8_t>(uint8_t{valid} << (at & 7));
}

size_t Column::bytes() const noexcept {
  return validity.size() + offsets.size() + data.size() + tags.size() + heap.size() +
         (child == nullptr ? 0 : child->bytes());
}

std::shared_ptr<Batch> Batch::make(std::shared_ptr<const Schema> schema) {
  const WithColumns<Batch> memory(schema->size());
  return std::allocate_shared<Batch>(memory, Made(), std::move(schema));
}

Batch::Batch(Made, std::shared_ptr<const Schema> schema)
    : schema_(std::move(schema)), columns_(reinterpret_cast<Column*>(this + 1), schema_->size()) {
  std::uninitialized_copy(schema_->begin(), schema_->end(), columns_.data());
}

Batch::~Batch() { std::destroy(columns_.begin(), columns_.end()); }

size_t Batch::bytes() const noexcept {
  size_t sum = 0;
  for (const Column& column : columns_) sum += column.bytes();
  return sum;
}

}  // namespace tl::columnar
