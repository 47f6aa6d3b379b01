#pragma once
#include <cstddef>

namespace tl {

// Whether the bytes are UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
[[nodiscard]] bool is_utf8(const void* bytes, size_t n) noexcept;

}  // namespace tl
