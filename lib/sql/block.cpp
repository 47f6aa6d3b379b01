#include "block.hpp"

#include <array>
#include <bit>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tl::sql {
namespace {

using Bytes = uint8_t __attribute__((vector_size(16)));

// The highest bit of each.
uint64_t high_bits(Bytes bytes) noexcept {
#ifdef __SSE2__
  return static_cast<uint16_t>(_mm_movemask_epi8(std::bit_cast<__m128i>(bytes)));
#else
  const auto halves = std::bit_cast<std::array<uint64_t, 2> >(bytes >> 7);
  constexpr uint64_t gather = 0x0102040810204080;  // the lowest bits of eight bytes into the highest byte
  return halves[0] * gather >> 56 | halves[1] * gather >> 56 << 8;
#endif
}

}  // namespace

Block look_at(const char* sixty_four) noexcept {
  Block block;
  for (int i = 0; i < 64; i += 16) {
    Bytes bytes;
    std::memcpy(&bytes, sixty_four + i, sizeof bytes);
    const Bytes letters = (bytes | 0x20) - 'a' < 26, digits = bytes - '0' < 10;
    const Bytes identifiers = letters | digits | (bytes == '_') | (bytes == '$') | bytes;  // all from 0x80 on
    const Bytes blanks = (bytes - '\t' < 5) | (bytes == ' ');
    block.identifiers |= high_bits(identifiers) << i;
    block.digits |= high_bits(digits) << i;
    block.blanks |= high_bits(blanks) << i;
  }
  return block;
}

}  // namespace tl::sql
