// Sixty-four characters of a text that are looked at together: one bit for each, the first is the lowest.
#pragma once
#include <cstdint>

namespace tl::sql {

struct Block {
  uint64_t identifiers = 0;  // what may be within a name: is_identifier() of each
  uint64_t digits = 0;
  uint64_t blanks = 0;  // white space
};

[[nodiscard]] Block look_at(const char* sixty_four) noexcept;

}  // namespace tl::sql
