/* Rows into columns of a table. */
#include "capi_fixture.h"

#include <pthread.h>
#include <string.h>

/* `columns` first, then the values of the rows. */
static tl_status try_load(tl_conn* conn, const char* table, const struct deck* deck, size_t columns,
                          const tl_call* call, tl_result** out, tl_error** err) {
  const size_t rows = columns == 0 ? 0 : deck->n / columns - 1;
  return tl_load(conn, WHOLE(table), deck->values, columns, deck->values + columns, rows, deck->arena, deck->used, call,
                 out, err);
}

/* Must succeed; how many rows there are more. */
static int64_t load(tl_conn* conn, const char* table, const struct deck* deck, size_t columns) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  OK(try_load(conn, table, deck, columns, NULL, &result, &err));
  REQUIRE(result != NULL);
  CHECK_INT(tl_result_columns(result), 0);
  const int64_t affected = tl_result_affected(result);
  tl_result_release(result);
  return affected;
}

static struct deck things(void) {
  struct deck deck = {0};
  put_text(&deck, "id");
  put_text(&deck, "name");
  return deck;
}

void test_rows_are_loaded(void) {
  struct desk desk;
  struct deck deck = things();
  tl_result* result = NULL;
  tl_error* err = NULL;
  put_thing(&deck, 1, "it's \"one\"\t\\N\n\\.");
  put_thing(&deck, 2, "");
  put_thing(&deck, 3, "\\N");
  open_desk(&desk);
  CHECK_INT(load(desk.db, "things", &deck, 2), 3);
  CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM things WHERE id = 2 AND name = ''"), 1);
  CHECK_INT(ask_int(desk.db, "SELECT length(name) FROM things WHERE id = 1"), 16);
  CHECK_INT(ask_int(desk.db, "SELECT length(name) FROM things WHERE id = 3"), 2);
  OK(tl_load(desk.db, WHOLE("things"), deck.values, 2, NULL, 0, deck.arena, deck.used, NULL, &result, &err));
  CHECK_INT(tl_result_affected(result), 0);
  tl_result_release(result);
  struct deck amounts = {0};
  put_text(&amounts, "name");
  put_text(&amounts, "amount");
  put_text(&amounts, "four");
  put_null(&amounts);
  if (on_sqlite()) { /* which numbers them itself */
    CHECK_INT(load(desk.db, "things", &amounts, 2), 1);
  } else {
    EXPECT(TL_E_NOT_NULL, try_load(desk.db, "things", &amounts, 2, NULL, &result, &err));
  }
  close_desk(&desk);
}

void test_all_rows_are_loaded_or_none(void) {
  struct desk desk;
  struct deck deck = things(), bad = things();
  tl_conn *pinned = NULL, *tx = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  put_thing(&deck, 1, "one");
  put_thing(&bad, 2, "two");
  put_thing(&bad, 3, "three");
  put_thing(&bad, 4, "one");
  CHECK_INT(load(desk.db, "things", &deck, 2), 1);
  for (int pins = 0; pins <= 1; ++pins) {
    if (pins) OK(tl_pin(desk.db, NULL, &pinned, &err));
    tl_conn* const handle = pins ? pinned : desk.db;
    CHECK_STATUS(try_load(handle, "things", &bad, 2, NULL, &result, &err), TL_E_UNIQUE);
    REQUIRE(err != NULL);
    CHECK_TEXT(detail_of(err, "row"), "3");
    CHECK(tl_error_outcome(err) == TL_ROLLED_BACK || tl_error_outcome(err) == TL_REFUSED);
    tl_error_release(err);
    err = NULL;
    CHECK_INT(count_things(handle), 1);
  }
  OK(tl_begin(pinned, 0, NULL, &tx, &err));
  bad.n -= 2;
  CHECK_INT(load(tx, "things", &bad, 2), 2);
  CHECK_INT(count_things(tx), 3);
  EXPECT(TL_E_UNIQUE, try_load(tx, "things", &bad, 2, NULL, &result, &err));
  EXPECT(on_sqlite() ? TL_OK : TL_E_STATEMENT, tl_commit(tx, NULL, &err));
  CHECK(result == NULL);
  tl_conn_release(tx);
  tl_conn_release(pinned);
  CHECK_INT(count_things(desk.db), on_sqlite() ? 3 : 1);
  close_desk(&desk);
}

/* Names go in letter for letter, and only a dot outside of quotes means anything. */
void test_names_that_need_quotes(void) {
  static const struct {
    const char *quoted, *loaded;
  } tables[] = {
      {"\"Odd things\"", "Odd things"},
      {"\"od\"\"d\"", "od\"d"},
      {"\"select\"", "select"},
      {"\"a.b\"\"c\"", "\"a.b\"\"c\""},
      {"\"?\"", "?"},
      {"\":x $1 -- /*\"", ":x $1 -- /*"},
      {"\"x'; DROP TABLE things; --\"", "x'; DROP TABLE things; --"},
      {"\"x\"\" (a) VALUES (1); DROP TABLE things; --\"", "x\" (a) VALUES (1); DROP TABLE things; --"},
  };
  static const char* columns[] = {"Id", "a\"b", "x.y", "order",
                                  "?",  ":n",   "$1",  "a) VALUES (1); DROP TABLE things; --"};
  struct desk desk;
  struct deck deck = {0};
  char sql[512];
  for (size_t i = 0; i < 8; ++i) put_text(&deck, columns[i]);
  for (int64_t i = 0; i < 16; ++i) put_int(&deck, i);
  open_desk(&desk);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; ++i) {
    run(desk.db, strcat(strcpy(sql, "DROP TABLE IF EXISTS "), tables[i].quoted));
    strcat(strcpy(sql, "CREATE TABLE "), tables[i].quoted);
    run(desk.db, strcat(sql,
                        " (\"Id\" int, \"a\"\"b\" int, \"x.y\" int, \"order\" int, \"?\" int, \":n\" int, \"$1\" int, "
                        "\"a) VALUES (1); DROP TABLE things; --\" int)"));
    CHECK_INT(load(desk.db, tables[i].loaded, &deck, 8), 2);
    strcat(strcpy(sql, "SELECT \"$1\" + \"a\"\"b\" + \"x.y\" FROM "), tables[i].quoted);
    CHECK_INT(ask_int(desk.db, strcat(sql, " WHERE \"Id\" = 8")), 14 + 9 + 10);
    run(desk.db, strcat(strcpy(sql, "DROP TABLE "), tables[i].quoted));
  }
  CHECK_INT(count_things(desk.db), 0);
  close_desk(&desk);
}

void test_tables_of_a_schema(void) {
  struct desk desk;
  struct deck deck = things();
  put_thing(&deck, 1, "one");
  open_desk(&desk);
  CHECK_INT(load(desk.db, on_sqlite() ? "main.things" : "public.things", &deck, 2), 1);
  CHECK_INT(count_things(desk.db), 1);
  if (!on_sqlite()) {
    run(desk.db, "DROP SCHEMA IF EXISTS \"Sch.ema\" CASCADE");
    run(desk.db, "CREATE SCHEMA \"Sch.ema\"");
    run(desk.db, "CREATE TABLE \"Sch.ema\".\"Things\" (id int, name text)");
    CHECK_INT(load(desk.db, "\"Sch.ema\".Things", &deck, 2), 1);
    CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM \"Sch.ema\".\"Things\""), 1);
    run(desk.db, "DROP SCHEMA \"Sch.ema\" CASCADE");
  }
  close_desk(&desk);
}

void test_names_that_are_not_there(void) {
  static const char* tables[] = {"no_such_table", "no_such_schema.things", "things\"; DROP TABLE things; --",
                                 "things (id) VALUES (1); --"};
  static const char* columns[] = {"no_such_column", "id\") VALUES (1); DROP TABLE things; --", "\"id\"", "id, name"};
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  for (size_t i = 0; i < 4; ++i) {
    struct deck deck = things(), strange = {0};
    put_thing(&deck, 1, "one");
    EXPECT(TL_E_STATEMENT, try_load(desk.db, tables[i], &deck, 2, NULL, &result, &err));
    put_text(&strange, columns[i]);
    put_int(&strange, 1);
    EXPECT(TL_E_STATEMENT, try_load(desk.db, "things", &strange, 1, NULL, &result, &err));
  }
  CHECK(result == NULL);
  CHECK_INT(count_things(desk.db), 0);
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  close_desk(&desk);
}

void test_malformed_names(void) {
  static const char* tables[] = {"",         ".things",     "things.", "main..things",
                                 "\"things", "\"things\"x", "\"\"",    "th\xffings"};
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct deck deck = things();
  put_thing(&deck, 1, "one");
  open_desk(&desk);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; ++i) {
    const tl_status status = try_load(desk.db, tables[i], &deck, 2, NULL, &result, &err);
    if (err != NULL) CHECK_TEXT(tl_error_connection(err), "db");
    checked_status(status, TL_E_MISUSE, err, tables[i], __FILE__, __LINE__);
    err = NULL;
  }
  EXPECT(TL_E_MISUSE, tl_load(desk.db, "thi\0ngs", 7, deck.values, 2, deck.values + 2, 1, deck.arena, deck.used, NULL,
                              &result, &err));
  const struct {
    const char* name;
    size_t length;
  } columns[] = {{"", 0}, {"i\0d", 3}, {"\xff", 1}};
  for (size_t i = 0; i < 3; ++i) {
    struct deck bad = {0};
    put_bytes(&bad, TL_TEXT, columns[i].name, columns[i].length);
    put_int(&bad, 1);
    EXPECT(TL_E_MISUSE, try_load(desk.db, "things", &bad, 1, NULL, &result, &err));
  }
  const int types[] = {TL_NULL, TL_INT64, TL_BYTES, TL_NAME, TL_JSON};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; ++i) {
    struct deck bad = {0};
    put_text(&bad, "id");
    put_bytes(&bad, types[i], "name", 4);
    if (types[i] == TL_NULL || types[i] == TL_INT64) bad.values[1].length = 0;
    put_thing(&bad, 1, "one");
    EXPECT(TL_E_MISUSE, try_load(desk.db, "things", &bad, 2, NULL, &result, &err));
  }
  CHECK(result == NULL);
  CHECK_INT(count_things(desk.db), 0);
  close_desk(&desk);
}

void test_malformed_loads(void) {
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct deck deck = things();
  put_thing(&deck, 1, "one");
  put_thing(&deck, 2, "two");
  open_desk(&desk);
  tl_conn* db = desk.db;
  const tl_value *columns = deck.values, *values = deck.values + 2;
  const char* arena = deck.arena;
  const size_t size = deck.used;
  EXPECT(TL_E_MISUSE, tl_load(NULL, WHOLE("things"), columns, 2, values, 2, arena, size, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_load(db, NULL, 6, columns, 2, values, 2, arena, size, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_load(db, WHOLE("things"), NULL, 2, values, 2, arena, size, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_load(db, WHOLE("things"), columns, 2, NULL, 2, arena, size, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_load(db, WHOLE("things"), columns, 2, values, 2, NULL, size, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_load(db, WHOLE("things"), columns, 2, values, 2, arena, size, NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_load(db, WHOLE("things"), NULL, 0, NULL, 0, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_load(db, WHOLE("things"), NULL, 0, NULL, 2, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE,
         tl_load(db, WHOLE("things"), columns, 2, values, SIZE_MAX / 32 + 1, arena, size, NULL, &result, &err));
  CHECK_STATUS(tl_load(db, WHOLE("things"), columns, 2, values, 2, arena, size - 1, NULL, &result, &err), TL_E_MISUSE);
  CHECK(strstr(tl_error_message(err), "row 2, value 2") != NULL);
  tl_error_release(err);
  err = NULL;
  struct deck named = {0};
  put_text(&named, "id");
  put_text(&named, "name");
  put_name(&named, "id");
  put_int(&named, 1);
  EXPECT(TL_E_MISUSE, try_load(db, "things", &named, 2, NULL, &result, &err));
  tl_call call = call_with(TL_CALL_WRITE);
  EXPECT(TL_E_MISUSE, try_load(db, "things", &deck, 2, &call, &result, &err));
  CHECK(result == NULL);
  CHECK_INT(count_things(db), 0);
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  close_desk(&desk);
}

/* A table whose third row does not end by itself. */
static void make_slow(tl_conn* db) {
  run(db, "DROP TABLE IF EXISTS slow");
  run(db, "CREATE TABLE slow (id INTEGER)");
  if (on_sqlite()) {
    run(db,
        "CREATE VIEW IF NOT EXISTS forever AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT count(*) AS c FROM n");
    run(db, "CREATE TRIGGER slowly BEFORE INSERT ON slow WHEN new.id = 3 BEGIN SELECT c FROM forever; END");
  } else {
    run(db,
        "CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF new.id = 3 THEN PERFORM pg_sleep(600); END IF; RETURN new; END'");
    run(db, "CREATE TRIGGER slowly BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION slowly()");
  }
}

void test_a_load_is_stopped(void) {
  struct desk desk;
  struct deck deck = {0};
  tl_result* result = NULL;
  tl_error* err = NULL;
  pthread_t thread;
  tl_call call = call_with(0);
  put_text(&deck, "id");
  for (int64_t i = 1; i <= 5; ++i) put_int(&deck, i);
  open_desk(&desk);
  make_slow(desk.db);
  call.timeout_ms = 100;
  EXPECT(TL_E_STATEMENT_TIMEOUT, try_load(desk.db, "slow", &deck, 1, &call, &result, &err));
  CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM slow"), 0);
  call.timeout_ms = 0;
  call.op = tl_op_new(desk.registry);
  struct cancelling what = {desk.registry, "db", call.op};
  REQUIRE(pthread_create(&thread, NULL, cancel_it, &what) == 0);
  EXPECT(TL_E_CANCELLED, try_load(desk.db, "slow", &deck, 1, &call, &result, &err));
  CHECK_INT(pthread_join(thread, NULL), 0);
  CHECK(result == NULL);
  CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM slow"), 0);
  run(desk.db, "DROP TABLE slow");
  close_desk(&desk);
}
