/* Arrow's C stream of an answer: https://arrow.apache.org/docs/format/CStreamInterface.html */
#include "capi_fixture.h"

#include <string.h>

struct ArrowSchema {
  const char *format, *name, *metadata;
  int64_t flags, n_children;
  struct ArrowSchema **children, *dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length, null_count, offset, n_buffers, n_children;
  const void** buffers;
  struct ArrowArray **children, *dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema*);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray*);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

static int64_t rows_of(struct ArrowArrayStream* stream) {
  int64_t rows = 0;
  for (;;) {
    struct ArrowArray array;
    memset(&array, 0, sizeof array);
    CHECK_INT(stream->get_next(stream, &array), 0);
    if (array.release == NULL) return rows;
    rows += array.length;
    array.release(&array);
    CHECK(array.release == NULL);
  }
}

void test_an_answer_as_arrow(void) {
  struct desk desk;
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  struct ArrowArray array;
  tl_error* err = NULL;
  open_desk(&desk);
  run(desk.db, "INSERT INTO things VALUES (1, 'one', 10), (2, 'two', NULL)");
  tl_result* result = ask(desk.db,
                          on_sqlite() ? "SELECT id, name, amount FROM things ORDER BY id"
                                      : "SELECT id::bigint, name, amount FROM things ORDER BY id",
                          NULL);
  const char* endpoint = tl_result_endpoint(result);
  char before[256];
  REQUIRE(strlen(endpoint) < sizeof before);
  strcpy(before, endpoint);
  OK(tl_result_export_stream(result, &stream, &err));
  CHECK_INT(stream.get_schema(&stream, &schema), 0);
  CHECK_TEXT(schema.format, "+s");
  REQUIRE(schema.n_children == 3);
  CHECK_TEXT(schema.children[1]->name, "name");
  CHECK_INT(stream.get_next(&stream, &array), 0);
  REQUIRE(array.release != NULL);
  CHECK_INT(array.length, 2);
  CHECK_INT(array.n_children, 3);
  if (!on_sqlite()) {
    CHECK_TEXT(schema.children[0]->format, "l");
    CHECK_TEXT(schema.children[1]->format, "u");
    CHECK_INT(((const int64_t*)array.children[0]->buffers[1])[1], 2);
    CHECK_INT(memcmp(array.children[1]->buffers[2], "onetwo", 6), 0);
    CHECK_INT(array.children[2]->null_count, 1);
  }
  CHECK_INT(rows_of(&stream), 0);
  stream.release(&stream);
  CHECK(stream.release == NULL);
  CHECK_TEXT(endpoint, before); /* strings of the result are valid until it is released */
  CHECK_TEXT(tl_result_endpoint(result), before);
  CHECK_INT(tl_result_columns(result), 3);
  tl_result_release(result);
  tl_conn_release(desk.db);
  tl_registry_release(desk.registry);
  CHECK_INT(array.length, 2); /* what was handed out lives on its own */
  if (!on_sqlite()) CHECK_INT(((const int64_t*)array.children[0]->buffers[1])[0], 1);
  array.release(&array);
  schema.release(&schema);
  CHECK(array.release == NULL && schema.release == NULL);
}

void test_arrow_takes_what_is_left(void) {
  for (uint32_t flags = 0; flags <= TL_CALL_STREAM; flags += TL_CALL_STREAM) {
    tl_registry* registry = open_registry("");
    tl_conn* db = conn_of(registry, "db");
    tl_call call = call_with(flags);
    tl_error* err = NULL;
    struct ArrowArrayStream stream;
    struct sheet sheet;
    call.batch_rows = 10;
    tl_result* result = ask(db, rows_sql(35), &call);
    REQUIRE(next_sheet(result, &sheet));
    tl_batch_release(sheet.batch);
    OK(tl_result_export_stream(result, &stream, &err));
    CHECK_INT(count_rows(result), 0);
    tl_result_release(result);
    CHECK_INT(leased_of(registry, "db"), flags == 0 ? 0 : 1);
    tl_conn_release(db);
    CHECK_INT(rows_of(&stream), 25);
    CHECK_INT(leased_of(registry, "db"), 0);
    stream.release(&stream);
    tl_registry_release(registry);
  }
}

void test_arrow_released_early(void) {
  tl_registry* registry = open_registry("");
  tl_conn* spare = conn_of(registry, "spare");
  tl_call call = call_with(TL_CALL_STREAM);
  tl_error* err = NULL;
  struct ArrowArrayStream stream;
  call.batch_rows = 1;
  tl_result* result = ask(spare, rows_sql(1000000), &call);
  OK(tl_result_export_stream(result, &stream, &err));
  tl_result_release(result);
  stream.release(&stream);
  CHECK_INT(ask_int(spare, "SELECT 1"), 1); /* its only session came home */
  tl_conn_release(spare);
  tl_registry_release(registry);
}

void test_arrow_of_each_set(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_error* err = NULL;
  struct ArrowArrayStream first, second;
  int32_t more = 0;
  tl_result* result = ask(db, "SELECT 1 AS a; SELECT 2 AS b UNION ALL SELECT 3", NULL);
  OK(tl_result_export_stream(result, &first, &err));
  OK(tl_result_next_set(result, NULL, &more, &err)); /* an answer read whole keeps its other sets */
  CHECK_INT(more, 1);
  OK(tl_result_export_stream(result, &second, &err));
  tl_result_release(result);
  CHECK_INT(rows_of(&second), 2);
  CHECK_INT(rows_of(&first), 1);
  first.release(&first);
  second.release(&second);
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_arrow_of_no_columns(void) {
  struct desk desk;
  struct ArrowArrayStream stream;
  tl_error* err = NULL;
  open_desk(&desk);
  memset(&stream, 0, sizeof stream);
  tl_result* result = ask(desk.db, "DELETE FROM things", NULL);
  EXPECT(TL_E_MISUSE, tl_result_export_stream(result, &stream, &err));
  CHECK(stream.release == NULL);
  CHECK_INT(tl_result_affected(result), 0);
  tl_result_release(result);
  close_desk(&desk);
}

void test_arrow_tells_failures(void) {
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_error* err = NULL;
  tl_call call = call_with(TL_CALL_STREAM | TL_CALL_READ);
  call.batch_rows = 1;
  tl_result* result = ask(db,
                          on_sqlite() ? "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
                                        "SELECT CASE WHEN i < 3 THEN i ELSE json_extract('{', '$') END AS i FROM n"
                                      : "SELECT 10 / (3 - i) AS i FROM generate_series(1, 3) i",
                          &call);
  OK(tl_result_export_stream(result, &stream, &err));
  tl_result_release(result);
  int code = 0;
  for (int i = 0; i < 4 && code == 0; ++i) {
    memset(&array, 0, sizeof array);
    code = stream.get_next(&stream, &array);
    if (array.release != NULL) array.release(&array);
  }
  CHECK(code != 0);
  const char* why = stream.get_last_error(&stream);
  CHECK(why != NULL && why[0] != '\0');
  stream.release(&stream);
  tl_conn_release(db);
  tl_registry_release(registry);
}
