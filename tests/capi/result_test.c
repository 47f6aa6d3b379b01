/* Result sets, batches, columns, streams. */
#include "capi_fixture.h"

#include <string.h>

void test_what_a_statement_did(void) {
  struct desk desk;
  open_desk(&desk);
  tl_result* result = ask(desk.db, "INSERT INTO things VALUES (5, 'a', 1), (6, 'b', 1)", NULL);
  CHECK_INT(tl_result_affected(result), 2);
  CHECK_INT(tl_result_last_id(result), on_sqlite() ? 6 : 0);
  CHECK_INT(tl_result_columns(result), 0);
  CHECK(strstr(tl_result_endpoint(result), on_sqlite() ? "db.sqlite" : "/") != NULL);
  tl_error* err = NULL;
  OK(tl_result_schema(result, NULL, 0, &err));
  CHECK_INT(count_rows(result), 0);
  tl_result_release(result);
  result = ask(desk.db, "UPDATE things SET amount = 2 WHERE id > 5", NULL);
  CHECK_INT(tl_result_affected(result), 1);
  tl_result_release(result);
  result = ask(desk.db, "DELETE FROM things WHERE id > 100", NULL);
  CHECK_INT(tl_result_affected(result), 0);
  tl_result_release(result);
  close_desk(&desk);
}

void test_the_schema_of_an_empty_answer(void) {
  struct desk desk;
  tl_error* err = NULL;
  tl_column columns[3];
  open_desk(&desk);
  tl_result* result = ask(desk.db, "SELECT id, name AS who, amount FROM things", NULL);
  REQUIRE(tl_result_columns(result) == 3);
  columns[0].struct_size = sizeof columns[0];
  OK(tl_result_schema(result, columns, 3, &err));
  CHECK_TEXT(columns[0].name, "id");
  CHECK_TEXT(columns[1].name, "who");
  CHECK_INT(columns[1].type, on_sqlite() ? TL_ANY : TL_TEXT);
  CHECK_TEXT(columns[1].type_name, on_sqlite() ? "TEXT" : "text");
  CHECK_INT(columns[1].type_id, on_sqlite() ? 0 : 25);
  for (size_t i = 0; i < 3; ++i) {
    CHECK_INT(columns[i].struct_size, sizeof columns[0]);
    CHECK_INT(columns[i].length, 0);
    CHECK(columns[i].data == NULL && columns[i].validity == NULL);
    CHECK(columns[i].precision >= -1 && columns[i].scale >= -1 && columns[i].nullable >= -1 &&
          columns[i].nullable <= 1);
  }
  CHECK_INT(count_rows(result), 0);
  tl_result_release(result);
  close_desk(&desk);
}

void test_batches(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_call call = call_with(0);
  struct sheet sheet;
  int64_t seen = 0, batches = 0;
  call.batch_rows = 40;
  tl_result* result = ask(db, rows_sql(100), &call);
  while (next_sheet(result, &sheet)) {
    CHECK(sheet.rows <= 40);
    for (int64_t row = 0; row < sheet.rows; ++row) {
      char text[32] = "row ";
      ++seen;
      CHECK_INT(int_at(&sheet.columns[0], row), seen);
      if (seen < 10) {
        text[4] = (char)('0' + seen);
        CHECK(text_is(&sheet.columns[1], row, text));
      }
    }
    ++batches;
    tl_batch_release(sheet.batch);
  }
  CHECK_INT(seen, 100);
  CHECK_INT(batches, 3);
  CHECK_INT(count_rows(result), 0); /* the end stays the end */
  tl_result_release(result);
  call.batch_rows = 0;
  call.batch_bytes = 64;
  result = ask(db, rows_sql(100), &call);
  REQUIRE(next_sheet(result, &sheet));
  CHECK(sheet.rows > 0 && sheet.rows < 50);
  CHECK_INT(sheet.rows + count_rows(result), 100);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_several_sets(void) {
  struct desk desk;
  tl_error* err = NULL;
  struct sheet sheet;
  open_desk(&desk);
  for (uint32_t flags = 0; flags <= TL_CALL_STREAM; flags += TL_CALL_STREAM) {
    const tl_call call = call_with(flags);
    int32_t more = 0;
    tl_result* result =
        ask(desk.db, "SELECT 1 AS first_name; DELETE FROM things; SELECT 3 AS a, 4 AS b; SELECT 5 AS c", &call);
    tl_column column;
    column.struct_size = sizeof column;
    OK(tl_result_schema(result, &column, 1, &err));
    REQUIRE(next_sheet(result, &sheet));
    CHECK_INT(int_at(&sheet.columns[0], 0), 1);
    tl_batch_release(sheet.batch);
    OK(tl_result_next_set(result, NULL, &more, &err));
    CHECK_INT(more, 1);
    CHECK_INT(tl_result_columns(result), 0);
    CHECK_INT(tl_result_affected(result), 0);
    OK(tl_result_next_set(result, NULL, &more, &err));
    CHECK_INT(tl_result_columns(result), 2);
    more = 0;
    OK(tl_result_next_set(result, NULL, &more, &err)); /* drops the row that nobody read */
    CHECK_INT(more, 1);
    CHECK_TEXT(column.name, "first_name"); /* valid until the result is released */
    REQUIRE(next_sheet(result, &sheet));
    CHECK_INT(int_at(&sheet.columns[0], 0), 5);
    CHECK_TEXT(sheet.columns[0].name, "c");
    tl_batch_release(sheet.batch);
    OK(tl_result_next_set(result, NULL, &more, &err));
    CHECK_INT(more, 0);
    OK(tl_result_next_set(result, NULL, &more, &err));
    CHECK_INT(more, 0);
    tl_result_release(result);
  }
  close_desk(&desk);
}

void test_a_stream_holds_its_session(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_call call = call_with(TL_CALL_STREAM);
  struct sheet sheet;
  call.batch_rows = 10;
  tl_result* result = ask(db, rows_sql(50), &call);
  CHECK_INT(leased_of(registry, "db"), 1);
  REQUIRE(next_sheet(result, &sheet));
  tl_batch_release(sheet.batch);
  CHECK_INT(leased_of(registry, "db"), 1);
  CHECK_INT(count_rows(result), 40);
  CHECK_INT(leased_of(registry, "db"), 0);
  tl_result_release(result);

  call.batch_rows = 1;
  result = ask(db, rows_sql(1000000), &call); /* released after one row: cancelled, and the session is of use again */
  REQUIRE(next_sheet(result, &sheet));
  tl_result_release(result);
  CHECK_INT(int_at(&sheet.columns[0], 0), 1);
  tl_batch_release(sheet.batch);
  CHECK_INT(ask_int(db, "SELECT 1"), 1);
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_a_pinned_session_is_busy_while_it_streams(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_conn* pinned = NULL;
  tl_error* err = NULL;
  tl_call call = call_with(TL_CALL_STREAM);
  call.batch_rows = 1;
  OK(tl_pin(db, NULL, &pinned, &err));
  tl_result* result = ask(pinned, rows_sql(20), &call);
  EXPECT(TL_E_BUSY, try_run(pinned, "SELECT 1", NULL, &err));
  tl_result_release(result);
  CHECK_INT(ask_int(pinned, "SELECT 1"), 1);
  tl_conn_release(pinned);
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_too_large_answers(void) {
  tl_registry* registry = open_registry("result_bytes = 4096\n"); /* of spare */
  tl_conn* spare = conn_of(registry, "spare");
  tl_error* err = NULL;
  const tl_call call = call_with(TL_CALL_STREAM);
  EXPECT(TL_E_TOO_LARGE, try_run(spare, rows_sql(10000), NULL, &err));
  tl_result* result = ask(spare, rows_sql(10000), &call);
  CHECK_INT(count_rows(result), 10000);
  tl_result_release(result);
  tl_conn_release(spare);
  tl_registry_release(registry);
}

/* A column whose values are of several types, as only SQLite has them. */
void test_columns_of_any_type(void) {
  if (!on_sqlite()) return;
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_result* result =
      ask(db,
          "SELECT 1 AS a, 2 AS b, NULL AS c UNION ALL SELECT 'text', 3, NULL UNION ALL SELECT NULL, NULL, NULL "
          "UNION ALL SELECT x'00FF', 4, NULL UNION ALL SELECT 1.5, 5, NULL",
          NULL);
  struct sheet sheet;
  static const uint8_t tags[] = {TL_INT64, TL_TEXT, TL_NULL, TL_BYTES, TL_FLOAT64};
  size_t length = 0;
  REQUIRE(next_sheet(result, &sheet));
  const tl_column* a = &sheet.columns[0];
  CHECK_INT(a->type, TL_ANY);
  CHECK_INT(memcmp(a->tags, tags, sizeof tags), 0);
  CHECK_INT(a->uniform, TL_ANY);
  CHECK_INT(a->null_count, 1);
  CHECK_INT(a->heap_len, 6);
  CHECK_INT(a->data_len, 40);
  CHECK_INT(int_at(a, 0), 1);
  CHECK(text_is(a, 1, "text"));
  CHECK(is_null(a, 2));
  CHECK(memcmp(bytes_at(a, 3, &length), "\0\xFF", 2) == 0 && length == 2);
  CHECK(float_at(a, 4) == 1.5);
  CHECK_INT(sheet.columns[1].uniform, TL_INT64);
  CHECK_INT(sheet.columns[2].uniform, TL_NULL);
  CHECK_INT(sheet.columns[2].null_count, 5);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  tl_conn_release(db);
  tl_registry_release(registry);
}

/* A column of lists, as only PostgreSQL has them. */
void test_columns_of_lists(void) {
  if (on_sqlite()) return;
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_result* result = ask(db,
                          "SELECT 7 AS n, '{1,NULL,3}'::bigint[] AS l, '{}'::text[] AS t "
                          "UNION ALL SELECT 8, NULL, '{x,\"\"}' UNION ALL SELECT 9, '{4}', '{yz}' ORDER BY n",
                          NULL);
  tl_column columns[3];
  tl_error* err = NULL;
  struct sheet sheet;
  columns[0].struct_size = sizeof columns[0];
  OK(tl_result_schema(result, columns, 3, &err));
  CHECK_INT(columns[1].type, TL_LIST);
  REQUIRE(columns[1].n_children == 1 && columns[2].n_children == 1 && columns[0].n_children == 0);
  CHECK_INT(columns[1].children[0].type, TL_INT64);
  CHECK_INT(columns[2].children[0].type, TL_TEXT);
  CHECK_INT(columns[2].children[0].length, 0);
  REQUIRE(next_sheet(result, &sheet));
  const tl_column* list = &sheet.columns[1];
  REQUIRE(list->n_children == 1);
  CHECK_INT(list->offsets[0], 0);
  CHECK_INT(list->offsets[1], 3);
  CHECK_INT(list->offsets[2], 3);
  CHECK_INT(list->offsets[3], 4);
  CHECK(is_null(list, 1) && is_null(&list->children[0], 1));
  CHECK_INT(int_at(&list->children[0], 2), 3);
  CHECK_INT(int_at(&list->children[0], 3), 4);
  CHECK(text_is(&sheet.columns[2].children[0], 1, ""));
  CHECK(text_is(&sheet.columns[2].children[0], 2, "yz"));
  CHECK_TEXT(columns[2].children[0].type_name, sheet.columns[2].children[0].type_name);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  tl_conn_release(db);
  tl_registry_release(registry);
}
