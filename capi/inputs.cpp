#include "inputs.hpp"

#include <cstring>

namespace tl::capi {
namespace {

constexpr size_t alignment = 8;  // of lists in the arena
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= alignment && sizeof(tl_value) % alignment == 0);

// Copies `size` bytes to `at` and moves it behind them.
void* copied(std::byte*& at, const void* from, size_t size) noexcept {
  std::byte* const to = at;
  if (size != 0) std::memcpy(to, from, size);
  at += size;
  return to;
}

void move_values(Arguments& values, std::byte*& at, std::string_view arena) noexcept {
  const columnar::Params& given = values.params();
  const void* const moved = copied(at, given.values, given.count * sizeof(tl_value));
  values.move_to({static_cast<const columnar::Value*>(moved), given.count, arena});
}

}  // namespace

Result<void> ConnInputs::prepare(Options& options) const {
  if (options.given_deadline || handle->is_known()) return {};
  const Instant began = steady_clock().now();
  if (Result<void> found = handle->look_up(options.call); !found) return found;
  options.take_standard(handle->call_timeout(), began);
  return {};
}

void StatementInputs::keep() {
  ConnInputs::keep();
  const size_t records = (values.params().count + columns.params().count) * sizeof(tl_value);
  const std::string_view arena = values.params().count != 0 ? values.params().arena : columns.params().arena;
  kept_ = std::make_unique_for_overwrite<std::byte[]>(records + arena.size() + text.size());
  std::byte* at = kept_.get();
  const std::string_view moved_arena(reinterpret_cast<const char*>(at + records), arena.size());
  move_values(values, at, moved_arena);
  move_values(columns, at, moved_arena);
  copied(at, arena.data(), arena.size());
  text = {static_cast<const char*>(copied(at, text.data(), text.size())), text.size()};
}

}  // namespace tl::capi
