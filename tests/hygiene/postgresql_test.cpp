// PostgreSQL: a changed session is put back by what DISCARD ALL does.
#include <doctest/doctest.h>

#include "hygiene.hpp"

namespace tl::validation {
namespace {

const std::initializer_list<const char*> tables = {
    "DROP SCHEMA IF EXISTS hygiene CASCADE",
    "CREATE SCHEMA hygiene",
    "CREATE TABLE hygiene.t (a int PRIMARY KEY)",
    "CREATE SEQUENCE hygiene.s",
    "DROP ROLE IF EXISTS hygienic",
    "CREATE ROLE hygienic",
    "GRANT ALL ON SCHEMA hygiene TO hygienic",
};

constexpr const char* work_mem = "SELECT current_setting('work_mem')";
constexpr const char* own_setting = "SELECT coalesce(nullif(current_setting('app.tenant', true), ''), 'none')";
constexpr const char* advisory_locks =
    "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
constexpr const char* prepared = "SELECT count(*) FROM pg_catalog.pg_prepared_statements WHERE from_sql";
constexpr const char* cursors = "SELECT count(*) FROM pg_catalog.pg_cursors WHERE name <> ''";
constexpr const char* channels = "SELECT count(*) FROM pg_catalog.pg_listening_channels()";
constexpr const char* mine = "SELECT count(*) FROM mine";
constexpr const char* in_transaction = "SELECT count(*) FROM hygiene.t";

const std::vector<Change> changes = {
    {"SET", {"SET work_mem = '7MB'"}, work_mem, "4MB"},
    {"SET SESSION", {"SET SESSION work_mem = '7MB'"}, work_mem, "4MB"},
    {"SET in a transaction", {"BEGIN", "SET work_mem = '7MB'", "COMMIT"}, work_mem, "4MB"},
    {"SET LOCAL in an open transaction", {"BEGIN", "SET LOCAL work_mem = '7MB'"}, work_mem, "4MB"},
    {"SET among other statements", {"SELECT 1; SET work_mem = '7MB'; SELECT 2"}, work_mem, "4MB"},
    {"set_config()", {"SELECT set_config('work_mem', '7MB', false)"}, work_mem, "4MB"},
    {"set_config() by its schema", {"SELECT pg_catalog.set_config('work_mem', '7MB', false)"}, work_mem, "4MB"},
    {"set_config() in quotes", {"SELECT \"set_config\"('work_mem', '7MB', false)"}, work_mem, "4MB"},
    {"set_config() in a WITH",
     {"WITH x AS (SELECT set_config('work_mem', '7MB', false)) SELECT * FROM x"},
     work_mem,
     "4MB"},
    {"set_config() in FROM", {"SELECT * FROM set_config('work_mem', '7MB', false) AS x"}, work_mem, "4MB"},
    {"set_config() in VALUES", {"VALUES (set_config('work_mem', '7MB', false))"}, work_mem, "4MB"},
    {"UPDATE of pg_settings", {"UPDATE pg_settings SET setting = '7168' WHERE name = 'work_mem'"}, work_mem, "4MB"},
    {"a setting of one's own", {"SET app.tenant = 'theirs'"}, own_setting, "none"},
    {"search_path", {"SET search_path = hygiene"}, "SHOW search_path", "\"$user\", public"},
    {"SET SCHEMA", {"SET SCHEMA 'hygiene'"}, "SHOW search_path", "\"$user\", public"},
    {"statement_timeout", {"SET statement_timeout = 77777"}, "SHOW statement_timeout", "0"},
    {"lock_timeout", {"SET lock_timeout = 77777"}, "SHOW lock_timeout", "0"},
    {"TIME ZONE", {"SET TIME ZONE 'Asia/Tokyo'"}, "SHOW TimeZone", "UTC"},
    {"DateStyle", {"SET DateStyle = 'German'"}, "SHOW DateStyle", "ISO, MDY"},
    {"bytea_output", {"SET bytea_output = 'escape'"}, "SHOW bytea_output", "hex"},
    {"SEED", {"SET work_mem = '7MB'", "SELECT setseed(0.5)"}, work_mem, "4MB"},
    {"session_replication_role", {"SET session_replication_role = replica"}, "SHOW session_replication_role", "origin"},
    {"isolation of all transactions",
     {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
     "SHOW transaction_isolation",
     "read committed"},
    {"all transactions read-only", {"SET default_transaction_read_only = on"}, "SHOW transaction_read_only", "off"},
    {"isolation of an open transaction",
     {"BEGIN", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
     "SHOW transaction_isolation",
     "read committed"},
    {"SET ROLE", {"SET ROLE hygienic"}, "SELECT current_user = session_user", "true"},
    {"SET SESSION AUTHORIZATION", {"SET SESSION AUTHORIZATION hygienic"}, "SELECT current_user = 'hygienic'", "false"},
    {"a temporary table", {"CREATE TEMP TABLE mine (a int)"}, mine, "error"},
    {"one in pg_temp", {"CREATE TABLE pg_temp.mine (a int)"}, mine, "error"},
    {"one in pg_temp in quotes", {"CREATE TABLE \"pg_temp\".mine (a int)"}, mine, "error"},
    {"one of rows", {"CREATE TEMPORARY TABLE mine AS SELECT 1"}, mine, "error"},
    {"SELECT INTO TEMP", {"SELECT 1 AS a INTO TEMP mine"}, mine, "error"},
    {"SELECT INTO pg_temp in quotes", {"SELECT 1 AS a INTO \"pg_temp\".mine"}, mine, "error"},
    {"a temporary view", {"CREATE TEMP VIEW mine AS SELECT 1"}, mine, "error"},
    {"a view in pg_temp in quotes", {"CREATE VIEW \"pg_temp\".mine AS SELECT 1"}, mine, "error"},
    {"a temporary sequence", {"CREATE TEMP SEQUENCE mine"}, mine, "error"},
    {"a temporary type", {"CREATE TYPE pg_temp.mine AS ENUM ('a')"}, "SELECT 'a'::pg_temp.mine", "error"},
    {"a temporary function",
     {"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"},
     "SELECT pg_temp.f()",
     "error"},
    {"LISTEN", {"LISTEN gossip"}, channels, "0"},
    {"PREPARE", {"PREPARE mine AS SELECT 1"}, prepared, "0"},
    {"PREPARE among other statements", {"SELECT 1; PREPARE mine AS SELECT 1"}, prepared, "0"},
    {"a cursor WITH HOLD", {"DECLARE mine CURSOR WITH HOLD FOR SELECT 1"}, cursors, "0"},
    {"a cursor", {"BEGIN", "DECLARE mine CURSOR FOR SELECT 1"}, cursors, "0"},
    {"an advisory lock", {"SELECT pg_advisory_lock(7)"}, advisory_locks, "0"},
    {"a shared advisory lock", {"SELECT pg_try_advisory_lock_shared(7, 8)"}, advisory_locks, "0"},
    {"an advisory lock of an open transaction", {"BEGIN", "SELECT pg_advisory_xact_lock(7)"}, advisory_locks, "0"},
    {"LOCK TABLE",
     {"BEGIN", "LOCK TABLE hygiene.t"},
     "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND pid = pg_backend_pid()",
     "0"},
    {"a sequence's value", {"SELECT nextval('hygiene.s')"}, "SELECT currval('hygiene.s') > 0", "error"},
    {"the last value of any sequence", {"SELECT nextval('hygiene.s')"}, "SELECT lastval() > 0", "error"},
    {"an open transaction", {"BEGIN", "INSERT INTO hygiene.t VALUES (1)"}, in_transaction, "0"},
    {"one inside another by AND CHAIN",
     {"BEGIN ISOLATION LEVEL SERIALIZABLE", "COMMIT AND CHAIN", "INSERT INTO hygiene.t VALUES (1)"},
     in_transaction,
     "0"},
    {"a transaction that has failed", {"BEGIN", "SELECT 1 / 0"}, in_transaction, "0"},
    {"a savepoint", {"BEGIN", "SAVEPOINT s", "INSERT INTO hygiene.t VALUES (1)"}, in_transaction, "0"},
    {"DISCARD, with settings", {"SET work_mem = '7MB'; DISCARD PLANS"}, work_mem, "4MB"},
    {"RESET of what the connection was opened with",
     {"SET DateStyle = 'German'; RESET ALL; SET DateStyle = 'SQL'"},
     "SHOW DateStyle",
     "ISO, MDY"},
    {"LOAD, with its settings",
     {"LOAD 'auto_explain'", "SET auto_explain.log_min_duration = 7"},
     "SELECT coalesce(nullif(current_setting('auto_explain.log_min_duration', true), '-1'), 'none')",
     "none"},
};

const std::initializer_list<const char*> routines = {
    "CREATE FUNCTION hygiene.f() RETURNS int LANGUAGE plpgsql AS "
    "$$ BEGIN SET work_mem = '7MB'; RETURN 1; END $$",
    "CREATE FUNCTION hygiene.pure() RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
    "$$ BEGIN PERFORM set_config('work_mem', '7MB', false); RETURN 1; END $$",
    "CREATE FUNCTION hygiene.listening() RETURNS int LANGUAGE plpgsql AS "
    "$$ BEGIN EXECUTE 'LISTEN gossip'; RETURN 1; END $$",
    "CREATE FUNCTION hygiene.locking() RETURNS int LANGUAGE sql AS $$ SELECT pg_advisory_lock(7); SELECT 1 $$",
    "CREATE FUNCTION hygiene.making() RETURNS int LANGUAGE plpgsql AS "
    "$$ BEGIN CREATE TEMP TABLE mine (a int); RETURN 1; END $$",
    "CREATE PROCEDURE hygiene.p() LANGUAGE plpgsql AS $$ BEGIN SET work_mem = '7MB'; END $$",
};

const std::vector<Change> hidden = {
    {"a function", {"SELECT hygiene.f()"}, work_mem, "4MB"},
    {"a function in FROM", {"SELECT * FROM hygiene.f()"}, work_mem, "4MB"},
    {"a function of a subquery", {"SELECT (SELECT hygiene.f())"}, work_mem, "4MB"},
    {"a function in RETURNING",
     {"INSERT INTO hygiene.t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1 "
      "RETURNING hygiene.f()",
      "DELETE FROM hygiene.t"},
     work_mem,
     "4MB"},
    {"a function that EXPLAIN runs", {"EXPLAIN SELECT hygiene.pure()"}, work_mem, "4MB"},
    {"a function that EXPLAIN ANALYZE runs", {"EXPLAIN (ANALYZE) SELECT hygiene.f()"}, work_mem, "4MB"},
    {"a function that listens", {"SELECT hygiene.listening()"}, channels, "0"},
    {"a function that locks", {"SELECT hygiene.locking()"}, advisory_locks, "0"},
    {"a function that makes a table", {"SELECT hygiene.making()"}, mine, "error"},
    {"a function by EXECUTE", {"PREPARE p AS SELECT hygiene.f()", "EXECUTE p"}, work_mem, "4MB"},
    {"a function behind CREATE TABLE AS EXECUTE",
     {"PREPARE p AS SELECT hygiene.f() AS a", "CREATE TABLE hygiene.made AS EXECUTE p", "DROP TABLE hygiene.made"},
     work_mem,
     "4MB"},
    {"a function behind CREATE TABLE AS",
     {"BEGIN", "CREATE TABLE hygiene.made AS SELECT hygiene.f() AS a", "COMMIT", "DROP TABLE hygiene.made"},
     work_mem,
     "4MB"},
    {"a function behind CALL", {"CALL hygiene.p()"}, work_mem, "4MB"},
    {"DO", {"DO $$ BEGIN SET work_mem = '7MB'; END $$"}, work_mem, "4MB"},
    {"EXECUTE in DO", {"DO $$ BEGIN EXECUTE 'SET work_mem = ' || quote_literal('7MB'); END $$"}, work_mem, "4MB"},
    {"a table in DO", {"DO $$ BEGIN CREATE TEMP TABLE mine (a int); END $$"}, mine, "error"},
    {"a cursor of a function",
     {"BEGIN", "DECLARE mine CURSOR WITH HOLD FOR SELECT hygiene.f()", "COMMIT"},
     work_mem,
     "4MB"},
    {"a function that COPY calls", {"COPY (SELECT hygiene.f()) TO '/dev/null'"}, work_mem, "4MB"},
};

}  // namespace

TEST_CASE("what a borrower changes of a session, the next one does not see") { check_changes(tables, changes); }

TEST_CASE("what is changed by code that the statement only calls, the next borrower does not see either") {
  check_changes(tables, {});
  check_changes(routines, hidden);
}

TEST_CASE("a changed session is put back, not closed") {
  check_kept("SET work_mem = '7MB'", "SELECT pg_backend_pid()");
}

TEST_CASE("plain statements leave a session unchanged") {
  check_plain(tables,
              {
                  "SELECT 1",
                  "SELECT count(*), upper('a'), now(), to_char(now(), 'YYYY') FROM hygiene.t",
                  "INSERT INTO hygiene.t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING a",
                  "UPDATE hygiene.t SET a = 2 WHERE a = 1",
                  "WITH x AS (DELETE FROM hygiene.t RETURNING a) SELECT * FROM x",
                  "SELECT * FROM hygiene.t FOR UPDATE SKIP LOCKED",
                  "MERGE INTO hygiene.t USING (SELECT 3 AS b) x ON a = b WHEN NOT MATCHED THEN INSERT VALUES (b)",
                  "DELETE FROM hygiene.t",
                  "CREATE TABLE hygiene.other (a int)",
                  "CREATE INDEX ON hygiene.other (a)",
                  "ALTER TABLE hygiene.other ADD COLUMN b text",
                  "CREATE VIEW hygiene.v AS SELECT * FROM hygiene.other",
                  "ANALYZE hygiene.other",
                  "VACUUM hygiene.other",
                  "TRUNCATE hygiene.other",
                  "DROP TABLE hygiene.other CASCADE",
                  "SHOW work_mem",
                  "EXPLAIN SELECT * FROM hygiene.t WHERE a = abs(1)",
                  "NOTIFY gossip",
                  "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
                  "SAVEPOINT s",
                  "ROLLBACK TO s",
                  "COMMIT",
              });
}

}  // namespace tl::validation
