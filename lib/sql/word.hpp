// The keywords that the lexer's users look at.
#pragma once
#include <cstdint>
#include <string_view>

#include "name_set.hpp"
#include "statement.hpp"

namespace tl::sql {

// clang-format off
enum class Word : uint8_t {
  none,  // not a keyword that matters here: a name, or a keyword without influence
  abort, all, alter, analyze, any, as, atomic, begin, case_, check, checksum, cluster, columns, comment, commit, copy,
  create, default_, delete_, desc, describe, distinct, do_, drop, end, event, execute, explain,
  extension, fetch, filter, for_, from, function, grant, group, having, if_, import, in, insert, install, into, join, key,
  limit, load, lock, loop, materialized, merge, next, no, notify, nulls, offset, on, operator_, optimize, order, over, pg_catalog,
  pg_settings, pg_temp,
  pragma, pragma_optimize, prepare, previous, procedure, reassign, recursive, refresh, reindex, release, rename, repair, repeat, replace, returning,
  revoke, rollback, rollup, rule, savepoint, security, select, set, setop, sets, share, show, some, start, table, temp, then, transaction,
  trigger, truncate, uninstall, update, using_, vacuum, value, values, view, where, while_, window, with, xa, syntax
};
// clang-format on

struct WordInfo {
  Word word = Word::none;
  bool syntax = false;  // where "(" follows, it is grammar and not the name of a function
};

[[nodiscard]] WordInfo find_word(const NameKey& word, Dialect dialect) noexcept;
[[nodiscard]] inline WordInfo find_word(std::string_view word, Dialect dialect) noexcept {
  return find_word(NameKey(word), dialect);
}

}  // namespace tl::sql
