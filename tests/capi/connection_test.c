/* Pooled and pinned handles, transactions and savepoints. */
#include "capi_fixture.h"

#include <string.h>

#define COUNT "SELECT count(*) FROM things"

void test_modes(void) {
  struct desk desk;
  tl_conn *reader = NULL, *writer = NULL, *pinned = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  OK(tl_conn_get(desk.registry, WHOLE("db"), TL_READ, &reader, &err));
  CHECK_INT(ask_int(reader, COUNT), 0);
  EXPECT(TL_E_READ_ONLY, try_run(reader, "INSERT INTO things VALUES (1, 'a', 1)", NULL, &err));
  tl_call call = call_with(TL_CALL_WRITE);
  EXPECT(TL_E_READ_ONLY, try_run(reader, "SELECT 1", &call, &err));
  OK(tl_pin(reader, NULL, &pinned, &err));
  EXPECT(TL_E_READ_ONLY, try_run(pinned, "DELETE FROM things", NULL, &err));
  tl_conn_release(pinned);
  OK(tl_conn_derive(reader, NULL, 0, NULL, 0, TL_WRITE, &writer, &err));
  run(writer, "INSERT INTO things VALUES (1, 'a', 1)");
  CHECK_INT(ask_int(writer, COUNT), 1);
  call = call_with(TL_CALL_READ);
  OK(try_run(reader, COUNT, &call, &err));
  tl_conn_release(reader);
  tl_conn_release(writer);
  close_desk(&desk);
}

void test_a_variant_is_another_handle(void) {
  struct desk desk;
  tl_conn *variant = NULL, *again = NULL, *pinned = NULL, *none = NULL;
  tl_error* err = NULL;
  char tag[] = "request 7";
  open_desk(&desk);
  OK(tl_conn_derive(desk.db, WHOLE(tag), NULL, 0, -1, &variant, &err));
  memset(tag, 'x', sizeof tag - 1); /* it was copied */
  OK(tl_conn_derive(variant, NULL, 0, "", 0, TL_READ, &again, &err));
  OK(tl_pin(again, NULL, &pinned, &err));
  tl_result* leases = NULL;
  struct sheet sheet;
  OK(tl_inspect(desk.registry, "leases", WHOLE("db"), NULL, &leases, &err));
  REQUIRE(next_sheet(leases, &sheet));
  CHECK(text_is(&sheet.columns[column_named(&sheet, "tag")], 0, "request 7")); /* NULL kept it */
  tl_batch_release(sheet.batch);
  tl_result_release(leases);
  EXPECT(TL_E_MISUSE, tl_conn_derive(pinned, NULL, 0, NULL, 0, -1, &none, &err));
  EXPECT(TL_E_MISUSE, tl_pin(pinned, NULL, &none, &err));
  CHECK(none == NULL);
  tl_conn_release(variant);
  tl_conn_release(again);
  tl_conn_release(pinned);
  close_desk(&desk);
}

void test_a_pinned_session_keeps_its_state(void) {
  struct desk desk;
  tl_conn* pinned = NULL;
  tl_error* err = NULL;
  if (!has_sessions_of_its_own(__func__)) return;
  open_desk(&desk);
  OK(tl_pin(desk.db, NULL, &pinned, &err));
  run(pinned, "CREATE TEMP TABLE mine (a INTEGER)");
  CHECK_INT(ask_int(pinned, "SELECT count(*) FROM mine"), 0);
  CHECK_INT(leased_of(desk.registry, "db"), 1);
  EXPECT(TL_E_MISUSE, tl_commit(pinned, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_rollback(desk.db, NULL, &err));
  tl_conn_release(pinned);
  OK(tl_pin(desk.db, NULL, &pinned, &err));
  EXPECT(TL_E_STATEMENT, try_run(pinned, "SELECT count(*) FROM mine", NULL, &err));
  tl_conn_release(pinned);
  close_desk(&desk);
}

void test_commit_and_rollback(void) {
  struct desk desk;
  tl_conn* tx = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  run(tx, "INSERT INTO things VALUES (1, 'a', 1)");
  CHECK_INT(ask_int(tx, COUNT), 1);
  OK(tl_commit(tx, NULL, &err));
  EXPECT(TL_E_CLOSED, tl_commit(tx, NULL, &err)); /* it only takes the release */
  EXPECT(TL_E_CLOSED, try_run(tx, COUNT, NULL, &err));
  tl_conn_release(tx);
  CHECK_INT(ask_int(desk.db, COUNT), 1);

  OK(tl_begin(desk.db, TL_BEGIN_SERIALIZABLE, NULL, &tx, &err));
  run(tx, "DELETE FROM things");
  OK(tl_rollback(tx, NULL, &err));
  tl_conn_release(tx);
  CHECK_INT(ask_int(desk.db, COUNT), 1);

  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  run(tx, "DELETE FROM things");
  tl_conn_release(tx); /* released open: rolled back */
  CHECK_INT(ask_int(desk.db, COUNT), 1);
  close_desk(&desk);
}

void test_isolation_flags(void) {
  static const uint32_t levels[] = {0, TL_BEGIN_READ_COMMITTED, TL_BEGIN_REPEATABLE_READ, TL_BEGIN_SERIALIZABLE};
  struct desk desk;
  tl_conn* tx = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  for (size_t i = 0; i < 4; ++i) {
    OK(tl_begin(desk.db, levels[i] | TL_BEGIN_READ_ONLY, NULL, &tx, &err));
    CHECK_INT(ask_int(tx, COUNT), 0);
    EXPECT(TL_E_READ_ONLY, try_run(tx, "DELETE FROM things", NULL, &err));
    OK(tl_rollback(tx, NULL, &err));
    tl_conn_release(tx);
  }
  close_desk(&desk);
}

void test_transactions_as_text(void) {
  struct desk desk;
  tl_conn *pinned = NULL, *tx = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  EXPECT(TL_E_MISUSE, try_run(desk.db, "BEGIN", NULL, &err));
  EXPECT(TL_E_MISUSE, try_run(desk.db, "/* quiet */ commit", NULL, &err));
  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  EXPECT(TL_E_MISUSE, try_run(tx, "ROLLBACK", NULL, &err));
  tl_conn_release(tx);
  OK(tl_pin(desk.db, NULL, &pinned, &err));
  run(pinned, "BEGIN");
  EXPECT(TL_E_BUSY, tl_begin(pinned, 0, NULL, &tx, &err)); /* one was begun as text */
  run(pinned, "ROLLBACK");
  OK(tl_begin(pinned, 0, NULL, &tx, &err));
  EXPECT(TL_E_BUSY, try_run(pinned, "SELECT 1", NULL, &err)); /* until it ends */
  OK(tl_commit(tx, NULL, &err));
  CHECK_INT(ask_int(pinned, "SELECT 1"), 1);
  tl_conn_release(tx);
  tl_conn_release(pinned);
  close_desk(&desk);
}

void test_savepoints(void) {
  struct desk desk;
  tl_conn *tx = NULL, *inner = NULL, *deeper = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  run(tx, "INSERT INTO things VALUES (1, 'a', 1)");
  EXPECT(TL_E_MISUSE, tl_begin(tx, TL_BEGIN_READ_ONLY, NULL, &inner, &err));
  EXPECT(TL_E_MISUSE, tl_begin(tx, TL_BEGIN_SERIALIZABLE, NULL, &inner, &err));
  OK(tl_begin(tx, 0, NULL, &inner, &err));
  EXPECT(TL_E_BUSY, try_run(tx, "SELECT 1", NULL, &err));
  run(inner, "INSERT INTO things VALUES (2, 'b', 1)");
  OK(tl_begin(inner, 0, NULL, &deeper, &err));
  run(deeper, "INSERT INTO things VALUES (3, 'c', 1)");
  OK(tl_rollback(deeper, NULL, &err));
  CHECK_INT(ask_int(inner, COUNT), 2);
  OK(tl_commit(inner, NULL, &err));
  tl_conn_release(deeper);
  tl_conn_release(inner);

  OK(tl_begin(tx, 0, NULL, &inner, &err));
  run(inner, "DELETE FROM things");
  tl_conn_release(inner); /* released open: undone */
  CHECK_INT(ask_int(tx, COUNT), 2);

  OK(tl_begin(tx, 0, NULL, &inner, &err));
  run(inner, "INSERT INTO things VALUES (4, 'd', 1)");
  OK(tl_commit(tx, NULL, &err)); /* ending the outer one ends the inner */
  EXPECT(TL_E_CLOSED, try_run(inner, COUNT, NULL, &err));
  tl_conn_release(inner);
  tl_conn_release(tx);
  CHECK_INT(ask_int(desk.db, COUNT), 3);
  close_desk(&desk);
}

void test_a_failed_statement_in_a_transaction(void) {
  struct desk desk;
  tl_conn *tx = NULL, *inner = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  OK(tl_begin(desk.db, 0, NULL, &tx, &err));
  run(tx, "INSERT INTO things VALUES (1, 'a', 1)");
  OK(tl_begin(tx, 0, NULL, &inner, &err));
  EXPECT(TL_E_UNIQUE, try_run(inner, "INSERT INTO things VALUES (2, 'a', 1)", NULL, &err));
  OK(tl_rollback(inner, NULL, &err)); /* and the outer one goes on */
  tl_conn_release(inner);
  CHECK_INT(ask_int(tx, COUNT), 1);
  EXPECT(TL_E_STATEMENT, try_run(tx, "SELECT nothing_such FROM things", NULL, &err));
  if (on_sqlite()) { /* its transactions survive a wrong statement */
    OK(tl_commit(tx, NULL, &err));
  } else {
    CHECK_STATUS(tl_commit(tx, NULL, &err), TL_E_STATEMENT);
    REQUIRE(err != NULL);
    CHECK_INT(tl_error_outcome(err), TL_ROLLED_BACK);
    tl_error_release(err);
  }
  tl_conn_release(tx);
  CHECK_INT(ask_int(desk.db, COUNT), on_sqlite() ? 1 : 0);
  close_desk(&desk);
}

void test_a_pool_of_one(void) {
  tl_registry* registry = open_registry("");
  tl_conn* spare = conn_of(registry, "spare");
  tl_conn* pinned = NULL;
  tl_error* err = NULL;
  tl_call call = call_with(TL_CALL_WRITE);
  OK(tl_pin(spare, NULL, &pinned, &err));
  EXPECT(TL_E_BUSY, try_run(spare, "SELECT 1", &call, &err)); /* would wait for oneself */
  call.owner = 4711;
  call.timeout_ms = 20;
  CHECK_STATUS(try_run(spare, "SELECT 1", &call, &err), TL_E_ACQUIRE_TIMEOUT); /* somebody else waits */
  REQUIRE(err != NULL);
  CHECK_TEXT(tl_error_phase(err), "acquire");
  CHECK_INT(tl_error_outcome(err), TL_NOT_SENT);
  const char *key = NULL, *value = NULL;
  size_t holders = 0;
  for (size_t i = 0; tl_error_detail(err, i, &key, &value) == TL_OK; ++i) holders += strcmp(key, "holders") == 0;
  CHECK_INT(holders, 1);
  tl_error_release(err);
  tl_conn_release(pinned);
  CHECK_INT(ask_int(spare, "SELECT 1"), 1);
  tl_conn_release(spare);
  tl_registry_release(registry);
}
