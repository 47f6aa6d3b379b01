// A fast 64-bit hash of a text. With a secret seed nobody can choose texts that collide.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tl::sql {

class TextHash {
 public:
  TextHash();  // a random seed
  [[nodiscard]] uint64_t operator()(std::string_view text, uint64_t salt) const noexcept {
    uint64_t state = mix(seed_[0] ^ salt, seed_[1] ^ text.size());
    const char* at = text.data();
    size_t left = text.size();
    for (; left > 16; at += 16, left -= 16) state = mix(load(at) ^ seed_[1], load(at + 8) ^ state);
    uint64_t low = 0, high = 0;
    if (left >= 8) {
      low = load(at);
      high = load(at + left - 8);
    } else {
      std::memcpy(&low, at, left);
    }
    return mix(seed_[2] ^ state, mix(low ^ seed_[1], high ^ state));
  }

 private:
  static uint64_t load(const char* at) noexcept {
    uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  static uint64_t mix(uint64_t a, uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{a} * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  uint64_t seed_[3];
};

}  // namespace tl::sql
