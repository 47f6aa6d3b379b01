/* Handles that are [any thread], used by many at once. */
#include "capi_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { threads = 8, rounds = 60 };

static void in_threads(void* (*body)(void*), void* shared) {
  pthread_t all[threads];
  for (int i = 0; i < threads; ++i) REQUIRE(pthread_create(&all[i], NULL, body, shared) == 0);
  for (int i = 0; i < threads; ++i) CHECK_INT(pthread_join(all[i], NULL), 0);
}

static void* ask_much(void* argument) {
  struct desk* desk = argument;
  for (int i = 0; i < rounds; ++i) {
    tl_conn* own = NULL;
    tl_error* err = NULL;
    CHECK_INT(ask_int(desk->db, "SELECT 1"), 1);
    OK(tl_conn_get(desk->registry, NULL, 0, TL_READ, &own, &err));
    CHECK_INT(ask_int(own, "SELECT 2"), 2);
    tl_conn_release(own);
    CHECK(tl_registry_has(desk->registry, WHOLE("db")));
    (void)leased_of(desk->registry, "db");
  }
  return NULL;
}

void test_one_handle_for_all_threads(void) {
  struct desk desk;
  open_desk(&desk);
  in_threads(ask_much, &desk);
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  close_desk(&desk);
}

/* On one session only one verb runs at a time: the others are told, and nothing breaks. */
static void* share_a_session(void* argument) {
  tl_conn* pinned = argument;
  for (int i = 0; i < rounds; ++i) {
    tl_error* err = NULL;
    const tl_status status = try_run(pinned, rows_sql(200), NULL, &err);
    CHECK(status == TL_OK || status == TL_E_BUSY);
    CHECK((status == TL_OK) == (err == NULL));
    tl_error_release(err);
  }
  return NULL;
}

void test_one_session_for_all_threads(void) {
  struct desk desk;
  tl_conn* pinned = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  OK(tl_pin(desk.db, NULL, &pinned, &err));
  in_threads(share_a_session, pinned);
  CHECK_INT(ask_int(pinned, "SELECT 1"), 1);
  tl_conn_release(pinned);
  close_desk(&desk);
}

struct held {
  tl_batch* batch;
  tl_error* error;
};

static void* read_held(void* argument) {
  const struct held* held = argument;
  for (int i = 0; i < rounds; ++i) {
    tl_column columns[2];
    int64_t rows = 0;
    columns[0].struct_size = sizeof columns[0];
    CHECK_STATUS(tl_batch_columns(held->batch, columns, 2, &rows), TL_OK);
    CHECK_INT(int_at(&columns[0], rows - 1), 100);
    CHECK(text_is(&columns[1], 98, "row 99"));
    CHECK_STATUS(tl_error_status(held->error), TL_E_STATEMENT);
    CHECK(tl_error_message(held->error)[0] != '\0');
  }
  return NULL;
}

void test_batches_and_errors_are_for_all_threads(void) {
  struct desk desk;
  struct sheet sheet;
  tl_error* err = NULL;
  open_desk(&desk);
  tl_result* result = ask(desk.db, rows_sql(100), NULL);
  REQUIRE(next_sheet(result, &sheet));
  CHECK_STATUS(try_run(desk.db, "SELEKT", NULL, &err), TL_E_STATEMENT);
  struct held held = {sheet.batch, err};
  in_threads(read_held, &held);
  tl_error_release(err);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  close_desk(&desk);
}

/* Statements, ids and cancels all at once: each ends in one of the ways it may. */
static void* cancel_much(void* argument) {
  struct desk* desk = argument;
  static tl_op last;
  for (int i = 0; i < rounds; ++i) {
    tl_error* err = NULL;
    tl_call call = call_with(TL_CALL_READ);
    call.op = tl_op_new(desk->registry);
    CHECK(call.op != 0);
    CHECK_STATUS(tl_cancel(desk->registry, __atomic_exchange_n(&last, call.op, __ATOMIC_RELAXED)), TL_OK);
    const tl_status status = try_run(desk->db, rows_sql(50), &call, &err);
    CHECK(status == TL_OK || status == TL_E_CANCELLED);
    tl_error_release(err);
  }
  return NULL;
}

void test_cancels_among_threads(void) {
  struct desk desk;
  open_desk(&desk);
  in_threads(cancel_much, &desk);
  CHECK_INT(ask_int(desk.db, "SELECT 1"), 1);
  close_desk(&desk);
}
