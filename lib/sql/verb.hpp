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

// MySQL: whether "SHOW name" tells of what the session did before.
[[nodiscard]] bool shows_session(std::string_view name) noexcept;

// MySQL: whether the system variable tells of what the session did before.
[[nodiscard]] bool is_of_session(std::string_view variable) noexcept;

}  // namespace tl::sql
