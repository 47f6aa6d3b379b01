// A fixed set of lower-case names, built at compile time and searched without regard to case.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace tl::sql {

// Identifier characters keep apart when bit 5 is set in each byte, except for the case of letters.
constexpr uint64_t fold = 0x2020202020202020;

// At most eight bytes as a number.
constexpr uint64_t pack(const char* bytes, size_t n) noexcept {
  if (!std::is_constant_evaluated()) {
    uint64_t packed = 0;
    if (n == 8) {
      std::memcpy(&packed, bytes, 8);
      return packed;
    }
    if (n >= 4) {
      uint32_t low = 0, high = 0;
      std::memcpy(&low, bytes, 4);
      std::memcpy(&high, bytes + n - 4, 4);
      return low | uint64_t{high} << (8 * (n - 4));
    }
  }
  uint64_t packed = 0;
  for (size_t i = 0; i < n; i++) packed |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return packed;
}
static_assert(std::endian::native == std::endian::little);

constexpr uint64_t first_bytes(size_t n) noexcept { return n >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * n)) - 1; }

// What keeps of a name's first sixteen bytes those that it has.
struct NameMask {
  uint64_t first, second;
};
constexpr auto name_masks = [] {
  std::array<NameMask, 65> made{};
  for (size_t n = 0; n < made.size(); n++) made[n] = {first_bytes(n), n > 8 ? first_bytes(n - 8) : 0};
  return made;
}();

// A name's first sixteen bytes; only longer ones need more to compare. Of identifiers none has the key of a shorter
// one.
struct NameKey {
  uint64_t first = 0, second = 0;

  constexpr NameKey() noexcept = default;
  constexpr explicit NameKey(std::string_view name) noexcept {
    first = pack(name.data(), std::min<size_t>(name.size(), 8)) | fold;
    second = (name.size() > 8 ? pack(name.data() + 8, std::min<size_t>(name.size() - 8, 8)) : 0) | fold;
  }
  // Of a name of at most 64 bytes, where at least sixteen can be read.
  NameKey(const char* sixteen, size_t n) noexcept {
    first = (pack(sixteen, 8) & name_masks[n].first) | fold;
    second = (pack(sixteen + 8, 8) & name_masks[n].second) | fold;
  }
  constexpr bool operator==(const NameKey& other) const noexcept {
    return ((first ^ other.first) | (second ^ other.second)) == 0;
  }
  [[nodiscard]] constexpr uint64_t hash() const noexcept {
    return ((first ^ std::rotl(second, 27)) * 0x9e3779b97f4a7c15) >> 40;
  }
};

[[nodiscard]] constexpr bool equal_fold(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

template <size_t N>
class NameSet {
 public:
  constexpr explicit NameSet(const std::array<std::string_view, N>& names) : names_(names) {
    for (size_t i = 0; i < N; i++) {
      keys_[i] = NameKey(names[i]);
      size_t slot = keys_[i].hash() % slots_.size();
      while (slots_[slot] != 0) slot = (slot + 1) % slots_.size();
      slots_[slot] = static_cast<uint16_t>(i + 1);
    }
  }

  // The index of `name` in the array that the set was made from, or -1.
  [[nodiscard]] constexpr int find(std::string_view name) const noexcept {
    if (name.empty()) return -1;
    const NameKey key(name);
    for (size_t slot = key.hash() % slots_.size(); slots_[slot] != 0; slot = (slot + 1) % slots_.size()) {
      const size_t index = slots_[slot] - 1U;
      if (keys_[index] != key || names_[index].size() != name.size()) continue;
      if (name.size() <= 16 || equal_fold(names_[index], name)) return static_cast<int>(index);
    }
    return -1;
  }

 private:
  std::array<std::string_view, N> names_;
  std::array<NameKey, N> keys_{};
  std::array<uint16_t, std::bit_ceil(N * 3)> slots_{};
};

constexpr size_t count_names(std::string_view list) noexcept {
  size_t count = 0;
  for (size_t i = 0; i < list.size(); i++) count += list[i] != ' ' && (i == 0 || list[i - 1] == ' ');
  return count;
}

// The names in a list that is separated by spaces.
template <size_t N>
constexpr std::array<std::string_view, N> split_names(std::string_view list) noexcept {
  std::array<std::string_view, N> names{};
  size_t begin = 0;
  for (std::string_view& name : names) {
    begin = list.find_first_not_of(' ', begin);
    const size_t end = std::min(list.find(' ', begin), list.size());
    name = list.substr(begin, end - begin);
    begin = end;
  }
  return names;
}

}  // namespace tl::sql
