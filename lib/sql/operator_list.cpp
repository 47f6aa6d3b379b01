#include "operator_list.hpp"

#include <algorithm>

#include "name_set.hpp"

namespace tl::sql {
namespace {

constexpr std::string_view harmless_list =
    // pg_operator, != for <>, and => before an argument
    "!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<| <= <> "
    "<@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ "
    "~>~ ~~ ~~* != => "
    // the extensions that come with the server
    "#<# #<=# #= #># #>=# %# %% %> %>> <#> <% <->> <->>> <<% <<-> <<<-> <=> <@> ?<@ ?@ ?@> ?~ ^<@ ^? ^@> ^~ ~> "
    // pgvector, PostGIS
    "<%> <+> <~> #=# &&& |&& |=| ~== <<->> <<#>> ";

// Operators have at most eight characters, and no case.
constexpr auto harmless = [] {
  constexpr auto names = split_names<count_names(harmless_list)>(harmless_list);
  static_assert(std::ranges::all_of(names, [](std::string_view name) { return name.size() <= 8; }));
  std::array<uint64_t, names.size()> packed{};
  std::ranges::transform(names, packed.begin(), [](std::string_view name) { return pack(name.data(), name.size()); });
  std::ranges::sort(packed);
  return packed;
}();

// Only an operator that has one of the special characters may end in + or -.
enum : uint8_t { usual = 1, special = 2 };

constexpr auto characters = [] {
  std::array<uint8_t, 256> table{};
  for (const char c : {'+', '-', '*', '/', '<', '>', '='}) table[static_cast<uint8_t>(c)] = usual;
  for (const char c : {'~', '!', '@', '#', '%', '^', '&', '|', '`', '?'}) table[static_cast<uint8_t>(c)] = special;
  return table;
}();

uint8_t character(std::string_view text, size_t at) noexcept {
  return at < text.size() ? characters[static_cast<uint8_t>(text[at])] : 0;
}

bool begins_comment(std::string_view text, size_t at) noexcept {
  const std::string_view two = text.substr(at, 2);
  return two == "--" || two == "/*";
}

}  // namespace

Operator find_operator(std::string_view text, size_t at) noexcept {
  char name[9];
  size_t written = 0, length = 0, plain = 0;  // plain: behind which there are only + and -
  bool has_special = false;
  if (character(text, at) == usual && character(text, at + 1) == 0) return {1, true};
  while (const uint8_t kind = character(text, at + length)) {
    const char c = text[at + length];
    if (begins_comment(text, at + length)) break;
    if (c == '?' && text.substr(at + length, 2) != "??") break;  // a placeholder
    length += c == '?' ? 2 : 1;
    if (written < sizeof name) name[written++] = c;
    has_special = has_special || kind == special;
    if (c != '+' && c != '-') plain = length;
  }
  if (length == 0) return {1, true};  // no operator
  if (!has_special && plain < length) {
    length = std::max<size_t>(plain, 1);
    written = std::min(length, sizeof name);
  }
  const bool known = written <= 8 && std::ranges::binary_search(harmless, pack(name, written));
  return {length, known};
}

}  // namespace tl::sql
