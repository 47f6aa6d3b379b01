/* Calls that do not wait: each verb by a queue, and the queue itself. */
#include "capi_fixture.h"

#include <poll.h>
#include <string.h>

struct loop {
  struct desk desk;
  tl_queue* queue;
};

static void open_loop(struct loop* loop, uint32_t flags) {
  tl_error* err = NULL;
  open_desk(&loop->desk);
  OK(tl_queue_new(loop->desk.registry, flags, &loop->queue, &err));
  REQUIRE(loop->queue != NULL);
}

static void close_loop(struct loop* loop) {
  tl_queue_release(loop->queue);
  close_desk(&loop->desk);
}

static tl_call call_on(struct loop* loop, uint64_t user_data) {
  tl_call call = call_with(0);
  call.queue = loop->queue;
  call.user_data = user_data;
  return call;
}

static tl_completion next(struct loop* loop) {
  tl_completion done;
  size_t n = 0;
  memset(&done, 0, sizeof done);
  CHECK_STATUS(tl_queue_wait(loop->queue, &done, 1, 10000, &n), TL_OK);
  CHECK_INT((int64_t)n, 1);
  return done;
}

/* The next completion, of a call with this user_data that has succeeded: its value, now the caller's. */
static void* value_of(struct loop* loop, uint64_t user_data, uint32_t kind) {
  tl_completion done = next(loop);
  void* const value = done.value;
  checked_status(done.status, TL_OK, done.error, "completion", __FILE__, __LINE__);
  CHECK_INT((int64_t)done.user_data, (int64_t)user_data);
  CHECK_INT(done.kind, kind);
  return value;
}

static void expect_next(struct loop* loop, uint64_t user_data, tl_status status) {
  tl_completion done = next(loop);
  checked_status(done.status, status, done.error, "completion", __FILE__, __LINE__);
  CHECK_INT((int64_t)done.user_data, (int64_t)user_data);
  CHECK(done.value == NULL);
}

static void query(struct loop* loop, tl_conn* conn, const char* sql, uint32_t flags, uint64_t user_data) {
  tl_error* err = NULL;
  tl_call call = call_on(loop, user_data);
  call.flags = flags;
  OK(tl_query(conn, WHOLE(sql), NULL, 0, NULL, 0, &call, NULL, &err));
}

void test_every_verb_on_a_queue(void) {
  struct loop loop;
  tl_error* err = NULL;
  struct sheet sheet;
  struct deck deck = {0};
  open_loop(&loop, 0);
  tl_call call = call_on(&loop, 7);

  OK(tl_registry_connect(loop.desk.registry, WHOLE("db"), &call, &err));
  CHECK(value_of(&loop, 7, TL_DONE) == NULL);

  put_thing(&deck, 1, "a");
  put_thing(&deck, 2, "b");
  OK(try_many(loop.desk.db, insert_thing, &deck, 2, &call, NULL, &err));
  memset(&deck, 0, sizeof deck); /* it was copied */
  tl_result* result = value_of(&loop, 7, TL_DONE_RESULT);
  CHECK_INT(tl_result_affected(result), 2);
  tl_result_release(result);

  put_text(&deck, "id");
  put_text(&deck, "name");
  put_thing(&deck, 3, "c");
  OK(tl_load(loop.desk.db, WHOLE("things"), deck.values, 2, deck.values + 2, 1, deck.arena, deck.used, &call, NULL,
             &err));
  memset(&deck, 0, sizeof deck);
  result = value_of(&loop, 7, TL_DONE_RESULT);
  CHECK_INT(tl_result_affected(result), 1);
  tl_result_release(result);

  query(&loop, loop.desk.db, "SELECT count(*) FROM things", 0, 8);
  result = value_of(&loop, 8, TL_DONE_RESULT);
  REQUIRE(next_sheet(result, &sheet));
  CHECK_INT(int_at(&sheet.columns[0], 0), 3);
  tl_batch_release(sheet.batch);
  tl_result_release(result);

  OK(tl_inspect(loop.desk.registry, "pools", NULL, 0, &call, NULL, &err));
  result = value_of(&loop, 7, TL_DONE_RESULT);
  CHECK(count_rows(result) > 0);
  tl_result_release(result);

  OK(tl_pin(loop.desk.db, &call, NULL, &err));
  tl_conn* pin = value_of(&loop, 7, TL_DONE_CONN);
  OK(tl_begin(pin, 0, &call, NULL, &err));
  tl_conn* tx = value_of(&loop, 7, TL_DONE_CONN);
  query(&loop, tx, "DELETE FROM things", 0, 9);
  tl_result_release(value_of(&loop, 9, TL_DONE_RESULT));
  OK(tl_rollback(tx, &call, &err));
  CHECK(value_of(&loop, 7, TL_DONE) == NULL);
  tl_conn_release(tx);
  OK(tl_begin(pin, 0, &call, NULL, &err));
  tx = value_of(&loop, 7, TL_DONE_CONN);
  query(&loop, tx, "DELETE FROM things WHERE id = 1", 0, 9);
  OK(tl_commit(tx, &call, &err)); /* behind it, without waiting */
  tl_result_release(value_of(&loop, 9, TL_DONE_RESULT));
  CHECK(value_of(&loop, 7, TL_DONE) == NULL);
  tl_conn_release(tx);
  tl_conn_release(pin);
  CHECK_INT(count_things(loop.desk.db), 2);

  OK(tl_registry_close(loop.desk.registry, NULL, 0, &call, &err));
  CHECK(value_of(&loop, 7, TL_DONE) == NULL);
  query(&loop, loop.desk.db, "SELECT 1", 0, 10);
  expect_next(&loop, 10, TL_E_CLOSED);
  close_loop(&loop);
}

void test_a_stream_on_a_queue(void) {
  struct loop loop;
  tl_error* err = NULL;
  int64_t rows = 0;
  open_loop(&loop, 0);
  tl_call call = call_on(&loop, 1);
  call.flags = TL_CALL_STREAM;
  call.batch_rows = 100;
  OK(tl_query(loop.desk.db, WHOLE(rows_sql(1000)), NULL, 0, NULL, 0, &call, NULL, &err));
  tl_result* result = value_of(&loop, 1, TL_DONE_RESULT);
  call = call_on(&loop, 2);
  for (;;) {
    OK(tl_result_next(result, &call, NULL, &err));
    tl_batch* batch = value_of(&loop, 2, TL_DONE_BATCH);
    if (batch == NULL) break;
    int64_t n = 0;
    tl_column columns[2];
    memset(columns, 0, sizeof columns);
    columns[0].struct_size = sizeof columns[0];
    CHECK_STATUS(tl_batch_columns(batch, columns, 2, &n), TL_OK);
    rows += n;
    tl_batch_release(batch);
  }
  CHECK_INT(rows, 1000);
  OK(tl_result_next_set(result, &call, NULL, &err));
  tl_completion done = next(&loop);
  CHECK_INT((int64_t)done.arg[0], 0);
  tl_completion_release(&done);
  tl_result_release(result);
  CHECK_INT(leased_of(loop.desk.registry, "db"), 0);
  close_loop(&loop);
}

void test_many_calls_over_few_sessions(void) {
  enum { calls = 300 };
  struct loop loop;
  tl_completion done[32];
  int64_t sum = 0;
  int seen = 0;
  open_loop(&loop, 0);
  tl_conn* spare = conn_of(loop.desk.registry, "spare");
  for (uint64_t i = 0; i < calls; ++i) query(&loop, i % 3 == 0 ? spare : loop.desk.db, "SELECT 1", 0, i);
  while (seen < calls) {
    size_t n = 0;
    CHECK_STATUS(tl_queue_wait(loop.queue, done, 32, 10000, &n), TL_OK);
    if (n == 0) break;
    for (size_t i = 0; i < n; ++i) {
      CHECK_STATUS(done[i].status, TL_OK);
      sum += (int64_t)done[i].user_data;
      tl_completion_release(&done[i]);
    }
    seen += (int)n;
  }
  CHECK_INT(seen, calls);
  CHECK_INT(sum, calls * (calls - 1) / 2);
  tl_conn_release(spare);
  close_loop(&loop);
}

void test_verbs_of_a_queue_keep_their_order(void) {
  struct loop loop;
  tl_error* err = NULL;
  open_loop(&loop, 0);
  tl_call call = call_on(&loop, 0);
  OK(tl_begin(loop.desk.db, 0, &call, NULL, &err));
  tl_conn* tx = value_of(&loop, 0, TL_DONE_CONN);
  query(&loop, tx, "INSERT INTO things (id, name) VALUES (1, 'a')", 0, 1);
  query(&loop, tx, "UPDATE things SET name = 'b' WHERE name = 'a'", 0, 2);
  query(&loop, tx, "INSERT INTO things (id, name) VALUES (2, 'b')", 0, 3); /* fails if the others came first */
  tl_result* result = value_of(&loop, 1, TL_DONE_RESULT);
  tl_result_release(result);
  result = value_of(&loop, 2, TL_DONE_RESULT);
  CHECK_INT(tl_result_affected(result), 1);
  tl_result_release(result);
  expect_next(&loop, 3, TL_E_UNIQUE);
  call.user_data = 4;
  OK(tl_rollback(tx, &call, &err));
  query(&loop, tx, "SELECT 1", 0, 5);
  CHECK(value_of(&loop, 4, TL_DONE) == NULL);
  expect_next(&loop, 5, TL_E_CLOSED);
  tl_conn_release(tx);
  CHECK_INT(count_things(loop.desk.db), 0);
  close_loop(&loop);
}

static void expect_readable(const struct loop* loop, int timeout_ms) {
  struct pollfd fd = {tl_queue_fd(loop->queue), POLLIN, 0};
  CHECK_INT(poll(&fd, 1, timeout_ms), 1);
}

static void poll_for_an_answer(uint32_t flags) {
  struct loop loop;
  tl_completion done;
  size_t n = 0;
  open_loop(&loop, flags);
  query(&loop, loop.desk.db, "SELECT 1", 0, 1);
  while (n == 0) {
    expect_readable(&loop, 10000);
    CHECK_STATUS(tl_queue_wait(loop.queue, &done, 1, 0, &n), TL_OK);
  }
  CHECK_STATUS(done.status, TL_OK);
  tl_completion_release(&done);
  tl_queue_wake(loop.queue);
  expect_readable(&loop, 10000);
  CHECK_STATUS(tl_queue_wait(loop.queue, &done, 1, -1, &n), TL_OK);
  CHECK_INT((int64_t)n, 0);
  tl_queue_shutdown(loop.queue);
  CHECK_STATUS(tl_queue_wait(loop.queue, &done, 1, -1, &n), TL_E_SHUTDOWN);
  close_loop(&loop);
}

void test_a_queue_is_polled(void) {
  poll_for_an_answer(0);
  poll_for_an_answer(TL_QUEUE_THREAD);
}

void test_a_queue_is_shut_down_and_drained(void) {
  struct loop loop;
  tl_error* err = NULL;
  tl_completion done;
  size_t n = 0;
  open_loop(&loop, 0);
  query(&loop, loop.desk.db, "SELECT 1", 0, 1);
  tl_queue_shutdown(loop.queue);
  tl_call call = call_on(&loop, 2);
  EXPECT(TL_E_SHUTDOWN, tl_query(loop.desk.db, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, NULL, &err));
  tl_result_release(value_of(&loop, 1, TL_DONE_RESULT));
  CHECK_STATUS(tl_queue_wait(loop.queue, &done, 1, -1, &n), TL_E_SHUTDOWN);
  close_loop(&loop);
}

void test_a_queue_has_a_bound(void) {
  enum { bound = 16384 };
  struct loop loop;
  tl_error* err = NULL;
  tl_completion done[64];
  size_t n = 0;
  int64_t taken = 0;
  open_loop(&loop, 0);
  tl_conn* spare = conn_of(loop.desk.registry, "spare");
  tl_call call = call_on(&loop, 1);
  call.op = tl_op_new(loop.desk.registry); /* cancelled before they begin: no call runs */
  for (int i = 0; i < bound; ++i) {
    tl_call each = call_on(&loop, 1);
    each.op = tl_op_new(loop.desk.registry);
    CHECK_STATUS(tl_cancel(loop.desk.registry, each.op), TL_OK);
    CHECK_STATUS(tl_query(spare, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &each, NULL, NULL), TL_OK);
  }
  EXPECT(TL_E_BUSY, tl_query(spare, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, NULL, &err));
  for (;;) {
    CHECK_STATUS(tl_queue_wait(loop.queue, done, 64, 0, &n), TL_OK);
    if (n == 0) break;
    taken += (int64_t)n;
    for (size_t i = 0; i < n; ++i) {
      CHECK_STATUS(done[i].status, TL_E_CANCELLED);
      tl_completion_release(&done[i]);
    }
  }
  CHECK_INT(taken, bound);
  query(&loop, spare, "SELECT 1", 0, 2);
  tl_result_release(value_of(&loop, 2, TL_DONE_RESULT));
  tl_conn_release(spare);
  close_loop(&loop);
}

void test_a_queue_is_released_with_calls_under_way(void) {
  struct loop loop;
  open_loop(&loop, 0);
  for (uint64_t i = 0; i < 50; ++i) query(&loop, loop.desk.db, "SELECT 1", 0, i);
  tl_queue_release(loop.queue);
  CHECK_INT(ask_int(loop.desk.db, "SELECT 1"), 1); /* their sessions come back without anybody waiting for them */
  close_desk(&loop.desk);
}

void test_misuse_of_queues(void) {
  struct loop loop;
  tl_error* err = NULL;
  tl_queue* queue = NULL;
  tl_completion done;
  size_t n = 0;
  open_loop(&loop, 0);
  EXPECT(TL_E_MISUSE, tl_queue_new(NULL, 0, &queue, &err));
  EXPECT(TL_E_MISUSE, tl_queue_new(loop.desk.registry, 0, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_queue_new(loop.desk.registry, 2, &queue, &err));
  CHECK_INT(tl_queue_fd(NULL), -1);
  CHECK_STATUS(tl_queue_wait(NULL, &done, 1, 0, &n), TL_E_MISUSE);
  CHECK_STATUS(tl_queue_wait(loop.queue, NULL, 1, 0, &n), TL_E_MISUSE);
  CHECK_STATUS(tl_queue_wait(loop.queue, &done, 0, 0, &n), TL_E_MISUSE);
  CHECK_STATUS(tl_queue_wait(loop.queue, &done, 1, -2, &n), TL_E_MISUSE);
  CHECK_STATUS(tl_queue_wait(loop.queue, &done, 1, 0, NULL), TL_E_MISUSE);
  tl_queue_wake(NULL);
  tl_queue_shutdown(NULL);
  tl_queue_release(NULL);
  tl_completion_release(NULL);
  query(&loop, loop.desk.db, "SELECT nothing_of_the_kind", 0, 1);
  expect_next(&loop, 1, TL_E_STATEMENT);
  close_loop(&loop);
}

/* The text of a column of an event, "" where there is none. */
static void column_of(const tl_completion* event, const char* name, char* out, size_t size) {
  tl_column columns[16];
  int64_t rows = 0;
  memset(columns, 0, sizeof columns);
  columns[0].struct_size = sizeof columns[0];
  out[0] = '\0';
  size_t n = 11;
  CHECK_STATUS(tl_batch_columns(event->value, columns, n, &rows), TL_OK);
  CHECK_INT(rows, 1);
  for (size_t i = 0; i < n; ++i) {
    if (strcmp(columns[i].name, name) != 0 || is_null(&columns[i], 0)) continue;
    size_t length = 0;
    const char* text = bytes_at(&columns[i], 0, &length);
    if (length < size) memcpy(out, text, length), out[length] = '\0';
  }
}

void test_events_arrive_on_a_queue(void) {
  struct loop loop;
  tl_error* err = NULL;
  char text[200];
  open_loop(&loop, 0);
  tl_call call = call_on(&loop, 77);
  call.op = tl_op_new(loop.desk.registry);
  EXPECT(TL_E_MISUSE, tl_subscribe(loop.desk.registry, TL_EVENT_QUERY, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_subscribe(loop.desk.registry, 0, &call, &err));
  EXPECT(TL_E_MISUSE, tl_subscribe(loop.desk.registry, 0x80000000u, &call, &err));
  OK(tl_subscribe(loop.desk.registry, TL_EVENT_QUERY | TL_EVENT_CHECKIN, &call, &err));
  run(loop.desk.db, "INSERT INTO things (id, name) VALUES (1, 'secret')"); /* a blocking call's, too */
  int queries = 0, checkins = 0;
  while (queries + checkins < 2) {
    tl_completion event = next(&loop);
    REQUIRE(event.kind == TL_EVENT && event.value != NULL);
    CHECK_INT((int64_t)event.user_data, 77);
    CHECK_INT((int64_t)event.arg[1], 0);
    column_of(&event, "kind", text, sizeof text);
    if (event.arg[0] == TL_EVENT_QUERY) {
      ++queries;
      CHECK_TEXT(text, "query");
      column_of(&event, "statement", text, sizeof text);
      CHECK_TEXT(text, "INSERT INTO things (id, name) VALUES (1, 'secret')");
      column_of(&event, "connection", text, sizeof text);
      CHECK_TEXT(text, "db");
    } else {
      ++checkins;
      CHECK_TEXT(text, "checkin");
    }
    tl_completion_release(&event);
  }
  CHECK_STATUS(tl_cancel(loop.desk.registry, call.op), TL_OK);
  expect_next(&loop, 77, TL_E_CANCELLED);
  run(loop.desk.db, "SELECT 1");
  tl_completion none;
  size_t n = 0;
  CHECK_STATUS(tl_queue_wait(loop.queue, &none, 1, 0, &n), TL_OK);
  CHECK_INT((int64_t)n, 0);
  close_loop(&loop);
}

void test_events_that_nobody_takes_are_dropped_and_counted(void) {
  enum { bound = 1024, more = 10 };
  struct loop loop;
  tl_error* err = NULL;
  open_loop(&loop, 0);
  tl_call call = call_on(&loop, 1);
  OK(tl_subscribe(loop.desk.registry, TL_EVENT_QUERY, &call, &err));
  for (int i = 0; i < bound + more; ++i) run(loop.desk.db, "SELECT 1");
  for (int i = 0; i < bound; ++i) {
    tl_completion event = next(&loop);
    CHECK_INT(event.kind, TL_EVENT);
    tl_completion_release(&event);
  }
  run(loop.desk.db, "SELECT 1");
  tl_completion event = next(&loop);
  CHECK_INT((int64_t)event.arg[1], more);
  tl_completion_release(&event);
  tl_queue_shutdown(loop.queue);
  expect_next(&loop, 1, TL_E_SHUTDOWN);
  CHECK_STATUS(tl_queue_wait(loop.queue, &event, 1, -1, &(size_t){0}), TL_E_SHUTDOWN);
  close_loop(&loop);
}
