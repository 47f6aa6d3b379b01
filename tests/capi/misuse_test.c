/* Wrong calls are told, whatever they are: arguments that are NULL, structs of another size, flags nobody knows. */
#include "capi_fixture.h"

#include <stdlib.h>
#include <string.h>

static int mark; /* out parameters that no failure may touch point here */
#define MARK(type) ((type*)(void*)&mark)

void test_release_of_null(void) {
  tl_registry_release(NULL);
  tl_conn_release(NULL);
  tl_result_release(NULL);
  tl_batch_release(NULL);
  tl_error_release(NULL);
  tl_op_release(NULL, 1);
}

void test_null_arguments(void) {
  struct desk desk;
  tl_registry* registry = MARK(tl_registry);
  tl_conn* conn = MARK(tl_conn);
  tl_result* result = MARK(tl_result);
  tl_error* err = NULL;
  int32_t more = 77;
  open_desk(&desk);

  EXPECT(TL_E_MISUSE, tl_registry_open("x", NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_parse(NULL, 3, NULL, NULL, &registry, &err));
  EXPECT(TL_E_MISUSE, tl_registry_parse("", 0, NULL, NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_connect(NULL, WHOLE("db"), NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_connect(desk.registry, NULL, 2, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_close(NULL, NULL, 0, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_close(desk.registry, NULL, 2, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_inspect(NULL, "pools", NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_inspect(desk.registry, NULL, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_inspect(desk.registry, "pools", NULL, 5, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_inspect(desk.registry, "pools", NULL, 0, NULL, NULL, &err));

  EXPECT(TL_E_MISUSE, tl_conn_get(NULL, WHOLE("db"), TL_DUAL, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_conn_get(desk.registry, NULL, 2, TL_DUAL, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_conn_get(desk.registry, WHOLE("db"), TL_DUAL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_conn_derive(NULL, NULL, 0, NULL, 0, -1, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_conn_derive(desk.db, NULL, 3, NULL, 0, -1, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_conn_derive(desk.db, NULL, 0, NULL, 3, -1, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_conn_derive(desk.db, NULL, 0, NULL, 0, -1, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_pin(NULL, NULL, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_pin(desk.db, NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_begin(NULL, 0, NULL, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_begin(desk.db, 0, NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_commit(NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_rollback(NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_query(NULL, WHOLE("SELECT 1"), NULL, 0, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_query(desk.db, NULL, 8, NULL, 0, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT 1"), NULL, 0, NULL, 0, NULL, NULL, &err));

  tl_column column;
  memset(&column, 0, sizeof column);
  EXPECT(TL_E_MISUSE, tl_result_schema(NULL, &column, 1, &err));
  EXPECT(TL_E_MISUSE, tl_result_next(NULL, NULL, MARK(tl_batch*), &err));
  EXPECT(TL_E_MISUSE, tl_result_next_set(NULL, NULL, &more, &err));
  EXPECT(TL_E_MISUSE, tl_result_export_stream(NULL, NULL, &err));
  CHECK_STATUS(tl_batch_columns(NULL, &column, 1, NULL), TL_E_MISUSE);
  tl_result* one = ask(desk.db, "SELECT 1", NULL);
  EXPECT(TL_E_MISUSE, tl_result_schema(one, NULL, 1, &err));
  EXPECT(TL_E_MISUSE, tl_result_next(one, NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_result_next_set(one, NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_result_export_stream(one, NULL, &err));
  CHECK_INT(count_rows(one), 1); /* none of that used it up */
  tl_result_release(one);

  CHECK_INT(tl_result_affected(NULL), -1);
  CHECK_INT(tl_result_last_id(NULL), 0);
  CHECK_TEXT(tl_result_endpoint(NULL), "");
  CHECK_INT(tl_result_columns(NULL), 0);

  CHECK_STATUS(tl_pin(NULL, NULL, &conn, NULL), TL_E_MISUSE); /* nobody wants the error */
  CHECK(registry == MARK(tl_registry) && conn == MARK(tl_conn) && result == MARK(tl_result) && more == 77);
  close_desk(&desk);
}

static tl_status query_with(tl_conn* conn, const tl_call* call, tl_error** err) {
  return try_run(conn, "SELECT 1", call, err);
}

void test_the_size_of_a_call(void) {
  struct desk desk;
  tl_error* err = NULL;
  struct {
    tl_call call;
    unsigned char tail[24];
  } wide;
  open_desk(&desk);
  memset(&wide, 0, sizeof wide);
  EXPECT(TL_E_MISUSE, query_with(desk.db, &wide.call, &err)); /* 0 */
  static const uint32_t small[] = {1, 4, 8, sizeof(tl_call) - 8, sizeof(tl_call) - 1};
  for (size_t i = 0; i < sizeof small / sizeof small[0]; ++i) {
    wide.call.struct_size = small[i];
    EXPECT(TL_E_MISUSE, query_with(desk.db, &wide.call, &err));
  }
  wide.call.struct_size = sizeof wide.call;
  wide.tail[0] = 1; /* outside the struct: nobody looks */
  OK(query_with(desk.db, &wide.call, &err));
  wide.call.struct_size = sizeof wide;
  EXPECT(TL_E_MISUSE, query_with(desk.db, &wide.call, &err));
  wide.tail[0] = 0;
  OK(query_with(desk.db, &wide.call, &err));
  wide.tail[sizeof wide.tail - 1] = 1;
  EXPECT(TL_E_MISUSE, query_with(desk.db, &wide.call, &err));
  close_desk(&desk);
}

/* Every function that takes a call looks at all of it. */
static void refused_everywhere(const struct desk* desk, const tl_call* call) {
  tl_conn *conn = MARK(tl_conn), *pinned = NULL, *inner = NULL;
  tl_result *result = MARK(tl_result), *one = ask(desk->db, "SELECT 1", NULL);
  tl_batch* batch = MARK(tl_batch);
  int32_t more = 77;
  tl_error* err = NULL;
  EXPECT(TL_E_MISUSE, tl_registry_connect(desk->registry, NULL, 0, call, &err));
  EXPECT(TL_E_MISUSE, tl_registry_close(desk->registry, NULL, 0, call, &err));
  EXPECT(TL_E_MISUSE, tl_registry_connect_all(desk->registry, call, &err));
  EXPECT(TL_E_MISUSE, tl_registry_remove(desk->registry, WHOLE("spare"), call, &more, &err));
  EXPECT(TL_E_MISUSE, tl_inspect(desk->registry, "pools", NULL, 0, call, &result, &err));
  EXPECT(TL_E_MISUSE, tl_pin(desk->db, call, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_begin(desk->db, 0, call, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_query(desk->db, WHOLE("SELECT 1"), NULL, 0, NULL, 0, call, &result, &err));
  EXPECT(TL_E_MISUSE, tl_result_next(one, call, &batch, &err));
  EXPECT(TL_E_MISUSE, tl_result_next_set(one, call, &more, &err));
  CHECK(conn == MARK(tl_conn) && result == MARK(tl_result) && batch == MARK(tl_batch) && more == 77);
  OK(tl_begin(desk->db, 0, NULL, &inner, &err));
  EXPECT(TL_E_MISUSE, tl_commit(inner, call, &err));
  EXPECT(TL_E_MISUSE, tl_rollback(inner, call, &err));
  OK(tl_commit(inner, NULL, &err)); /* the misuse did not end it */
  tl_conn_release(inner);
  OK(tl_pin(desk->db, NULL, &pinned, &err));
  tl_conn_release(pinned);
  tl_result_release(one);
}

void test_fields_of_a_call(void) {
  struct desk desk;
  tl_call call;
  open_desk(&desk);
  for (uint32_t bit = 3; bit < 32; ++bit) {
    tl_error* err = NULL;
    call = call_with(UINT32_C(1) << bit);
    EXPECT(TL_E_MISUSE, query_with(desk.db, &call, &err));
  }
  call = call_with(0x80000000u);
  refused_everywhere(&desk, &call);
  call = call_with(TL_CALL_READ | TL_CALL_WRITE);
  refused_everywhere(&desk, &call);
  call = call_with(0);
  call.timeout_ms = -2;
  refused_everywhere(&desk, &call);
  call.timeout_ms = INT64_MIN;
  refused_everywhere(&desk, &call);
  call = call_with(0);
  call.max_lag_ms = -2;
  refused_everywhere(&desk, &call);
  call = call_with(0);
  call.priority = -1;
  refused_everywhere(&desk, &call);
  call = call_with(0);
  call.reserved = 1;
  refused_everywhere(&desk, &call);
  call = call_with(0);
  call.op = UINT64_C(0xdeadbeef12345678); /* nobody's */
  refused_everywhere(&desk, &call);
  close_desk(&desk);
}

void test_extreme_values_of_a_call(void) {
  struct desk desk;
  tl_error* err = NULL;
  tl_call call = call_with(TL_CALL_READ);
  open_desk(&desk);
  call.timeout_ms = INT64_MAX;
  OK(query_with(desk.db, &call, &err));
  call.timeout_ms = -1;
  OK(query_with(desk.db, &call, &err));
  call.timeout_ms = INT64_MAX / 1000000 + 1;
  OK(query_with(desk.db, &call, &err));
  call.timeout_ms = 0;
  call.user_data = UINT64_MAX;
  call.owner = UINT64_MAX;
  call.batch_rows = UINT32_MAX;
  call.batch_bytes = UINT32_MAX;
  OK(query_with(desk.db, &call, &err));
  call.batch_rows = call.batch_bytes = 1;
  OK(query_with(desk.db, &call, &err));
  close_desk(&desk);
}

void test_modes_and_flags(void) {
  struct desk desk;
  tl_conn* conn = MARK(tl_conn);
  tl_error* err = NULL;
  static const int32_t modes[] = {-2, 3, INT32_MAX, INT32_MIN};
  open_desk(&desk);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT(TL_E_MISUSE, tl_conn_get(desk.registry, WHOLE("db"), modes[i], &conn, &err));
    EXPECT(TL_E_MISUSE, tl_conn_derive(desk.db, NULL, 0, NULL, 0, modes[i], &conn, &err));
  }
  EXPECT(TL_E_MISUSE, tl_conn_get(desk.registry, WHOLE("db"), -1, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_conn_derive(desk.db, NULL, 0, "token", 5, -1, &conn, &err));
  for (uint32_t bit = 0; bit < 32; ++bit) {
    if (bit == 0 || bit == 4 || bit == 5) continue;
    EXPECT(TL_E_MISUSE, tl_begin(desk.db, UINT32_C(1) << bit, NULL, &conn, &err));
  }
  for (uint32_t flag = TL_CALL_READ; flag <= TL_CALL_STREAM; flag <<= 1) { /* of statements only */
    const tl_call call = call_with(flag);
    EXPECT(TL_E_MISUSE, tl_begin(desk.db, 0, &call, &conn, &err));
    EXPECT(TL_E_MISUSE, tl_pin(desk.db, &call, &conn, &err));
    EXPECT(TL_E_MISUSE, tl_registry_connect(desk.registry, NULL, 0, &call, &err));
  }
  CHECK(conn == MARK(tl_conn));
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  close_desk(&desk);
}

void test_text_is_utf8(void) {
  struct desk desk;
  tl_conn* conn = MARK(tl_conn);
  tl_result* result = MARK(tl_result);
  tl_error* err = NULL;
  static const char arena[] = "fine \xc3\xa9 \xff";
  tl_value value;
  open_desk(&desk);
  EXPECT(TL_E_MISUSE, tl_conn_derive(desk.db, "\xff", 1, NULL, 0, -1, &conn, &err));
  memset(&value, 0, sizeof value);
  value.type = TL_TEXT;
  value.length = sizeof arena - 1;
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT ?"), &value, 1, arena, sizeof arena - 1, NULL, &result, &err));
  value.length -= 2;
  OK(tl_query(desk.db, WHOLE("SELECT ?"), &value, 1, arena, sizeof arena - 1, NULL, &result, &err));
  tl_result_release(result);
  close_desk(&desk);
}

void test_columns_want_the_right_struct(void) {
  struct desk desk;
  tl_error* err = NULL;
  struct sheet sheet;
  int64_t rows = 77;
  open_desk(&desk);
  tl_result* result = ask(desk.db, "SELECT 1 AS a, 2 AS b", NULL);
  CHECK_INT(tl_result_columns(result), 2);
  tl_column columns[4];
  memset(columns, 0, sizeof columns);
  EXPECT(TL_E_MISUSE, tl_result_schema(result, columns, 2, &err)); /* struct_size 0 */
  columns[0].struct_size = sizeof(tl_column) - 8;
  EXPECT(TL_E_MISUSE, tl_result_schema(result, columns, 2, &err));
  columns[0].struct_size = sizeof(tl_column) + 1; /* no struct with pointers has such a size */
  EXPECT(TL_E_MISUSE, tl_result_schema(result, columns, 2, &err));
  columns[0].struct_size = sizeof(tl_column);
  EXPECT(TL_E_MISUSE, tl_result_schema(result, columns, 1, &err));
  EXPECT(TL_E_MISUSE, tl_result_schema(result, columns, 3, &err));
  EXPECT(TL_E_MISUSE, tl_result_schema(result, columns, SIZE_MAX, &err));
  CHECK(columns[0].name == NULL);
  OK(tl_result_schema(result, columns, 2, &err));
  CHECK_TEXT(columns[1].name, "b");

  REQUIRE(next_sheet(result, &sheet));
  memset(columns, 0, sizeof columns);
  CHECK_STATUS(tl_batch_columns(sheet.batch, columns, 2, &rows), TL_E_MISUSE);
  columns[0].struct_size = sizeof(tl_column) - 4;
  CHECK_STATUS(tl_batch_columns(sheet.batch, columns, 2, &rows), TL_E_MISUSE);
  columns[0].struct_size = sizeof(tl_column) + 4;
  CHECK_STATUS(tl_batch_columns(sheet.batch, columns, 2, &rows), TL_E_MISUSE);
  columns[0].struct_size = sizeof(tl_column);
  CHECK_STATUS(tl_batch_columns(sheet.batch, columns, 3, &rows), TL_E_MISUSE);
  CHECK_STATUS(tl_batch_columns(sheet.batch, NULL, 2, &rows), TL_E_MISUSE);
  CHECK_INT(rows, 77);
  CHECK_STATUS(tl_batch_columns(sheet.batch, columns, 2, NULL), TL_OK); /* rows is not wanted */
  CHECK_INT(int_at(&columns[1], 0), 2);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  close_desk(&desk);
}

/* A caller built with a later header, whose tl_column is longer. */
void test_longer_columns(void) {
  struct later {
    tl_column column;
    uint64_t more[2];
  } columns[2];
  struct desk desk;
  tl_error* err = NULL;
  tl_batch* batch = NULL;
  open_desk(&desk);
  tl_result* result = ask(desk.db, "SELECT 1 AS a, 2 AS b", NULL);
  memset(columns, 0xAB, sizeof columns);
  columns[0].column.struct_size = sizeof columns[0];
  OK(tl_result_schema(result, &columns[0].column, 2, &err));
  CHECK_TEXT(columns[0].column.name, "a");
  CHECK_TEXT(columns[1].column.name, "b");
  CHECK_INT(columns[1].column.struct_size, sizeof columns[0]);
  CHECK(columns[0].more[0] == 0 && columns[1].more[1] == 0); /* what this version does not know is its default */
  OK(tl_result_next(result, NULL, &batch, &err));
  CHECK_STATUS(tl_batch_columns(batch, &columns[0].column, 2, NULL), TL_OK);
  CHECK_INT(int_at(&columns[0].column, 0), 1);
  CHECK_INT(int_at(&columns[1].column, 0), 2);
  tl_batch_release(batch);
  tl_result_release(result);
  close_desk(&desk);
}
