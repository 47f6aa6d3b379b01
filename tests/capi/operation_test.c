/* Cancelling by the id of an operation: before, while and after it runs. */
#include "capi_fixture.h"

#include <pthread.h>
#include <string.h>

void test_ids(void) {
  tl_registry* registry = open_registry("");
  const tl_op a = tl_op_new(registry), b = tl_op_new(registry);
  CHECK(a != 0 && b != 0 && a != b);
  tl_op_release(registry, a);
  tl_op_release(registry, a);
  const tl_op c = tl_op_new(registry);
  CHECK(c != a && c != b && c != 0); /* never reused */
  tl_op_release(registry, 0);
  tl_op_release(registry, UINT64_MAX);
  CHECK_STATUS(tl_cancel(registry, a), TL_OK); /* finished */
  CHECK_STATUS(tl_cancel(registry, 0), TL_OK);
  CHECK_STATUS(tl_cancel(registry, UINT64_C(77) << 32), TL_OK);
  CHECK_STATUS(tl_cancel(registry, UINT64_MAX), TL_OK);
  CHECK_STATUS(tl_cancel(NULL, b), TL_E_MISUSE);
  CHECK_INT(tl_op_new(NULL), 0);
  tl_op_release(registry, b);
  tl_op_release(registry, c);
  tl_registry_release(registry);
}

void test_an_id_is_for_one_verb(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_error* err = NULL;
  tl_call call = call_with(0);
  call.op = tl_op_new(registry);
  OK(try_run(db, "SELECT 1", &call, &err));
  EXPECT(TL_E_MISUSE, try_run(db, "SELECT 1", &call, &err));
  CHECK_STATUS(tl_cancel(registry, call.op), TL_OK); /* harmless */
  CHECK_INT(ask_int(db, "SELECT 1"), 1);
  call.op = tl_op_new(registry);
  tl_op_release(registry, call.op);
  EXPECT(TL_E_MISUSE, try_run(db, "SELECT 1", &call, &err));
  tl_conn_release(db);
  tl_registry_release(registry);
}

static tl_call cancelled_call(tl_registry* registry) {
  tl_call call = call_with(0);
  call.op = tl_op_new(registry);
  CHECK_STATUS(tl_cancel(registry, call.op), TL_OK);
  return call;
}

void test_cancelled_before_it_begins(void) {
  struct desk desk;
  tl_conn *tx = NULL, *none = NULL;
  tl_result* result = NULL;
  tl_batch* batch = NULL;
  tl_error* err = NULL;
  int32_t more = 0;
  open_desk(&desk);
  tl_call call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, try_run(desk.db, "INSERT INTO things VALUES (1, 'a', 1)", &call, &err));
  EXPECT(TL_E_MISUSE, try_run(desk.db, "SELECT 1", &call, &err)); /* it has been used */
  CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM things"), 0);
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_pin(desk.db, &call, &none, &err));
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_begin(desk.db, 0, &call, &none, &err));
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_registry_connect(desk.registry, NULL, 0, &call, &err));
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_registry_close(desk.registry, NULL, 0, &call, &err));
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_inspect(desk.registry, "pools", NULL, 0, &call, &result, &err));
  CHECK(none == NULL);
  CHECK(result == NULL);

  result = ask(desk.db, "SELECT 1", NULL);
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_result_next(result, &call, &batch, &err));
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_result_next_set(result, &call, &more, &err));
  CHECK_INT(count_rows(result), 1);
  tl_result_release(result);

  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  run(tx, "INSERT INTO things VALUES (1, 'a', 1)");
  call = cancelled_call(desk.registry);
  EXPECT(TL_E_CANCELLED, tl_commit(tx, &call, &err));
  tl_conn_release(tx);
  CHECK_INT(ask_int(desk.db, "SELECT count(*) FROM things"), 0); /* it was not committed */
  close_desk(&desk);
}

void test_cancelled_while_it_runs(void) {
  for (int at_once = 0; at_once <= 1; ++at_once) {
    tl_registry* registry = open_registry("");
    tl_conn* db = conn_of(registry, "db");
    tl_error* err = NULL;
    pthread_t thread;
    tl_call call = call_with(TL_CALL_READ);
    call.op = tl_op_new(registry);
    struct cancelling what = {registry, at_once ? NULL : "db", call.op};
    REQUIRE(pthread_create(&thread, NULL, cancel_it, &what) == 0);
    EXPECT(TL_E_CANCELLED, try_run(db, endless_sql(), &call, &err));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(ask_int(db, "SELECT 1"), 1);
    tl_conn_release(db);
    tl_registry_release(registry);
  }
}

/* Waiting for a session is part of the verb. */
void test_cancelled_while_it_waits(void) {
  tl_registry* registry = open_registry("");
  tl_conn* spare = conn_of(registry, "spare");
  tl_conn* pinned = NULL;
  tl_error* err = NULL;
  pthread_t thread;
  tl_call call = call_with(TL_CALL_WRITE);
  OK(tl_pin(spare, NULL, &pinned, &err));
  call.op = tl_op_new(registry);
  call.owner = 4711;
  struct cancelling what = {registry, "spare", call.op};
  REQUIRE(pthread_create(&thread, NULL, cancel_it, &what) == 0);
  CHECK_STATUS(try_run(spare, "SELECT 1", &call, &err), TL_E_CANCELLED);
  REQUIRE(err != NULL);
  CHECK_INT(tl_error_outcome(err), TL_NOT_SENT);
  tl_error_release(err);
  CHECK_INT(pthread_join(thread, NULL), 0);
  tl_conn_release(pinned);
  tl_conn_release(spare);
  tl_registry_release(registry);
}

void test_the_id_of_a_stream_names_it_to_its_end(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_error* err = NULL;
  tl_batch* batch = NULL;
  tl_call call = call_with(TL_CALL_STREAM | TL_CALL_READ);
  call.batch_rows = 1;
  call.op = tl_op_new(registry);
  tl_result* result = ask(db, rows_sql(5000000), &call);
  OK(tl_result_next(result, NULL, &batch, &err));
  tl_batch_release(batch);
  CHECK_STATUS(tl_cancel(registry, call.op), TL_OK);
  tl_status status = TL_OK;
  int64_t rows = 0;
  do { /* rows that were on the way already may still come */
    batch = NULL;
    status = tl_result_next(result, NULL, &batch, &err);
    tl_batch_release(batch);
  } while (status == TL_OK && batch != NULL && ++rows < 5000000);
  checked_status(status, TL_E_CANCELLED, err, "a cancelled stream", __FILE__, __LINE__);
  tl_result_release(result);
  CHECK_INT(ask_int(db, "SELECT 1"), 1);

  err = NULL;
  call.op = tl_op_new(registry);
  result = ask(db, rows_sql(3), &call);
  CHECK_INT(count_rows(result), 3);
  CHECK_STATUS(tl_cancel(registry, call.op), TL_OK); /* too late: harmless */
  CHECK_INT(ask_int(db, "SELECT 1"), 1);
  tl_result_release(result);
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_a_timeout_ends_a_verb(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_error* err = NULL;
  tl_call call = call_with(TL_CALL_READ);
  OK(tl_registry_connect(registry, WHOLE("db"), NULL, &err)); /* so that the time is the statement's alone */
  call.timeout_ms = 50;
  EXPECT(TL_E_STATEMENT_TIMEOUT, try_run(db, endless_sql(), &call, &err));
  CHECK_INT(ask_int(db, "SELECT 1"), 1);
  tl_conn_release(db);
  tl_registry_release(registry);
}
