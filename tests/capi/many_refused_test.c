/* Many rows that do not run, or not to their end. */
#include "capi_fixture.h"

#include <pthread.h>
#include <string.h>

/* Inserts `id` of its two values once it has counted to the other one. */
static const char* counting_insert(void) {
  return on_sqlite() ? "INSERT INTO things (id, name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                       "WHERE i < ?) SELECT ?, 'n' || count(*) FROM n"
                     : "INSERT INTO things (id, name) WITH n AS (SELECT count(*) AS c FROM generate_series(1, "
                       "?::bigint)) SELECT ?::int, 'n' || c FROM n";
}

/* The second of its rows does not end by itself. */
static struct deck endless_deck(void) {
  struct deck deck = {0};
  put_int(&deck, 3);
  put_int(&deck, 1);
  put_int(&deck, INT64_C(1000000000000));
  put_int(&deck, 2);
  return deck;
}

void test_malformed_rows(void) {
  static const char* texts[] = {"",
                                "SELECT",
                                "SELECT 1; SELECT 2",
                                "BEGIN",
                                "COMMIT",
                                "SAVEPOINT a",
                                "INSERT INTO things (id, name) VALUES (?, ?)",
                                "SELECT 'x"};
  struct desk desk;
  struct deck deck = {0};
  tl_result* result = NULL;
  tl_error* err = NULL;
  tl_call call = call_with(0);
  const tl_value* values = deck.values;
  put_thing(&deck, 1, "one");
  put_thing(&deck, 2, "two");
  open_desk(&desk);
  tl_conn* db = desk.db;
  EXPECT(TL_E_MISUSE, tl_execute_many(NULL, WHOLE(insert_thing), values, 2, 2, deck.arena, 6, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_execute_many(db, NULL, 9, values, 2, 2, deck.arena, 6, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_execute_many(db, WHOLE(insert_thing), NULL, 2, 2, deck.arena, 6, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_execute_many(db, WHOLE(insert_thing), values, 2, 2, NULL, 6, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_execute_many(db, WHOLE(insert_thing), values, 2, 2, deck.arena, 6, NULL, NULL, &err));
  CHECK_STATUS(tl_execute_many(db, WHOLE(insert_thing), NULL, 2, 2, NULL, 0, NULL, &result, NULL), TL_E_MISUSE);
  const size_t many[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 16, SIZE_MAX / 32 + 1};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT(TL_E_MISUSE,
           tl_execute_many(db, WHOLE(insert_thing), values, 2, many[i], deck.arena, 6, NULL, &result, &err));
    EXPECT(TL_E_MISUSE,
           tl_execute_many(db, WHOLE(insert_thing), values, many[i], 2, deck.arena, 6, NULL, &result, &err));
    EXPECT(TL_E_MISUSE,
           tl_execute_many(db, WHOLE("DELETE FROM things"), NULL, 0, many[i], NULL, 0, NULL, &result, &err));
  }
  EXPECT(TL_E_MISUSE,
         tl_execute_many(db, WHOLE("DELETE FROM things"), NULL, 0, (1u << 27) + 1, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_execute_many(db, WHOLE(insert_thing), values, 4, 1, deck.arena, 6, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_execute_many(db, WHOLE(insert_thing), values, 1, 4, deck.arena, 6, NULL, &result, &err));
  CHECK_STATUS(tl_execute_many(db, WHOLE(insert_thing), values, 2, 2, deck.arena, 5, NULL, &result, &err), TL_E_MISUSE);
  CHECK(strstr(tl_error_message(err), "row 2, value 2") != NULL);
  tl_error_release(err);
  err = NULL;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
    const tl_status status = tl_execute_many(db, WHOLE(texts[i]), NULL, 0, 2, NULL, 0, NULL, &result, &err);
    const int syntax = strcmp(texts[i], "SELECT") == 0 && on_sqlite();
    checked_status(status, syntax ? TL_E_STATEMENT : i == 1 ? TL_OK : TL_E_MISUSE, err, texts[i], __FILE__, __LINE__);
    err = NULL;
    tl_result_release(result);
    result = NULL;
  }
  const uint32_t flags[] = {TL_CALL_READ, TL_CALL_WRITE, TL_CALL_STREAM, 0x80000000u};
  for (size_t i = 0; i < 4; ++i) {
    call.flags = flags[i];
    EXPECT(TL_E_MISUSE, try_many(db, insert_thing, &deck, 2, &call, &result, &err));
  }
  call.flags = 0;
  call.timeout_ms = -2;
  EXPECT(TL_E_MISUSE, try_many(db, insert_thing, &deck, 2, &call, &result, &err));
  CHECK(result == NULL);
  CHECK_INT(count_things(db), 0);
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  close_desk(&desk);
}

void test_many_rows_on_a_handle_that_only_reads(void) {
  struct desk desk;
  struct deck deck = {0}, asked = {0};
  tl_conn *reading = NULL, *tx = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  put_thing(&deck, 1, "one");
  put_int(&asked, 1);
  put_int(&asked, 2);
  OK(tl_conn_derive(desk.db, NULL, 0, NULL, 0, TL_READ, &reading, &err));
  OK(tl_begin(desk.db, TL_BEGIN_READ_ONLY, NULL, &tx, &err));
  tl_conn* const handles[] = {reading, tx};
  for (size_t i = 0; i < 2; ++i) {
    CHECK_STATUS(try_many(handles[i], insert_thing, &deck, 1, NULL, &result, &err), TL_E_READ_ONLY);
    CHECK_INT(tl_error_outcome(err), TL_NOT_SENT);
    tl_error_release(err);
    err = NULL;
    EXPECT(TL_E_READ_ONLY, tl_load(handles[i], WHOLE("things"), &deck.values[1], 1, deck.values, 1, deck.arena,
                                   deck.used, NULL, &result, &err));
    CHECK(result == NULL);
    run_many(handles[i], "SELECT name FROM things WHERE id = ?", &asked, 2);
  }
  tl_conn_release(tx);
  tl_conn_release(reading);
  CHECK_INT(count_things(desk.db), 0);
  close_desk(&desk);
}

void test_many_rows_are_cancelled(void) {
  struct desk desk;
  const struct deck deck = endless_deck();
  tl_result* result = NULL;
  tl_error* err = NULL;
  pthread_t thread;
  open_desk(&desk);
  tl_call call = call_with(0);
  call.op = tl_op_new(desk.registry);
  CHECK_STATUS(tl_cancel(desk.registry, call.op), TL_OK);
  CHECK_STATUS(try_many(desk.db, counting_insert(), &deck, 2, &call, &result, &err), TL_E_CANCELLED);
  CHECK_INT(tl_error_outcome(err), TL_NOT_SENT);
  tl_error_release(err);
  err = NULL;
  call.op = tl_op_new(desk.registry);
  struct cancelling what = {desk.registry, "db", call.op};
  REQUIRE(pthread_create(&thread, NULL, cancel_it, &what) == 0);
  CHECK_STATUS(try_many(desk.db, counting_insert(), &deck, 2, &call, &result, &err), TL_E_CANCELLED);
  tl_error_release(err);
  CHECK_INT(pthread_join(thread, NULL), 0);
  CHECK(result == NULL);
  CHECK_INT(count_things(desk.db), 0);
  close_desk(&desk);
}

void test_many_rows_have_a_deadline(void) {
  struct desk desk;
  const struct deck deck = endless_deck();
  tl_conn* tx = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  tl_call call = call_with(0);
  call.timeout_ms = 100;
  open_desk(&desk);
  OK(tl_registry_connect(desk.registry, WHOLE("db"), NULL, &err));
  CHECK_STATUS(try_many(desk.db, counting_insert(), &deck, 2, &call, &result, &err), TL_E_STATEMENT_TIMEOUT);
  CHECK(tl_error_outcome(err) == TL_ROLLED_BACK || tl_error_outcome(err) == TL_UNKNOWN); /* a server may be slow */
  tl_error_release(err);
  err = NULL;
  CHECK_INT(count_things(desk.db), 0);
  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  run(tx, "INSERT INTO things (id, name) VALUES (7, 'before')");
  EXPECT(TL_E_STATEMENT_TIMEOUT, try_many(tx, counting_insert(), &deck, 2, &call, &result, &err));
  CHECK(tl_commit(tx, NULL, NULL) != TL_OK); /* SQLite ends the whole transaction, too */
  tl_conn_release(tx);
  CHECK(result == NULL);
  CHECK_INT(count_things(desk.db), 0);
  close_desk(&desk);
}
