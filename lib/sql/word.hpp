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

// What is known of a word, in two bytes that are moved as one.
class WordInfo {
 public:
  constexpr WordInfo() noexcept = default;
  constexpr WordInfo(Word word, bool syntax, bool matters) noexcept
      : bits_(static_cast<uint16_t>(static_cast<int>(word) | syntax << 8 | matters << 9)) {}

  [[nodiscard]] constexpr Word word() const noexcept { return static_cast<Word>(bits_ & 0xff); }
  // Where "(" follows, it is grammar and not the name of a function.
  [[nodiscard]] constexpr bool syntax() const noexcept { return (bits_ >> 8 & 1) != 0; }
  // It may change what is made of a statement; the others are only looked back at.
  [[nodiscard]] constexpr bool matters() const noexcept { return bits_ >> 9 != 0; }

 private:
  uint16_t bits_ = 0;
};

// A keyword has one place only where it can stand, so that to look a word up is one load and no guess.
struct WordTable {
  static constexpr size_t most = 256;
  std::array<uint8_t, 4096> numbers{};  // by place; 0 is no keyword
  std::array<NameKey, most> keys{};
  std::array<std::array<WordInfo, most>, 3> infos{};  // for each dialect
  uint64_t factor = 0;                                // gives each keyword a place of its own

  // The first eight bytes tell keywords apart.
  [[nodiscard]] constexpr size_t number_of(const NameKey& key) const noexcept { return numbers[place_of(key)]; }
  [[nodiscard]] constexpr size_t place_of(const NameKey& key) const noexcept { return key.first * factor >> 52; }
};
extern const WordTable word_table;

[[nodiscard]] inline WordInfo find_identifier(const NameKey& key, Dialect dialect) noexcept {
  const size_t number = word_table.number_of(key);
  return word_table.infos[static_cast<size_t>(dialect)][word_table.keys[number] == key ? number : 0];
}

[[nodiscard]] WordInfo find_word(std::string_view text, Dialect dialect) noexcept;

}  // namespace tl::sql
