#include "verb.hpp"

#include <algorithm>

#include "name_set.hpp"

namespace tl::sql {
namespace {

constexpr std::string_view asking_list =
    "collation_list compile_options database_list foreign_key_check foreign_key_list function_list index_info "
    "index_list "
    "index_xinfo integrity_check module_list pragma_list quick_check table_info table_list table_xinfo";

// Without an argument these tell a setting.
constexpr std::string_view setting_list =
    "analysis_limit application_id auto_vacuum automatic_index busy_timeout cache_size cache_spill cell_size_check "
    "checkpoint_fullfsync data_version defer_foreign_keys encoding foreign_keys freelist_count fullfsync "
    "hard_heap_limit ignore_check_constraints journal_mode journal_size_limit legacy_alter_table locking_mode "
    "max_page_count mmap_size page_count page_size query_only read_uncommitted recursive_triggers "
    "reverse_unordered_selects schema_version secure_delete soft_heap_limit synchronous temp_store threads "
    "trusted_schema user_version wal_autocheckpoint writable_schema";

constexpr auto asking_names = split_names<count_names(asking_list)>(asking_list);
constexpr auto setting_names = split_names<count_names(setting_list)>(setting_list);
constexpr NameSet<asking_names.size()> asking(asking_names);
constexpr NameSet<setting_names.size()> settings(setting_names);

constexpr std::string_view shown_list = "count errors profile profiles warnings";
constexpr std::string_view variable_list =
    "error_count identity insert_id last_insert_id rand_seed1 rand_seed2 warning_count";

constexpr auto shown_names = split_names<count_names(shown_list)>(shown_list);
constexpr auto variable_names = split_names<count_names(variable_list)>(variable_list);
constexpr NameSet<shown_names.size()> shown(shown_names);
constexpr NameSet<variable_names.size()> variables(variable_names);

constexpr Verb query{Kind::read, true, true, true};
constexpr Verb change{Kind::write, true, true, false};
constexpr Verb definition{Kind::write, true, false, false};
constexpr Verb session_change{Kind::write, false, false, false};
// The state of its transaction is the session's own, told apart from settings that stay.
constexpr Verb control{Kind::control, true, false, false};

}  // namespace

Verb find_verb(Word word, Dialect dialect) noexcept {
  switch (word) {
    case Word::select:
    case Word::values:
    case Word::table:
    case Word::with: return query;
    case Word::show:
    case Word::checksum: return {Kind::read, true, true, false};
    case Word::explain:
    case Word::describe:
    case Word::desc: return {Kind::read, true, dialect != Dialect::sqlite, false};  // planning runs what is constant
    case Word::insert:
    case Word::update:
    case Word::delete_:
    case Word::replace:
    case Word::merge:
    case Word::copy:
    case Word::analyze: return change;  // MariaDB's ANALYZE runs the statement behind it
    case Word::create:
    case Word::alter:
    case Word::drop:
    case Word::truncate:
    case Word::comment:
    case Word::grant:
    case Word::revoke:
    case Word::vacuum:
    case Word::reindex:
    case Word::cluster:
    case Word::reassign:
    case Word::security:
    case Word::refresh:
    case Word::import:
    case Word::rename:
    case Word::optimize:
    case Word::repair:
    case Word::check:
    case Word::notify: return definition;
    case Word::install:
    case Word::uninstall:
    case Word::lock: return session_change;
    case Word::do_: return dialect == Dialect::mysql ? query : Verb{};
    case Word::load: return dialect == Dialect::mysql ? change : Verb{};
    case Word::begin:
    case Word::commit:
    case Word::end:
    case Word::rollback:
    case Word::savepoint:
    case Word::release: return control;
    case Word::abort: return dialect == Dialect::postgresql ? control : Verb{};
    case Word::xa: return dialect == Dialect::mysql ? Verb{Kind::control, false, false, false} : Verb{};
    default: return {};
  }
}

bool is_harmless_pragma(std::string_view name, bool with_argument) noexcept {
  return asking.find(name) >= 0 || (!with_argument && settings.find(name) >= 0);
}

bool shows_session(std::string_view name) noexcept { return shown.find(name) >= 0; }

bool is_of_session(std::string_view variable) noexcept { return variables.find(variable) >= 0; }

bool may_end_transaction(const Statement& statement, Dialect dialect) noexcept {
  constexpr std::string_view never[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "TABLE"};
  return dialect == Dialect::mysql &&
         (statement.statements > 1 || std::find(std::begin(never), std::end(never), statement.verb) == std::end(never));
}

}  // namespace tl::sql
