// MariaDB: a changed session is put back by COM_RESET_CONNECTION and the settings that it began with. What SET GLOBAL
// changes is the server's and no session's.
#include <doctest/doctest.h>

#include "hygiene.hpp"

namespace tl::validation {
namespace {

const std::initializer_list<const char*> tables = {
    "CREATE DATABASE IF NOT EXISTS hygiene",
    "CREATE OR REPLACE TABLE t (a INT PRIMARY KEY)",
    "CREATE OR REPLACE TABLE counted (a INT AUTO_INCREMENT PRIMARY KEY)",
    "CREATE ROLE IF NOT EXISTS hygienic",
};

constexpr const char* mine = "SELECT count(*) FROM mine";
constexpr const char* sort_buffer = "SELECT @@sort_buffer_size";
constexpr const char* sort_baseline = "2097152";
constexpr const char* variable = "SELECT @mine";
constexpr const char* zone = "SELECT @@time_zone";
constexpr const char* lock = "SELECT IS_USED_LOCK('mine') IS NOT NULL";
constexpr const char* in_transaction = "SELECT count(*) FROM t";

const std::vector<Change> changes = {
    {"SET", {"SET sort_buffer_size = 65536"}, sort_buffer, sort_baseline},
    {"SET SESSION", {"SET SESSION sort_buffer_size = 65536"}, sort_buffer, sort_baseline},
    {"SET LOCAL", {"SET LOCAL sort_buffer_size = 65536"}, sort_buffer, sort_baseline},
    {"SET @@", {"SET @@sort_buffer_size = 65536"}, sort_buffer, sort_baseline},
    {"SET @@session", {"SET @@session.sort_buffer_size := 65536"}, sort_buffer, sort_baseline},
    {"SET among other statements", {"SELECT 1; SET sort_buffer_size = 65536; SELECT 2"}, sort_buffer, sort_baseline},
    {"SET in an executable comment", {"/*!50000 SET sort_buffer_size = 65536 */"}, sort_buffer, sort_baseline},
    {"one of MariaDB's own", {"/*M!100000 SET sort_buffer_size = 65536 */"}, sort_buffer, sort_baseline},
    {"a user variable", {"SET @mine = 7"}, variable, "NULL"},
    {"a user variable in quotes", {"SET @`mine` = 7"}, variable, "NULL"},
    {"a user variable in a query", {"SELECT @mine := 7"}, variable, "NULL"},
    {"a user variable in an UPDATE",
     {"INSERT INTO t VALUES (1)", "UPDATE t SET a = (@mine := 2)", "DELETE FROM t"},
     variable,
     "NULL"},
    {"a user variable in an INSERT", {"INSERT INTO t VALUES (@mine := 7)", "DELETE FROM t"}, variable, "NULL"},
    {"a user variable in a DELETE", {"DELETE FROM t WHERE (@mine := 7) = 1"}, variable, "NULL"},
    {"a user variable in LIMIT's query", {"SELECT 1 FROM (SELECT @mine := 7) x"}, variable, "NULL"},
    {"SELECT INTO", {"SELECT 7 INTO @mine"}, variable, "NULL"},
    {"SELECT INTO before FROM", {"SELECT count(*) INTO @mine FROM t"}, variable, "NULL"},
    {"a statement's own setting", {"SET STATEMENT max_statement_time = 7 FOR SELECT @mine := 7"}, variable, "NULL"},
    {"DO", {"DO @mine := 7"}, variable, "NULL"},
    {"USE", {"USE hygiene"}, "SELECT DATABASE()", "trunkline"},
    {"SET NAMES", {"SET NAMES latin1"}, "SELECT @@character_set_client", "utf8mb4"},
    {"SET CHARACTER SET", {"SET CHARACTER SET latin1"}, "SELECT @@character_set_results", "utf8mb4"},
    {"collation", {"SET collation_connection = utf8mb4_bin"}, "SELECT @@collation_connection", "utf8mb4_general_ci"},
    {"time zone", {"SET time_zone = '+07:00'"}, zone, "+00:00"},
    {"sql_mode", {"SET sql_mode = 'ANSI_QUOTES'"}, "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'", "0"},
    {"autocommit", {"SET autocommit = 0"}, "SELECT @@autocommit", "1"},
    {"autocommit, with work", {"SET autocommit = 0", "INSERT INTO t VALUES (1)"}, in_transaction, "0"},
    {"foreign_key_checks", {"SET foreign_key_checks = 0"}, "SELECT @@foreign_key_checks", "1"},
    {"unique_checks", {"SET unique_checks = 0"}, "SELECT @@unique_checks", "1"},
    {"sql_safe_updates", {"SET sql_safe_updates = 1"}, "SELECT @@sql_safe_updates", "0"},
    {"sql_select_limit", {"SET sql_select_limit = 1"}, "SELECT @@sql_select_limit > 1", "1"},
    {"max_statement_time", {"SET max_statement_time = 77"}, "SELECT @@max_statement_time", "0"},
    {"lock_wait_timeout", {"SET innodb_lock_wait_timeout = 7"}, "SELECT @@innodb_lock_wait_timeout", "50"},
    {"the clock", {"SET timestamp = 77"}, "SELECT UNIX_TIMESTAMP() = 77", "0"},
    {"insert_id", {"SET insert_id = 77"}, "SELECT @@insert_id", "0"},
    {"isolation of all transactions",
     {"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
     "SELECT @@tx_isolation",
     "REPEATABLE-READ"},
    {"all transactions read-only", {"SET SESSION TRANSACTION READ ONLY"}, "SELECT @@tx_read_only", "0"},
    {"SET ROLE", {"SET ROLE hygienic"}, "SELECT CURRENT_ROLE()", "NULL"},
    {"a temporary table", {"CREATE TEMPORARY TABLE mine (a INT)"}, mine, "error"},
    {"one of rows", {"CREATE OR REPLACE TEMPORARY TABLE mine SELECT 1"}, mine, "error"},
    {"one that hides a table",
     {"CREATE TEMPORARY TABLE t (a INT)", "INSERT INTO t VALUES (7)"},
     "SELECT max(a) FROM t",
     "NULL"},
    {"a named lock", {"SELECT GET_LOCK('mine', 0)"}, lock, "0"},
    {"a named lock by DO", {"DO GET_LOCK('mine', 0)"}, lock, "0"},
    {"LOCK TABLES", {"LOCK TABLES t READ"}, "SELECT count(*) FROM counted", "0"},
    {"FLUSH TABLES WITH READ LOCK", {"FLUSH TABLES WITH READ LOCK"}, "DELETE FROM t", "no rows"},
    {"PREPARE", {"PREPARE mine FROM 'SELECT 1'"}, "EXECUTE mine", "error"},
    {"PREPARE of a variable", {"SET @q = 'SELECT 1'; PREPARE mine FROM @q"}, "EXECUTE mine", "error"},
    {"HANDLER", {"HANDLER t OPEN AS mine"}, "HANDLER mine READ FIRST", "error"},
    {"the last id, made up", {"SELECT LAST_INSERT_ID(77)"}, "SELECT LAST_INSERT_ID()", "0"},
    {"the last id, made up in an UPDATE",
     {"INSERT INTO t VALUES (1)", "UPDATE t SET a = LAST_INSERT_ID(a + 1)", "DELETE FROM t"},
     "SELECT LAST_INSERT_ID()",
     "0"},
    {"the last id, beside a change",
     {"INSERT INTO counted VALUES ()", "DELETE FROM counted", "SET @mine = 7"},
     "SELECT LAST_INSERT_ID()",
     "0"},
    {"an open transaction", {"BEGIN", "INSERT INTO t VALUES (1)"}, in_transaction, "0"},
    {"one by START TRANSACTION",
     {"START TRANSACTION WITH CONSISTENT SNAPSHOT", "INSERT INTO t VALUES (1)"},
     in_transaction,
     "0"},
    {"one by AND CHAIN", {"BEGIN", "COMMIT AND CHAIN", "INSERT INTO t VALUES (1)"}, in_transaction, "0"},
    {"a transaction with a failed statement",
     {"BEGIN", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"},
     in_transaction,
     "0"},
    {"a savepoint", {"BEGIN", "SAVEPOINT s", "INSERT INTO t VALUES (1)"}, in_transaction, "0"},
    {"XA", {"XA START 'mine'", "INSERT INTO t VALUES (1)"}, in_transaction, "0"},
    {"XA, ended", {"XA START 'mine'", "INSERT INTO t VALUES (1)", "XA END 'mine'"}, in_transaction, "0"},
    {"XA, prepared",
     {"XA START 'mine'", "XA END 'mine'", "XA PREPARE 'mine'", "XA ROLLBACK 'mine'", "SET @mine = 7"},
     variable,
     "NULL"},
    {"a profile", {"SET profiling = 1"}, "SELECT @@profiling", "0"},
};

const std::initializer_list<const char*> routines = {
    "DROP FUNCTION IF EXISTS f",
    "DROP FUNCTION IF EXISTS locking",
    "DROP FUNCTION IF EXISTS setting",
    "DROP PROCEDURE IF EXISTS p",
    "DROP PROCEDURE IF EXISTS making",
    "DROP PROCEDURE IF EXISTS beginning",
    "CREATE FUNCTION f() RETURNS INT BEGIN SET @mine = 7; SET time_zone = '+07:00'; RETURN 1; END",
    "CREATE FUNCTION setting() RETURNS INT BEGIN SET sort_buffer_size = 65536; RETURN 1; END",
    "CREATE FUNCTION locking() RETURNS INT RETURN GET_LOCK('mine', 0)",
    "CREATE PROCEDURE p() BEGIN SET sort_buffer_size = 65536; END",
    "CREATE PROCEDURE making() BEGIN CREATE TEMPORARY TABLE mine (a INT); END",
    "CREATE PROCEDURE beginning() BEGIN START TRANSACTION; INSERT INTO t VALUES (1); END",
    "CREATE OR REPLACE TABLE watched (a INT DEFAULT 1)",
    "CREATE TRIGGER watching BEFORE INSERT ON watched FOR EACH ROW SET @mine = 7",
    "CREATE OR REPLACE TABLE timed (a INT DEFAULT 1)",
    "CREATE TRIGGER timing BEFORE INSERT ON timed FOR EACH ROW SET sort_buffer_size = 65536",
    "CREATE OR REPLACE VIEW assigning AS SELECT f() AS a",
    "CREATE OR REPLACE VIEW resizing AS SELECT setting() AS a",
};

const std::vector<Change> hidden = {
    {"a function", {"SELECT f()"}, variable, "NULL"},
    {"a function by its database", {"SELECT trunkline.f()"}, zone, "+00:00"},
    {"a function in quotes", {"SELECT `f`()"}, zone, "+00:00"},
    {"a function with a space", {"SELECT f ()"}, zone, "+00:00"},
    {"a function in WHERE", {"SELECT 1 WHERE f() = 2"}, zone, "+00:00"},
    {"a function in an INSERT", {"INSERT INTO t VALUES (f())", "DELETE FROM t"}, zone, "+00:00"},
    {"a function in SET STATEMENT", {"SET STATEMENT max_statement_time = 7 FOR SELECT f()"}, variable, "NULL"},
    {"a function in EXECUTE IMMEDIATE", {"EXECUTE IMMEDIATE 'SELECT f()'"}, variable, "NULL"},
    {"a function that EXPLAIN runs",
     {"EXPLAIN SELECT * FROM (SELECT f() AS a LIMIT 1) x WHERE a = 1"},
     variable,
     "NULL"},
    {"a function that ANALYZE runs", {"ANALYZE SELECT f()"}, variable, "NULL"},
    {"a function in SHOW", {"SHOW TABLES WHERE f() = 1"}, variable, "NULL"},
    {"a function that locks", {"SELECT locking()"}, lock, "0"},
    {"a procedure", {"CALL p()"}, sort_buffer, sort_baseline},
    {"a procedure that makes a table", {"CALL making()"}, mine, "error"},
    {"a procedure that begins a transaction", {"CALL beginning()"}, in_transaction, "0"},
    {"a block", {"BEGIN NOT ATOMIC SET @mine = 7; END"}, variable, "NULL"},
    {"a statement by EXECUTE",
     {"PREPARE p FROM 'SET sort_buffer_size = 65536'", "EXECUTE p"},
     sort_buffer,
     sort_baseline},
    {"EXECUTE IMMEDIATE", {"EXECUTE IMMEDIATE 'SET sort_buffer_size = 65536'"}, sort_buffer, sort_baseline},
    {"a trigger that sets a variable", {"INSERT INTO watched VALUES (1)"}, variable, "NULL"},
    {"a trigger that changes a setting", {"INSERT INTO timed VALUES (1)"}, sort_buffer, sort_baseline},
    {"a view", {"SELECT * FROM assigning"}, variable, "NULL"},
    {"a view that changes a setting", {"SELECT * FROM resizing"}, sort_buffer, sort_baseline},
};

}  // namespace

TEST_CASE("what a borrower changes of a session, the next one does not see") { check_changes(tables, changes); }

TEST_CASE("what is changed by code that the statement only calls, the next borrower does not see either") {
  check_changes(routines, hidden);
}

TEST_CASE("a changed session is put back, not closed") {
  check_kept("SET sort_buffer_size = 65536", "SELECT CONNECTION_ID()");
  check_kept("USE hygiene", "SELECT CONNECTION_ID()");
}

TEST_CASE("plain statements leave a session unchanged") {
  check_plain(tables, {
                          "SELECT 1",
                          "SELECT count(*), UPPER('a'), NOW(), DATE_FORMAT(NOW(), '%Y'), @mine, @@version FROM t",
                          "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)",
                          "REPLACE INTO t VALUES (1)",
                          "INSERT INTO counted VALUES () RETURNING a",
                          "UPDATE t SET a = a + 1 WHERE a = 1",
                          "SELECT * FROM t FOR UPDATE",
                          "SELECT * FROM t LOCK IN SHARE MODE",
                          "WITH x AS (SELECT 1 AS b) SELECT * FROM x JOIN t ON a = b",
                          "DELETE FROM t",
                          "CREATE TABLE other (a INT, KEY (a))",
                          "ALTER TABLE other ADD COLUMN b TEXT",
                          "CREATE OR REPLACE VIEW v AS SELECT * FROM other",
                          "TRUNCATE TABLE other",
                          "DROP VIEW v",
                          "DROP TABLE other",
                          "SHOW TABLES",
                          "DESCRIBE t",
                          "EXPLAIN SELECT * FROM t WHERE a = ABS(1)",
                          "BEGIN",
                          "SAVEPOINT s",
                          "ROLLBACK TO s",
                          "COMMIT",
                          "START TRANSACTION READ ONLY",
                          "ROLLBACK",
                      });
}

}  // namespace tl::validation
