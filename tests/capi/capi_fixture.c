#include "capi_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder_name[64];

static const char* variable(const char* name) {
  const char* value = getenv(name);
  if (value == NULL) fprintf(stderr, "%s is not set\n", name);
  REQUIRE(value != NULL);
  return value;
}

int on_sqlite(void) { return strcmp(variable("TL_TARGET"), "sqlite") == 0; }

int has_sessions_of_its_own(const char* test) {
  if (getenv("TL_PG_PROXY") == NULL) return 1;
  printf("left out: %s: a proxy keeps nothing of a session from one transaction to the next\n", test);
  return 0;
}

const char* folder(void) {
  if (folder_name[0] == '\0') {
    strcpy(folder_name, "/tmp/tl-capi-XXXXXX");
    REQUIRE(mkdtemp(folder_name) != NULL);
  }
  return folder_name;
}

void remove_folder(void) {
  char command[128];
  if (folder_name[0] == '\0') return;
  snprintf(command, sizeof command, "rm -rf %s", folder_name);
  if (system(command) != 0) fprintf(stderr, "%s is left behind\n", folder_name);
}

void target_settings(char* out, size_t size) {
  if (on_sqlite()) {
    snprintf(out, size, "driver = 'sqlite'\ndatabase = '%s/db.sqlite'\n", folder());
  } else {
    snprintf(out, size, "driver = 'postgresql'\nsocket = '%s'\nport = %s\ndatabase = '%s'\nuser = '%s'\n",
             variable("TL_PG_SOCKET"), variable("TL_PG_PORT"), variable("TL_PG_DATABASE"), variable("TL_PG_USER"));
  }
}

const char* configuration(const char* more) {
  static char text[8192];
  char where[1024];
  target_settings(where, sizeof where);
  const int n =
      snprintf(text, sizeof text, "default = 'db'\n[connections.db]\n%s[connections.spare]\n%spool.max = 1\n%s", where,
               where, more);
  REQUIRE(n > 0 && (size_t)n < sizeof text);
  return text;
}

tl_registry* open_registry(const char* more) {
  const char* text = configuration(more);
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  OK(tl_registry_parse(WHOLE(text), "capi.toml", NULL, &registry, &err));
  REQUIRE(registry != NULL);
  return registry;
}

tl_conn* conn_of(tl_registry* registry, const char* name) {
  tl_conn* conn = NULL;
  tl_error* err = NULL;
  OK(tl_conn_get(registry, WHOLE(name), TL_DUAL, &conn, &err));
  REQUIRE(conn != NULL);
  return conn;
}

void open_desk(struct desk* desk) {
  desk->registry = open_registry("");
  desk->db = conn_of(desk->registry, "db");
  run(desk->db, "DROP TABLE IF EXISTS things");
  run(desk->db,
      "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL CONSTRAINT things_name UNIQUE, amount INTEGER)");
}

void close_desk(struct desk* desk) {
  tl_error* err = NULL;
  tl_conn_release(desk->db);
  OK(tl_registry_close(desk->registry, NULL, 0, NULL, &err));
  tl_registry_release(desk->registry);
}

tl_status try_run(tl_conn* conn, const char* sql, const tl_call* call, tl_error** err) {
  tl_result* result = NULL;
  const tl_status status = tl_query(conn, WHOLE(sql), NULL, 0, NULL, 0, call, &result, err);
  CHECK((status == TL_OK) == (result != NULL));
  tl_result_release(result);
  return status;
}

tl_result* ask(tl_conn* conn, const char* sql, const tl_call* call) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  OK(tl_query(conn, WHOLE(sql), NULL, 0, NULL, 0, call, &result, &err));
  REQUIRE(result != NULL);
  return result;
}

void run(tl_conn* conn, const char* sql) { tl_result_release(ask(conn, sql, NULL)); }

int64_t ask_int(tl_conn* conn, const char* sql) {
  tl_result* result = ask(conn, sql, NULL);
  struct sheet sheet;
  REQUIRE(next_sheet(result, &sheet) && sheet.n == 1);
  CHECK_INT(sheet.rows, 1);
  const int64_t value = int_at(&sheet.columns[0], 0);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  return value;
}

tl_call call_with(uint32_t flags) {
  tl_call call;
  memset(&call, 0, sizeof call);
  call.struct_size = sizeof call;
  call.flags = flags;
  return call;
}

int next_sheet(tl_result* result, struct sheet* sheet) {
  tl_error* err = NULL;
  memset(sheet, 0, sizeof *sheet);
  sheet->columns[0].struct_size = sizeof sheet->columns[0];
  OK(tl_result_next(result, NULL, &sheet->batch, &err));
  if (sheet->batch == NULL) return 0;
  sheet->n = tl_result_columns(result);
  REQUIRE(sheet->n <= sizeof sheet->columns / sizeof sheet->columns[0]);
  CHECK_STATUS(tl_batch_columns(sheet->batch, sheet->columns, sheet->n, &sheet->rows), TL_OK);
  return 1;
}

int is_null(const tl_column* column, int64_t row) {
  return column->validity != NULL && (column->validity[row / 8] >> (row % 8) & 1) == 0;
}

int64_t int_at(const tl_column* column, int64_t row) {
  REQUIRE(row < column->length && !is_null(column, row));
  switch (column->type) {
    case TL_BOOL: return ((const uint8_t*)column->data)[row / 8] >> (row % 8) & 1;
    case TL_DATE: return ((const int32_t*)column->data)[row];
    case TL_ANY: REQUIRE(column->tags[row] == TL_INT64); break;
    default: REQUIRE(column->type == TL_INT64 || (column->type >= TL_TIME && column->type <= TL_DURATION));
  }
  return ((const int64_t*)column->data)[row];
}

double float_at(const tl_column* column, int64_t row) {
  REQUIRE(row < column->length && !is_null(column, row));
  REQUIRE(column->type == TL_FLOAT64 || (column->type == TL_ANY && column->tags[row] == TL_FLOAT64));
  return ((const double*)column->data)[row];
}

static int has_bytes(uint8_t tag) { return tag == TL_TEXT || tag == TL_BYTES; }

const char* bytes_at(const tl_column* column, int64_t row, size_t* length) {
  REQUIRE(row < column->length && !is_null(column, row));
  if (column->type != TL_ANY) {
    REQUIRE(column->offsets != NULL);
    *length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
    return (const char*)column->data + column->offsets[row];
  }
  REQUIRE(has_bytes(column->tags[row]));
  const uint64_t* ends = (const uint64_t*)column->data;
  uint64_t begin = 0;
  for (int64_t i = 0; i < row; ++i) {
    if (has_bytes(column->tags[i])) begin = ends[i];
  }
  *length = (size_t)(ends[row] - begin);
  return (const char*)column->heap + begin;
}

int text_is(const tl_column* column, int64_t row, const char* should) {
  size_t length = 0;
  const char* text = bytes_at(column, row, &length);
  return length == strlen(should) && memcmp(text, should, length) == 0;
}

int64_t count_rows(tl_result* result) {
  struct sheet sheet;
  int64_t rows = 0;
  while (next_sheet(result, &sheet)) {
    rows += sheet.rows;
    tl_batch_release(sheet.batch);
  }
  return rows;
}

size_t column_named(const struct sheet* sheet, const char* name) {
  for (size_t i = 0; i < sheet->n; ++i) {
    if (strcmp(sheet->columns[i].name, name) == 0) return i;
  }
  fprintf(stderr, "there is no column %s\n", name);
  exit(1);
}

int64_t leased_of(tl_registry* registry, const char* name) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  OK(tl_inspect(registry, "connections", WHOLE(name), NULL, &result, &err));
  REQUIRE(next_sheet(result, &sheet));
  const int64_t leased = int_at(&sheet.columns[column_named(&sheet, "leased")], 0);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  return leased;
}

void put_int(struct deck* deck, int64_t i) {
  put_bytes(deck, TL_INT64, "", 0);
  deck->values[deck->n - 1].v.i64 = i;
}

void put_null(struct deck* deck) { put_bytes(deck, TL_NULL, "", 0); }
void put_text(struct deck* deck, const char* text) { put_bytes(deck, TL_TEXT, WHOLE(text)); }
void put_name(struct deck* deck, const char* name) { put_bytes(deck, TL_NAME, WHOLE(name)); }

void put_bytes(struct deck* deck, int type, const char* bytes, size_t length) {
  REQUIRE(deck->n < sizeof deck->values / sizeof deck->values[0] && length <= sizeof deck->arena - deck->used);
  tl_value* value = &deck->values[deck->n++];
  memset(value, 0, sizeof *value);
  value->type = (uint8_t)type;
  value->length = (uint32_t)length;
  value->v.offset = deck->used;
  memcpy(deck->arena + deck->used, bytes, length);
  deck->used += length;
}

tl_status try_many(tl_conn* conn, const char* sql, const struct deck* deck, size_t rows, const tl_call* call,
                   tl_result** out, tl_error** err) {
  REQUIRE(deck->n % rows == 0);
  return tl_execute_many(conn, WHOLE(sql), deck->values, deck->n / rows, rows, deck->arena, deck->used, call, out, err);
}

int64_t run_many(tl_conn* conn, const char* sql, const struct deck* deck, size_t rows) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  OK(try_many(conn, sql, deck, rows, NULL, &result, &err));
  REQUIRE(result != NULL);
  const int64_t affected = tl_result_affected(result);
  tl_result_release(result);
  return affected;
}

const char insert_thing[] = "INSERT INTO things (id, name) VALUES (?, ?)";

void put_thing(struct deck* deck, int64_t id, const char* name) {
  put_int(deck, id);
  put_text(deck, name);
}

int64_t count_things(tl_conn* conn) { return ask_int(conn, "SELECT count(*) FROM things"); }

const char* detail_of(const tl_error* err, const char* key) {
  const char *found = NULL, *value = NULL;
  for (size_t i = 0; tl_error_detail(err, i, &found, &value) == TL_OK; ++i) {
    if (strcmp(found, key) == 0) return value;
  }
  return "";
}

void* cancel_it(void* cancelling) {
  const struct cancelling* what = cancelling;
  while (what->name != NULL && leased_of(what->registry, what->name) == 0) sched_yield();
  CHECK_STATUS(tl_cancel(what->registry, what->op), TL_OK);
  return NULL;
}

const char* endless_sql(void) {
  return on_sqlite() ? "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
                     : "SELECT count(*) FROM generate_series(1, 1000000000000) i";
}

const char* rows_sql(int n) {
  static __thread char text[256];
  const char* pattern = on_sqlite() ? "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                                      "SELECT i, 'row ' || i AS t FROM n"
                                    : "SELECT i::bigint AS i, 'row ' || i AS t FROM generate_series(1, %d) i";
  snprintf(text, sizeof text, pattern, n);
  return text;
}
