#include "spare_blocks.hpp"

#include <sanitizer/asan_interface.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <type_traits>

#include "fork.hpp"

namespace tl::columnar {
namespace {

constexpr size_t most_kept = size_t{16} << 20;

constexpr size_t shelf_of(size_t size) noexcept {
  return static_cast<size_t>(std::countr_zero(size) - std::countr_zero(least_block));
}

// By size, each a chain through the first bytes of its blocks.
struct Shelves {
  ForkMutex mutex;
  std::array<uint8_t*, shelf_of(most_block) + 1> first{};
  size_t bytes = 0;
};

// Usable until the process ends: batches may outlive every static.
constinit Shelves all;
static_assert(std::is_trivially_destructible_v<Shelves>);

// A forked child loses what another thread was just moving, and what is on the shelves with it.
std::unique_lock<ForkMutex> locked() noexcept {
  if (!all.mutex.take()) {
    all.first = {};
    all.bytes = 0;
  }
  return {all.mutex, std::adopt_lock};
}

}  // namespace

uint8_t* take_block(size_t size) noexcept {
  {
    const auto lock = locked();
    if (uint8_t*& first = all.first[shelf_of(size)]; first != nullptr) {
      uint8_t* const block = first;
      std::memcpy(&first, block, sizeof first);
      all.bytes -= size;
      ASAN_UNPOISON_MEMORY_REGION(block, size);
      return block;
    }
  }
  return static_cast<uint8_t*>(std::malloc(size));
}

void give_block(uint8_t* block, size_t size) noexcept {
  {
    const auto lock = locked();
    if (all.bytes + size <= most_kept) {
      uint8_t*& first = all.first[shelf_of(size)];
      std::memcpy(block, &first, sizeof first);
      first = block;
      all.bytes += size;
      ASAN_POISON_MEMORY_REGION(block + sizeof first, size - sizeof first);  // a use after this is still found
      return;
    }
  }
  std::free(block);
}

}  // namespace tl::columnar
