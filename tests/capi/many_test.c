/* One statement for many rows of values. */
#include "capi_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void test_rows_take_effect_together(void) {
  struct desk desk;
  struct deck deck = {0}, again = {0};
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  put_thing(&deck, 1, "one");
  put_thing(&deck, 2, "");
  CHECK_INT(run_many(desk.db, insert_thing, &deck, 2), 2);
  CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM things WHERE name IN ('one', '')"), 2);
  put_thing(&again, 3, "three");
  put_thing(&again, 4, "one");
  put_thing(&again, 5, "five");
  CHECK_STATUS(try_many(desk.db, insert_thing, &again, 3, NULL, &result, &err), TL_E_UNIQUE);
  REQUIRE(err != NULL);
  CHECK(result == NULL);
  CHECK_TEXT(detail_of(err, "row"), "2");
  CHECK(strncmp(tl_error_message(err), "row 2: ", 7) == 0);
  CHECK_INT(tl_error_outcome(err), TL_ROLLED_BACK);
  CHECK_TEXT(tl_error_connection(err), "db");
  CHECK_TEXT(tl_error_phase(err), "receive");
  tl_error_release(err);
  CHECK_INT(count_things(desk.db), 2);
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  close_desk(&desk);
}

void test_what_each_row_has_changed(void) {
  struct desk desk;
  struct deck deck = {0};
  struct sheet sheet;
  tl_column column;
  tl_result* result = NULL;
  tl_error* err = NULL;
  int32_t more = 7;
  open_desk(&desk);
  run(desk.db, "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1)");
  const int64_t until[] = {0, 2, 3};
  for (size_t i = 0; i < 3; ++i) put_int(&deck, until[i]);
  OK(try_many(desk.db, "UPDATE things SET amount = amount + 1 WHERE id <= ?", &deck, 3, NULL, &result, &err));
  REQUIRE(result != NULL);
  CHECK_INT(tl_result_affected(result), 5);
  CHECK_INT(tl_result_last_id(result), 0);
  CHECK(tl_result_endpoint(result)[0] != '\0');
  REQUIRE(tl_result_columns(result) == 1);
  column.struct_size = sizeof column;
  OK(tl_result_schema(result, &column, 1, &err));
  CHECK_TEXT(column.name, "affected");
  CHECK_INT(column.type, TL_INT64);
  REQUIRE(next_sheet(result, &sheet));
  CHECK_INT(sheet.rows, 3);
  for (int64_t i = 0; i < 3; ++i) CHECK_INT(int_at(&sheet.columns[0], i), until[i]);
  tl_batch_release(sheet.batch);
  CHECK(!next_sheet(result, &sheet));
  OK(tl_result_next_set(result, NULL, &more, &err));
  CHECK_INT(more, 0);
  tl_result_release(result);
  CHECK_INT(ask_int(desk.db, "SELECT sum(amount) FROM things"), 8);
  close_desk(&desk);
}

void test_rows_that_the_statement_gives_are_dropped(void) {
  struct desk desk;
  struct deck deck = {0};
  struct sheet sheet;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  put_thing(&deck, 1, "one");
  put_thing(&deck, 2, "two");
  OK(try_many(desk.db, "INSERT INTO things (id, name) VALUES (?, ?) RETURNING id, name", &deck, 2, NULL, &result,
              &err));
  REQUIRE(result != NULL && tl_result_columns(result) == 1);
  CHECK_INT(tl_result_affected(result), 2);
  REQUIRE(next_sheet(result, &sheet));
  CHECK_INT(sheet.rows, 2);
  CHECK_INT(int_at(&sheet.columns[0], 1), 1);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  CHECK_INT(count_things(desk.db), 2);
  struct deck asked = {0};
  put_int(&asked, 1);
  put_int(&asked, 2);
  run_many(desk.db, "SELECT name FROM things WHERE id >= ?", &asked, 2);
  close_desk(&desk);
}

/* However large all of them are: each row costs what it costs. */
void test_many_rows_that_give_rows(void) {
  enum { rows = 100000, size = 200 };
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  tl_call call = call_with(0);
  char* arena = malloc((size_t)rows * size);
  tl_value* values = calloc(2 * (size_t)rows, sizeof *values);
  REQUIRE(arena != NULL && values != NULL);
  memset(arena, 'x', (size_t)rows * size);
  for (size_t i = 0; i < rows; ++i) {
    values[2 * i].type = TL_INT64;
    values[2 * i].v.i64 = (int64_t)i;
    values[2 * i + 1].type = TL_TEXT;
    values[2 * i + 1].length = size;
    values[2 * i + 1].v.offset = i * size;
    for (size_t n = i, at = i * size; n != 0; n /= 10) arena[at++] = (char)('0' + n % 10);
  }
  open_desk(&desk);
  OK(tl_registry_connect(desk.registry, NULL, 0, NULL, &err));
  call.timeout_ms = 20000;
  OK(tl_execute_many(desk.db, WHOLE("INSERT INTO things (id, name) VALUES (?, ?) RETURNING id"), values, 2, rows, arena,
                     (size_t)rows * size, &call, &result, &err));
  CHECK_INT(count_rows(result), rows);
  tl_result_release(result);
  CHECK_INT(count_things(desk.db), rows);
  free(values);
  free(arena);
  close_desk(&desk);
}

void test_rows_of_named_values(void) {
  static const char sql[] = "INSERT INTO things (id, name, amount) VALUES (:id, :name, :id)";
  struct desk desk;
  struct deck deck = {0};
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  put_name(&deck, "id");
  put_int(&deck, 1);
  put_name(&deck, "name");
  put_text(&deck, "one");
  put_name(&deck, "name"); /* in an order of their own */
  put_text(&deck, "two");
  put_name(&deck, "id");
  put_int(&deck, 2);
  CHECK_INT(run_many(desk.db, sql, &deck, 2), 2);
  CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM things WHERE id = amount AND name IN ('one', 'two')"), 2);
  const struct {
    size_t at; /* in the second row */
    const char* name;
  } wrong[] = {{4, "nom"}, {6, "name"}, {5, "value"}};
  for (size_t i = 0; i < 3; ++i) {
    struct deck bad = deck;
    bad.values[1].v.i64 = 3;
    bad.values[7].v.i64 = 4;
    struct deck name = {0};
    name.used = bad.used;
    put_name(&name, wrong[i].name);
    memcpy(bad.arena + bad.used, name.arena + bad.used, strlen(wrong[i].name));
    bad.values[wrong[i].at] = name.values[0];
    bad.used = name.used;
    CHECK_STATUS(try_many(desk.db, sql, &bad, 2, NULL, &result, &err), TL_E_MISUSE);
    REQUIRE(err != NULL);
    CHECK_TEXT(detail_of(err, "row"), "2");
    CHECK_INT(tl_error_outcome(err), TL_NOT_SENT);
    tl_error_release(err);
    err = NULL;
  }
  struct deck mixed = {0};
  put_int(&mixed, 5);
  put_text(&mixed, "five");
  put_name(&mixed, "id");
  put_int(&mixed, 6);
  EXPECT(TL_E_MISUSE, try_many(desk.db, insert_thing, &mixed, 2, NULL, &result, &err));
  CHECK(result == NULL);
  CHECK_INT(count_things(desk.db), 2);
  close_desk(&desk);
}

void test_no_rows_and_no_values(void) {
  static const char* texts[] = {"INSERT INTO things (id, name) VALUES (?, ?)",
                                "INSERT INTO things (id, name) VALUES (:id, :name)", "UPDATE things SET amount = 1"};
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  for (size_t i = 0; i < 3; ++i) {
    OK(tl_execute_many(desk.db, WHOLE(texts[i]), NULL, 2, 0, NULL, 0, NULL, &result, &err));
    CHECK_INT(tl_result_affected(result), 0);
    CHECK_INT(count_rows(result), 0);
    tl_result_release(result);
    result = NULL;
  }
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  run(desk.db, "INSERT INTO things VALUES (1, 'a', 0)");
  OK(tl_execute_many(desk.db, WHOLE("UPDATE things SET amount = amount + 1"), NULL, 0, 3, NULL, 0, NULL, &result,
                     &err));
  CHECK_INT(tl_result_affected(result), 3);
  CHECK_INT(count_rows(result), 3);
  tl_result_release(result);
  CHECK_INT(ask_int(desk.db, "SELECT amount FROM things"), 3);
  close_desk(&desk);
}

void test_many_rows_on_a_pinned_session(void) {
  struct desk desk;
  struct deck deck = {0}, bad = {0};
  tl_conn* pinned = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  put_thing(&deck, 1, "one");
  put_thing(&deck, 2, "two");
  put_thing(&bad, 3, "three");
  put_thing(&bad, 1, "four");
  OK(tl_pin(desk.db, NULL, &pinned, &err));
  CHECK_INT(run_many(pinned, insert_thing, &deck, 2), 2);
  CHECK_INT(count_things(desk.db), 2); /* committed: others see it */
  EXPECT(TL_E_UNIQUE, try_many(pinned, insert_thing, &bad, 2, NULL, &result, &err));
  CHECK_INT(count_things(pinned), 2);
  run(pinned, "INSERT INTO things (id, name) VALUES (3, 'after')");
  CHECK_INT(count_things(desk.db), 3);
  tl_conn_release(pinned);
  close_desk(&desk);
}

void test_many_rows_in_a_transaction(void) {
  struct desk desk;
  struct deck deck = {0}, bad = {0};
  tl_conn *tx = NULL, *inner = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  put_thing(&deck, 1, "one");
  put_thing(&deck, 2, "two");
  put_thing(&bad, 3, "three");
  put_thing(&bad, 1, "four");
  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  CHECK_INT(run_many(tx, insert_thing, &deck, 2), 2);
  CHECK_INT(count_things(desk.db), 0); /* not committed */
  OK(tl_begin(tx, 0, NULL, &inner, &err));
  CHECK_STATUS(try_many(inner, insert_thing, &bad, 2, NULL, &result, &err), TL_E_UNIQUE);
  CHECK_TEXT(detail_of(err, "row"), "2");
  CHECK_INT(tl_error_outcome(err), TL_ROLLED_BACK);
  tl_error_release(err);
  err = NULL;
  OK(tl_rollback(inner, NULL, &err));
  CHECK_INT(count_things(tx), 2);
  EXPECT(TL_E_UNIQUE, try_many(tx, insert_thing, &bad, 2, NULL, &result, &err));
  if (on_sqlite()) { /* the savepoint around the rows is undone, and the transaction goes on */
    CHECK_INT(count_things(tx), 2);
    run(tx, "INSERT INTO things (id, name) VALUES (3, 'after')");
    OK(tl_commit(tx, NULL, &err));
  } else {
    EXPECT(TL_E_STATEMENT, tl_commit(tx, NULL, &err));
  }
  tl_conn_release(inner);
  tl_conn_release(tx);
  CHECK_INT(count_things(desk.db), on_sqlite() ? 3 : 0);
  close_desk(&desk);
}

/* Without the values. */
void test_many_rows_are_echoed_once(void) {
  struct desk desk;
  struct deck deck = {0};
  char path[128], text[4096] = "";
  open_desk(&desk);
  tl_registry* registry = open_registry("echo = true\n"); /* of the last one of its connections */
  tl_conn* spare = conn_of(registry, "spare");
  put_thing(&deck, 1, "hush");
  put_thing(&deck, 2, "quiet");
  strcat(strcpy(path, folder()), "/told");
  const int before = dup(STDERR_FILENO), file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
  REQUIRE(before >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
  run_many(spare, insert_thing, &deck, 2);
  REQUIRE(dup2(before, STDERR_FILENO) >= 0);
  REQUIRE(pread(file, text, sizeof text - 1, 0) > 0);
  const char* told = strstr(text, insert_thing);
  REQUIRE(told != NULL);
  CHECK(strstr(told + 1, insert_thing) == NULL);
  CHECK(strstr(text, "hush") == NULL && strstr(text, "quiet") == NULL);
  close(file);
  close(before);
  tl_conn_release(spare);
  tl_registry_release(registry);
  close_desk(&desk);
}
