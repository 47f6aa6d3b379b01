// Putting back what statements changed in a session.
#include <array>

#include "sqlite_session.hpp"

namespace tl::sqlite {
namespace {

// What a PRAGMA changes for the session alone and tells when asked.
constexpr std::array<const char*, 26> pragmas = {
    "analysis_limit",
    "automatic_index",
    "cache_size",
    "cache_spill",
    "cell_size_check",
    "checkpoint_fullfsync",
    "count_changes",
    "defer_foreign_keys",
    "empty_result_callbacks",
    "foreign_keys",
    "full_column_names",
    "fullfsync",
    "ignore_check_constraints",
    "legacy_alter_table",
    "max_page_count",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "secure_delete",
    "short_column_names",
    "synchronous",
    "temp_store",
    "threads",
    "trusted_schema",
    "wal_autocheckpoint",
};

// Virtual tables before the tables they keep their rows in.
constexpr const char* temporary_things =
    "SELECT 'DROP ' || type || ' IF EXISTS temp.\"' || replace(name, '\"', '\"\"') || '\"' FROM sqlite_temp_master "
    "WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "ORDER BY type = 'table', sql NOT LIKE 'CREATE VIRTUAL%'";

constexpr const char* attached_databases =
    "SELECT 'DETACH \"' || replace(name, '\"', '\"\"') || '\"' FROM pragma_database_list WHERE seq > 1";

}  // namespace

Result<void> SqliteSession::execute(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return failed(code, Phase::receive);
}

Result<std::vector<std::string>> SqliteSession::ask(const char* sql) {
  std::vector<std::string> answer;
  std::string_view rest;
  auto prepared = prepare_first(sql, 0, rest);
  if (!prepared) return prepared.take_error();
  sqlite3_stmt* statement = prepared->statement.get();
  for (;;) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return answer;
    if (code != SQLITE_ROW) return failed(code, Phase::receive);
    const unsigned char* text = sqlite3_column_text(statement, 0);
    answer.emplace_back(text == nullptr ? "" : reinterpret_cast<const char*>(text));
  }
}

Result<void> SqliteSession::remember_settings() {
  for (const char* name : pragmas) {
    auto value = ask((std::string("PRAGMA ") + name).c_str());
    if (!value) return value.take_error();
    if (!value->empty()) settings_.push_back({name, value->front()});
  }
  return {};
}

// A file is cheaper opened anew than combed through; a memory database exists only here.
Result<void> SqliteSession::restore() { return address_.is_in_memory() ? comb() : reopen(); }

Result<void> SqliteSession::reopen() {
  by_id_.clear();
  cache_.clear();
  Result<Handle> fresh = open_handle(address_);
  if (!fresh) return fresh.take_error();
  db_ = fresh.take();
  install_handlers();
  if (Result<void> done = configure(); !done) return done;
  changed_ = false;
  return {};
}

Result<void> SqliteSession::comb() {
  install_handlers();  // PRAGMA busy_timeout displaces the busy handler
  if (Result<void> done = execute("PRAGMA query_only = OFF; PRAGMA foreign_keys = OFF"); !done) return done;
  for (const char* things : {temporary_things, attached_databases}) {
    auto statements = ask(things);
    if (!statements) return statements.take_error();
    for (const std::string& statement : *statements) {
      if (Result<void> done = execute(statement.c_str()); !done) return done;
    }
  }
  for (const Setting& setting : settings_) {
    const std::string pragma = "PRAGMA " + setting.name + " = " + setting.value;
    if (Result<void> done = execute(pragma.c_str()); !done) return done;
  }
  if (Result<void> done = execute("PRAGMA case_sensitive_like = OFF; PRAGMA locking_mode = NORMAL"); !done) return done;
  sqlite3_set_last_insert_rowid(db_.get(), 0);
  changed_ = false;
  return {};
}

}  // namespace tl::sqlite
