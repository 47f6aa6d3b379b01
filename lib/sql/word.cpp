#include "word.hpp"

#include <utility>

namespace tl::sql {
namespace {

// In which dialects a "(" behind the keyword is grammar. PostgreSQL lets functions bear the names of most keywords, so
// there only those that cannot be one, or whose place in the grammar nobody would confuse.
constexpr uint8_t nowhere = 0, sqlite = 1, postgresql = 2, mysql = 4, everywhere = 7;

struct Keyword {
  std::string_view name;
  Word word;
  uint8_t syntax;
};

constexpr Keyword keywords[] = {
    {"abort", Word::abort, nowhere},
    {"all", Word::all, everywhere},
    {"alter", Word::alter, nowhere},
    {"analyse", Word::analyze, nowhere},
    {"analyze", Word::analyze, nowhere},
    {"any", Word::any, everywhere},
    {"as", Word::as, everywhere},
    {"atomic", Word::atomic, nowhere},
    {"begin", Word::begin, nowhere},
    {"case", Word::case_, everywhere},
    {"check", Word::check, everywhere},
    {"checksum", Word::checksum, nowhere},
    {"cluster", Word::cluster, nowhere},
    {"columns", Word::columns, nowhere},
    {"comment", Word::comment, nowhere},
    {"commit", Word::commit, nowhere},
    {"copy", Word::copy, postgresql},
    {"create", Word::create, nowhere},
    {"cube", Word::rollup, nowhere},
    {"default", Word::default_, everywhere},
    {"delete", Word::delete_, nowhere},
    {"desc", Word::desc, nowhere},
    {"describe", Word::describe, nowhere},
    {"distinct", Word::distinct, everywhere},
    {"do", Word::do_, everywhere},
    {"drop", Word::drop, nowhere},
    {"end", Word::end, nowhere},
    {"event", Word::event, nowhere},
    {"except", Word::setop, everywhere},
    {"execute", Word::execute, nowhere},
    {"explain", Word::explain, everywhere},
    {"extension", Word::extension, nowhere},
    {"fetch", Word::fetch, everywhere},
    {"filter", Word::filter, nowhere},
    {"for", Word::for_, everywhere},
    {"from", Word::from, everywhere},
    {"function", Word::function, nowhere},
    {"grant", Word::grant, nowhere},
    {"group", Word::group, everywhere},
    {"having", Word::having, everywhere},
    {"if", Word::if_, nowhere},
    {"import", Word::import, nowhere},
    {"in", Word::in, everywhere},
    {"insert", Word::insert, sqlite | postgresql},
    {"install", Word::install, nowhere},
    {"intersect", Word::setop, everywhere},
    {"into", Word::into, everywhere},
    {"join", Word::join, everywhere},
    {"key", Word::key, sqlite | mysql},
    {"limit", Word::limit, everywhere},
    {"load", Word::load, nowhere},
    {"lock", Word::lock, nowhere},
    {"loop", Word::loop, nowhere},
    {"materialized", Word::materialized, everywhere},
    {"merge", Word::merge, nowhere},
    {"minus", Word::setop, nowhere},
    {"next", Word::next, nowhere},
    {"no", Word::no, nowhere},
    {"notify", Word::notify, nowhere},
    {"nulls", Word::nulls, nowhere},
    {"offset", Word::offset, everywhere},
    {"on", Word::on, everywhere},
    {"operator", Word::operator_, postgresql},
    {"optimize", Word::optimize, nowhere},
    {"order", Word::order, everywhere},
    {"over", Word::over, nowhere},
    {"pg_catalog", Word::pg_catalog, nowhere},
    {"pg_settings", Word::pg_settings, nowhere},
    {"pg_temp", Word::pg_temp, nowhere},
    {"pragma", Word::pragma, nowhere},
    {"pragma_optimize", Word::pragma_optimize, nowhere},
    {"prepare", Word::prepare, nowhere},
    {"previous", Word::previous, nowhere},
    {"procedure", Word::procedure, nowhere},
    {"reassign", Word::reassign, nowhere},
    {"recursive", Word::recursive, nowhere},
    {"refresh", Word::refresh, nowhere},
    {"reindex", Word::reindex, nowhere},
    {"release", Word::release, nowhere},
    {"rename", Word::rename, nowhere},
    {"repair", Word::repair, nowhere},
    {"repeat", Word::repeat, nowhere},
    {"replace", Word::replace, nowhere},
    {"returning", Word::returning, everywhere},
    {"revoke", Word::revoke, nowhere},
    {"rollback", Word::rollback, nowhere},
    {"rollup", Word::rollup, nowhere},
    {"rule", Word::rule, nowhere},
    {"savepoint", Word::savepoint, nowhere},
    {"security", Word::security, nowhere},
    {"select", Word::select, everywhere},
    {"set", Word::set, everywhere},
    {"sets", Word::sets, postgresql},
    {"share", Word::share, nowhere},
    {"show", Word::show, nowhere},
    {"some", Word::some, everywhere},
    {"start", Word::start, nowhere},
    {"straight_join", Word::join, mysql},
    {"table", Word::table, everywhere},
    {"temp", Word::temp, nowhere},
    {"temporary", Word::temp, nowhere},
    {"then", Word::then, everywhere},
    {"transaction", Word::transaction, nowhere},
    {"trigger", Word::trigger, nowhere},
    {"truncate", Word::truncate, nowhere},
    {"uninstall", Word::uninstall, nowhere},
    {"union", Word::setop, everywhere},
    {"update", Word::update, mysql},
    {"using", Word::using_, everywhere},
    {"vacuum", Word::vacuum, nowhere},
    {"value", Word::value, nowhere},
    {"values", Word::values, everywhere},
    {"view", Word::view, nowhere},
    {"where", Word::where, everywhere},
    {"while", Word::while_, nowhere},
    {"window", Word::window, everywhere},
    {"with", Word::with, everywhere},
    {"xa", Word::xa, nowhere},

    {"against", Word::syntax, mysql},
    {"and", Word::syntax, everywhere},
    {"array", Word::syntax, postgresql},
    {"asymmetric", Word::syntax, postgresql},
    {"between", Word::syntax, everywhere},
    {"bigint", Word::syntax, everywhere},
    {"binary", Word::syntax, mysql},
    {"bit", Word::syntax, everywhere},
    {"both", Word::syntax, everywhere},
    {"by", Word::syntax, everywhere},
    {"cast", Word::syntax, everywhere},
    {"char", Word::syntax, everywhere},
    {"character", Word::syntax, everywhere},
    {"collate", Word::syntax, nowhere},
    {"conflict", Word::syntax, sqlite | postgresql},
    {"cross", Word::syntax, nowhere},
    {"dec", Word::syntax, everywhere},
    {"decimal", Word::syntax, everywhere},
    {"div", Word::syntax, mysql},
    {"else", Word::syntax, everywhere},
    {"escape", Word::syntax, sqlite | mysql},
    {"exists", Word::syntax, everywhere},
    {"float", Word::syntax, everywhere},
    {"glob", Word::syntax, sqlite},
    {"ilike", Word::syntax, postgresql},
    {"index", Word::syntax, sqlite | mysql},
    {"inner", Word::syntax, nowhere},
    {"int", Word::syntax, everywhere},
    {"integer", Word::syntax, everywhere},
    {"interval", Word::syntax, everywhere},
    {"is", Word::syntax, everywhere},
    {"lateral", Word::syntax, everywhere},
    {"leading", Word::syntax, everywhere},
    {"like", Word::syntax, everywhere},
    {"match", Word::syntax, sqlite | mysql},
    {"natural", Word::syntax, nowhere},
    {"nchar", Word::syntax, everywhere},
    {"not", Word::syntax, everywhere},
    {"numeric", Word::syntax, everywhere},
    {"nvarchar", Word::syntax, everywhere},
    {"of", Word::syntax, mysql},
    {"only", Word::syntax, postgresql},
    {"or", Word::syntax, everywhere},
    {"partition", Word::syntax, mysql},
    {"placing", Word::syntax, postgresql},
    {"regexp", Word::syntax, sqlite | mysql},
    {"rlike", Word::syntax, mysql},
    {"row", Word::syntax, everywhere},
    {"rows", Word::syntax, nowhere},
    {"similar", Word::syntax, nowhere},
    {"smallint", Word::syntax, everywhere},
    {"symmetric", Word::syntax, postgresql},
    {"time", Word::syntax, everywhere},
    {"timestamp", Word::syntax, everywhere},
    {"to", Word::syntax, postgresql},
    {"trailing", Word::syntax, everywhere},
    {"unique", Word::syntax, everywhere},
    {"varchar", Word::syntax, everywhere},
    {"variadic", Word::syntax, postgresql},
    {"varying", Word::syntax, everywhere},
    {"when", Word::syntax, everywhere},
    {"xor", Word::syntax, mysql},
};

static_assert(std::size(keywords) < WordTable::most);
static_assert(std::ranges::all_of(keywords, [](const Keyword& keyword) { return keyword.name.size() < 16; }));

// These decide nothing by themselves.
constexpr bool is_only_looked_back_at(Word word) noexcept {
  constexpr Word words[] = {Word::all,  Word::any,  Word::as,        Word::distinct, Word::filter, Word::nulls,
                            Word::over, Word::some, Word::recursive, Word::syntax,   Word::then};
  return std::ranges::find(words, word) != std::end(words);
}

constexpr bool keeps_apart(const WordTable& table) noexcept {
  std::array<bool, std::tuple_size_v<decltype(table.numbers)>> taken{};
  return std::ranges::none_of(keywords, [&](const Keyword& keyword) {
    return std::exchange(taken[table.place_of(NameKey(keyword.name))], true);
  });
}

constexpr WordTable make_table() noexcept {
  WordTable table;
  table.factor = 0x9e3779b97f4a7c15;
  while (!keeps_apart(table)) table.factor = (table.factor * 6364136223846793005 + 1442695040888963407) | 1;
  for (size_t i = 0; i < std::size(keywords); i++) {
    const Keyword& keyword = keywords[i];
    table.keys[i + 1] = NameKey(keyword.name);
    table.numbers[table.place_of(table.keys[i + 1])] = static_cast<uint8_t>(i + 1);
    for (size_t dialect = 0; dialect < table.infos.size(); dialect++) {
      const bool syntax = (keyword.syntax >> dialect & 1) != 0;
      table.infos[dialect][i + 1] = WordInfo(keyword.word, syntax, !is_only_looked_back_at(keyword.word));
    }
  }
  return table;
}

}  // namespace

constexpr WordTable word_table = make_table();

WordInfo find_word(std::string_view text, Dialect dialect) noexcept {
  const size_t number = word_table.number_of(NameKey(text));
  const bool same = number != 0 && equal_fold(keywords[number - 1].name, text);
  return same ? word_table.infos[static_cast<size_t>(dialect)][number] : WordInfo();
}

}  // namespace tl::sql
