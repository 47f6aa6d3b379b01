// What the first keyword of a statement says about it.
#pragma once
#include "word.hpp"

namespace tl::sql {

struct Verb {
  Kind kind = Kind::unknown;
  bool plain = false;
  bool calls = false;  // the functions in it are run
  bool query = false;  // a read unless it says otherwise
};

[[nodiscard]] Verb find_verb(Word word, Dialect dialect) noexcept;

// SQLite: whether "PRAGMA name" or "PRAGMA name(argument)" only asks.
[[nodiscard]] bool is_harmless_pragma(std::string_view name, bool with_argument) noexcept;

}  // namespace tl::sql
