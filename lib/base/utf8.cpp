#include "utf8.hpp"

#include <cstdint>
#include <cstring>

namespace tl {
namespace {

// Bytes of the sequence that begins at `p`, 0: it is none.
size_t sequence(const uint8_t* p, size_t left) noexcept {
  const auto continues = [&](size_t i) { return i < left && (p[i] & 0xc0) == 0x80; };
  const uint8_t lead = p[0];
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xe0 && p[1] < 0xa0) return 0;
    return lead == 0xed && p[1] > 0x9f ? 0 : 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xf0 && p[1] < 0x90) return 0;
    return lead == 0xf4 && p[1] > 0x8f ? 0 : 4;
  }
  return 0;
}

}  // namespace

bool is_utf8(const void* bytes, size_t n) noexcept {
  const auto* p = static_cast<const uint8_t*>(bytes);
  constexpr size_t step = 8;
  const auto is_ascii = [p](size_t from) {
    uint64_t eight = 0;
    std::memcpy(&eight, p + from, step);
    return (eight & 0x8080'8080'8080'8080) == 0;
  };
  size_t i = 0;
  while (i < n) {
    if (n - i >= step) {
      if (is_ascii(i)) {
        i += step;
        continue;
      }
    } else if (n >= step && is_ascii(n - step)) {
      return true;
    }
    if (p[i] < 0x80) {
      ++i;
      continue;
    }
    const size_t length = sequence(p + i, n - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

}  // namespace tl
