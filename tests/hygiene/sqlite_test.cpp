// SQLite: a changed file session is opened anew; a memory database exists only in its session, which is put back.
#include <doctest/doctest.h>

#include "hygiene.hpp"

namespace tl::validation {
namespace {

const std::initializer_list<const char*> tables = {
    "CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT)",
    "DELETE FROM t",
    "CREATE TABLE IF NOT EXISTS child (a INTEGER REFERENCES t)",
};

// Both kinds of database.
const std::vector<Change> changes = {
    {"a temporary table", {"CREATE TEMP TABLE mine (a)"}, "SELECT count(*) FROM mine", "error"},
    {"one in a schema named in quotes", {"CREATE TABLE \"temp\".mine (a)"}, "SELECT count(*) FROM mine", "error"},
    {"one in a schema named in brackets", {"CREATE TABLE [TEMP].mine (a)"}, "SELECT count(*) FROM mine", "error"},
    {"one in a schema named as a string", {"CREATE TABLE 'temp'.mine (a)"}, "SELECT count(*) FROM mine", "error"},
    {"a temporary table of rows", {"CREATE TEMPORARY TABLE mine AS SELECT 1"}, "SELECT count(*) FROM mine", "error"},
    {"one that hides a table",
     {"CREATE TEMP TABLE t (a)", "INSERT INTO temp.t VALUES (7)"},
     "SELECT max(a) FROM t",
     "NULL"},
    {"a temporary view", {"CREATE TEMP VIEW mine AS SELECT 1"}, "SELECT count(*) FROM mine", "error"},
    {"a view in a schema named in quotes",
     {"CREATE VIEW `temp`.mine AS SELECT 1"},
     "SELECT count(*) FROM mine",
     "error"},
    {"a temporary trigger",
     {"CREATE TEMP TRIGGER mine AFTER INSERT ON main.child BEGIN SELECT 1; END"},
     "SELECT count(*) FROM temp.sqlite_master",
     "0"},
    {"a virtual table", {"CREATE VIRTUAL TABLE temp.mine USING fts5(a)"}, "SELECT count(*) FROM mine", "error"},
    {"a transaction", {"BEGIN", "INSERT INTO t VALUES (1, 'x')"}, "SELECT count(*) FROM t", "0"},
    {"a savepoint", {"SAVEPOINT s", "INSERT INTO t VALUES (1, 'x')"}, "SELECT count(*) FROM t", "0"},
    {"a transaction that has failed",
     {"BEGIN", "INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (1, 'x')"},
     "SELECT count(*) FROM t",
     "0"},
    {"foreign keys", {"PRAGMA foreign_keys = OFF"}, "PRAGMA foreign_keys", "1"},
    {"foreign keys, by a call", {"PRAGMA main.foreign_keys(0)"}, "PRAGMA foreign_keys", "1"},
    {"foreign keys, among other statements", {"SELECT 1; PRAGMA foreign_keys = OFF"}, "PRAGMA foreign_keys", "1"},
    {"LIKE", {"PRAGMA case_sensitive_like = ON"}, "SELECT 'a' LIKE 'A'", "1"},
    {"PRAGMA query_only", {"PRAGMA query_only = ON"}, "PRAGMA query_only", "0"},
    {"PRAGMA cache_size", {"PRAGMA cache_size = -77"}, "PRAGMA cache_size", "-2000"},
    {"PRAGMA cache_spill", {"PRAGMA cache_spill = OFF"}, "SELECT cache_spill > 0 FROM pragma_cache_spill", "1"},
    {"PRAGMA synchronous", {"PRAGMA synchronous = OFF"}, "SELECT synchronous > 0 FROM pragma_synchronous", "1"},
    {"PRAGMA recursive_triggers", {"PRAGMA recursive_triggers = ON"}, "PRAGMA recursive_triggers", "0"},
    {"PRAGMA reverse_unordered_selects",
     {"PRAGMA reverse_unordered_selects = ON"},
     "PRAGMA reverse_unordered_selects",
     "0"},
    {"PRAGMA ignore_check_constraints",
     {"PRAGMA ignore_check_constraints = ON"},
     "PRAGMA ignore_check_constraints",
     "0"},
    {"PRAGMA legacy_alter_table", {"PRAGMA legacy_alter_table = ON"}, "PRAGMA legacy_alter_table", "0"},
    {"PRAGMA automatic_index", {"PRAGMA automatic_index = OFF"}, "PRAGMA automatic_index", "1"},
    {"PRAGMA trusted_schema", {"PRAGMA trusted_schema = ON"}, "PRAGMA trusted_schema", "0"},
    {"PRAGMA cell_size_check", {"PRAGMA cell_size_check = ON"}, "PRAGMA cell_size_check", "0"},
    {"PRAGMA secure_delete",
     {"PRAGMA secure_delete = FAST"},
     "SELECT secure_delete = 2 FROM pragma_secure_delete",
     "0"},
    {"PRAGMA temp_store", {"PRAGMA temp_store = MEMORY"}, "PRAGMA temp_store", "0"},
    {"PRAGMA max_page_count",
     {"PRAGMA max_page_count = 77"},
     "SELECT max_page_count > 1000 FROM pragma_max_page_count",
     "1"},
    {"PRAGMA busy_timeout", {"PRAGMA busy_timeout = 77"}, "PRAGMA busy_timeout", "0"},
    {"PRAGMA analysis_limit", {"PRAGMA analysis_limit = 77"}, "PRAGMA analysis_limit", "0"},
    {"PRAGMA threads", {"PRAGMA threads = 3"}, "PRAGMA threads", "0"},
    {"PRAGMA short_column_names", {"PRAGMA short_column_names = OFF"}, "PRAGMA short_column_names", "1"},
    {"PRAGMA full_column_names", {"PRAGMA full_column_names = ON"}, "PRAGMA full_column_names", "0"},
    {"PRAGMA count_changes", {"PRAGMA count_changes = ON"}, "PRAGMA count_changes", "0"},
    {"PRAGMA defer_foreign_keys", {"BEGIN", "PRAGMA defer_foreign_keys = ON"}, "PRAGMA defer_foreign_keys", "0"},
    {"the last row's id, beside a change",
     {"INSERT INTO t VALUES (77, 'x')", "DELETE FROM t", "PRAGMA cache_size = -77"},
     "SELECT last_insert_rowid()",
     "0"},
};

// Those of a file, whose log the driver sees to itself.
const std::vector<Change> file_changes = {
    {"wal_autocheckpoint", {"PRAGMA wal_autocheckpoint = 77"}, "PRAGMA wal_autocheckpoint", "0"},
    {"locking_mode", {"PRAGMA locking_mode = EXCLUSIVE"}, "PRAGMA locking_mode", "normal"},
    {"journal_size_limit", {"PRAGMA journal_size_limit = 77"}, "PRAGMA journal_size_limit", "-1"},
    {"mmap_size", {"PRAGMA mmap_size = 65536"}, "PRAGMA mmap_size", "0"},
};

constexpr const char* in_memory = "[environments.development.connections.db]\ndatabase = \":memory:\"\n";

const std::vector<Change> memory_changes = {
    {"wal_autocheckpoint", {"PRAGMA wal_autocheckpoint = 77"}, "PRAGMA wal_autocheckpoint", "1000"},
};

const std::vector<Change> attaching = {
    {"an attached database", {"ATTACH ':memory:' AS other"}, "SELECT count(*) FROM other.sqlite_master", "error"},
    {"one with a table",
     {"ATTACH ':memory:' AS other", "CREATE TABLE other.mine (a)"},
     "SELECT count(*) FROM mine",
     "error"},
    {"one inside a transaction",
     {"ATTACH ':memory:' AS other", "BEGIN", "CREATE TABLE other.mine (a)"},
     "SELECT count(*) FROM other.mine",
     "error"},
};

}  // namespace

TEST_CASE("a file: what a borrower changes of a session, the next one does not see") {
  check_changes(tables, changes);
  check_changes(tables, file_changes);
  check_changes(tables, attaching, "attach = true\n");
}

TEST_CASE("a memory database: what a borrower changes of a session, the next one does not see") {
  check_changes(tables, changes, in_memory);
  check_changes(tables, memory_changes, in_memory);
  check_changes(tables, attaching, std::string("attach = true\n") + in_memory);
}

TEST_CASE("plain statements leave a session unchanged") {
  check_plain(tables, {
                          "SELECT 1",
                          "SELECT count(*), upper('a'), json_extract('[1]', '$[0]') FROM t",
                          "INSERT INTO t VALUES (1, 'a') ON CONFLICT DO UPDATE SET b = excluded.b RETURNING a",
                          "REPLACE INTO t (a, b) VALUES (1, 'b')",
                          "UPDATE t SET b = lower(b) WHERE a = 1",
                          "WITH x AS (SELECT 1 AS a) SELECT * FROM x JOIN t USING (a)",
                          "DELETE FROM t WHERE a = 1",
                          "CREATE TABLE IF NOT EXISTS other (a)",
                          "CREATE INDEX IF NOT EXISTS i ON other (a)",
                          "ALTER TABLE other ADD COLUMN b",
                          "DROP TABLE other",
                          "PRAGMA table_info(t)",
                          "PRAGMA foreign_keys",
                          "EXPLAIN QUERY PLAN SELECT * FROM t",
                          "BEGIN",
                          "SAVEPOINT s",
                          "RELEASE s",
                          "COMMIT",
                          "VACUUM",
                      });
}

}  // namespace tl::validation
