#include "text_hash.hpp"

#include <sys/random.h>

namespace tl::sql {

TextHash::TextHash() {
  if (::getentropy(seed_, sizeof seed_) != 0) {  // a kernel before 3.17, or a filter that forbids it
    const auto here = reinterpret_cast<uintptr_t>(this);
    for (size_t i = 0; i < 3; i++) seed_[i] = mix(here + i, 0x9e3779b97f4a7c15);
  }
  for (uint64_t& word : seed_) word |= 1;
}

}  // namespace tl::sql
