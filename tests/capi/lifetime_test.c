/* Handles are released in any order, on any thread: children keep their parents alive. */
#include "capi_fixture.h"

#include <pthread.h>
#include <string.h>

struct family {
  tl_registry* registry;
  tl_conn *conn, *pinned, *tx, *savepoint;
  tl_result *whole, *stream;
  tl_batch* batch;
};

static void make_family(struct family* family) {
  tl_error* err = NULL;
  tl_call call = call_with(TL_CALL_STREAM);
  call.batch_rows = 1;
  memset(family, 0, sizeof *family);
  family->registry = open_registry("");
  family->conn = conn_of(family->registry, "db");
  OK(tl_pin(family->conn, NULL, &family->pinned, &err));
  OK(tl_begin(family->pinned, 0, NULL, &family->tx, &err));
  OK(tl_begin(family->tx, 0, NULL, &family->savepoint, &err));
  family->whole = ask(family->savepoint, rows_sql(5), NULL);
  OK(tl_result_next(family->whole, NULL, &family->batch, &err));
  family->stream = ask(family->savepoint, rows_sql(100), &call);
}

static void release_one(const struct family* family, int which) {
  switch (which) {
    case 0: tl_registry_release(family->registry); break;
    case 1: tl_conn_release(family->conn); break;
    case 2: tl_conn_release(family->pinned); break;
    case 3: tl_conn_release(family->tx); break;
    case 4: tl_conn_release(family->savepoint); break;
    case 5: tl_result_release(family->whole); break;
    case 6: tl_result_release(family->stream); break;
    default: tl_batch_release(family->batch);
  }
}

void test_parents_first(void) {
  struct family family;
  make_family(&family);
  for (int i = 0; i < 5; ++i) release_one(&family, i);
  CHECK_INT(count_rows(family.stream), 100); /* the stream goes on */
  CHECK_INT(tl_result_columns(family.whole), 2);
  CHECK(tl_result_endpoint(family.stream)[0] != '\0');
  release_one(&family, 6);
  release_one(&family, 5);
  tl_column columns[2];
  int64_t rows = 0;
  columns[0].struct_size = sizeof columns[0];
  CHECK_STATUS(tl_batch_columns(family.batch, columns, 2, &rows), TL_OK);
  CHECK_INT(rows, 5);
  CHECK_INT(int_at(&columns[0], 4), 5);
  CHECK_TEXT(columns[1].name, "t");
  release_one(&family, 7);
}

void test_a_connection_works_without_its_registry(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = conn_of(registry, "db");
  const tl_call call = call_with(TL_CALL_READ);
  tl_error* err = NULL;
  tl_registry_release(registry);
  CHECK_INT(ask_int(conn, "SELECT 1"), 1);
  OK(try_run(conn, "SELECT 1", &call, &err));
  tl_conn_release(conn);
}

/* Every order of eight is 40320; these are the ones that begin anywhere and step by any odd number. */
void test_any_order(void) {
  for (int step = 1; step < 8; step += 2) {
    for (int first = 0; first < 8; ++first) {
      struct family family;
      make_family(&family);
      for (int i = 0; i < 8; ++i) release_one(&family, (first + i * step) % 8);
    }
  }
}

static void* release_all(void* argument) {
  for (int i = 0; i < 8; ++i) release_one(argument, i);
  return NULL;
}

void test_on_another_thread(void) {
  for (int i = 0; i < 4; ++i) {
    struct family family;
    pthread_t thread;
    make_family(&family);
    REQUIRE(pthread_create(&thread, NULL, release_all, &family) == 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
  }
}

struct piece {
  const struct family* family;
  int which;
};

static void* release_piece(void* argument) {
  const struct piece* piece = argument;
  release_one(piece->family, piece->which);
  return NULL;
}

void test_all_at_once(void) {
  for (int round = 0; round < 10; ++round) {
    struct family family;
    struct piece pieces[8];
    pthread_t threads[8];
    make_family(&family);
    for (int i = 0; i < 8; ++i) {
      pieces[i].family = &family;
      pieces[i].which = i;
      REQUIRE(pthread_create(&threads[i], NULL, release_piece, &pieces[i]) == 0);
    }
    for (int i = 0; i < 8; ++i) CHECK_INT(pthread_join(threads[i], NULL), 0);
  }
}
