// Memory of columns that are gone, kept for the next ones: pages fresh from the system cost a large answer as much time
// as filling them does.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tl::columnar {

// Of these sizes, powers of two; smaller blocks are malloc's business, and larger ones grow where they are.
constexpr size_t least_block = size_t{32} << 10;
constexpr size_t most_block = size_t{4} << 20;
[[nodiscard]] constexpr bool is_block(size_t size) noexcept { return size >= least_block && size <= most_block; }

// [any thread] Answers null where neither a kept block nor memory is left.
[[nodiscard]] uint8_t* take_block(size_t size) noexcept;
// [any thread] Keeps it, or frees it where 16 MiB are kept already.
void give_block(uint8_t* block, size_t size) noexcept;

}  // namespace tl::columnar
