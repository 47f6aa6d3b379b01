// Makes allocations fail, in a program that is linked with short_memory.cpp.
#pragma once
#include <cstdint>

namespace tl {

// While it lives, `left` allocations succeed, of all threads, the next `failing` do not, and those after them do again.
class ShortMemory {
 public:
  explicit ShortMemory(int64_t left, int64_t failing = INT64_MAX / 2) noexcept;
  ~ShortMemory();
  ShortMemory(const ShortMemory&) = delete;
  ShortMemory& operator=(const ShortMemory&) = delete;
  [[nodiscard]] bool was_felt() const noexcept;  // an allocation has failed
};

}  // namespace tl
