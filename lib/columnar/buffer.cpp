#include "buffer.hpp"

#include <bit>
#include <cstdlib>
#include <new>

#include "spare_blocks.hpp"

namespace tl::columnar {

void Buffer::reserve(size_t wanted) {
  size_t capacity = capacity_ * 2 < wanted ? wanted : capacity_ * 2;
  if (is_block(capacity)) capacity = std::bit_ceil(capacity);
  const bool grows_in_place = data_ != small_ && !is_block(capacity) && !is_block(capacity_);
  void* const fresh = grows_in_place       ? std::realloc(data_, capacity)
                      : is_block(capacity) ? take_block(capacity)
                                           : std::malloc(capacity);
  if (fresh == nullptr) throw std::bad_alloc();
  if (!grows_in_place) {
    std::memcpy(fresh, data_, size_);
    drop();
  }
  data_ = static_cast<uint8_t*>(fresh);
  capacity_ = capacity;
}

void Buffer::free_own() noexcept {
  if (is_block(capacity_)) {
    give_block(data_, capacity_);
  } else {
    std::free(data_);
  }
}

}  // namespace tl::columnar
