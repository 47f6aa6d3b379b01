#include "short_memory.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> armed{false};
std::atomic<int64_t> turn{0};  // of the next allocation; those from 0 on fail, until `end`
std::atomic<int64_t> end{0};

bool fails() noexcept {
  if (!armed.load()) return false;
  const int64_t mine = turn.fetch_add(1);
  return mine >= 0 && mine < end.load();
}

}  // namespace

void* operator new(size_t size, const std::nothrow_t&) noexcept { return fails() ? nullptr : std::malloc(size); }
void* operator new(size_t size) {
  void* const memory = operator new(size, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace tl {

ShortMemory::ShortMemory(int64_t left, int64_t failing) noexcept {
  turn = -left;
  end = failing;
  armed = true;
}
ShortMemory::~ShortMemory() { armed = false; }
bool ShortMemory::was_felt() const noexcept { return turn.load() > 0; }

}  // namespace tl
