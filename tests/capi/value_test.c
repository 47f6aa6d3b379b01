/* Parameters that are right: every type, by position and by name, lists. */
#include "capi_fixture.h"

#include <stdlib.h>
#include <string.h>

/* Values and their arena, 8-aligned. */
struct pack {
  tl_value values[16];
  size_t n;
  union {
    tl_value aligned[64];
    char bytes[1024];
  } arena;
  size_t used;
};

static tl_value* add(struct pack* pack, uint8_t type) {
  tl_value* value = &pack->values[pack->n++];
  memset(value, 0, sizeof *value);
  value->type = type;
  return value;
}
static void add_int(struct pack* pack, uint8_t type, int64_t i) { add(pack, type)->v.i64 = i; }
static void add_float(struct pack* pack, double f) { add(pack, TL_FLOAT64)->v.f64 = f; }
static void add_bytes(struct pack* pack, uint8_t type, const void* bytes, size_t length) {
  tl_value* value = add(pack, type);
  value->length = (uint32_t)length;
  value->v.offset = pack->used;
  memcpy(pack->arena.bytes + pack->used, bytes, length);
  pack->used += length;
}
static void add_text(struct pack* pack, uint8_t type, const char* text) { add_bytes(pack, type, text, strlen(text)); }
static void add_ints(struct pack* pack, const int64_t* ints, size_t count) {
  tl_value* list = add(pack, TL_LIST);
  pack->used = (pack->used + 7) / 8 * 8;
  list->element = TL_INT64;
  list->length = (uint32_t)count;
  list->v.offset = pack->used;
  for (size_t i = 0; i < count; ++i) {
    tl_value element;
    memset(&element, 0, sizeof element);
    element.type = ints[i] < 0 ? TL_NULL : TL_INT64;
    element.v.i64 = ints[i] < 0 ? 0 : ints[i];
    memcpy(pack->arena.bytes + pack->used, &element, sizeof element);
    pack->used += sizeof element;
  }
}

static tl_status query_pack(tl_conn* conn, const char* sql, const struct pack* pack, const tl_call* call,
                            tl_result** out, tl_error** err) {
  return tl_query(conn, WHOLE(sql), pack->values, pack->n, pack->arena.bytes, pack->used, call, out, err);
}

/* What the database makes of the one value, as its text. */
static void expect_kept(tl_conn* conn, const struct pack* pack, const char* sql, const char* should) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  OK(query_pack(conn, sql, pack, NULL, &result, &err));
  if (result == NULL) return;
  REQUIRE(next_sheet(result, &sheet));
  size_t length = 0;
  char is[128] = "";
  const char* text = bytes_at(&sheet.columns[0], 0, &length);
  REQUIRE(length < sizeof is);
  memcpy(is, text, length);
  CHECK_TEXT(is, should);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
}

struct example {
  uint8_t type;
  int64_t i64;
  const char* text;                /* NULL: i64 counts */
  const char* cast;                /* PostgreSQL's type */
  const char *sqlite, *postgresql; /* "": it has no such type */
};

void test_every_type_arrives(void) {
  static const struct example examples[] = {
      {TL_BOOL, 1, NULL, "boolean", "1", "true"},
      {TL_BOOL, 0, NULL, "boolean", "0", "false"},
      {TL_INT64, INT64_MIN, NULL, "bigint", "-9223372036854775808", "-9223372036854775808"},
      {TL_INT64, INT64_MAX, NULL, "bigint", "9223372036854775807", "9223372036854775807"},
      {TL_UINT64, 42, NULL, "bigint", "42", "42"},
      {TL_DECIMAL, 0, "12345678901234567890.10", "numeric", "12345678901234567890.10", "12345678901234567890.10"},
      {TL_TEXT, 0, "O'Reilly \xC3\xBC", "text", "O'Reilly \xC3\xBC", "O'Reilly \xC3\xBC"},
      {TL_TEXT, 0, "", "text", "", ""},
      {TL_DATE, 19782, NULL, "date", "2024-02-29", "2024-02-29"},
      {TL_TIME, 5400000001, NULL, "time", "01:30:00.000001", "01:30:00.000001"},
      {TL_TIMESTAMP, 1709210096000000, NULL, "timestamp", "2024-02-29 12:34:56", "2024-02-29 12:34:56"},
      {TL_TIMESTAMPTZ, 0, NULL, "timestamptz", "1970-01-01 00:00:00+00:00", "1970-01-01 00:00:00+00"},
      {TL_JSON, 0, "{\"a\": 1}", "json", "{\"a\": 1}", "{\"a\": 1}"},
  };
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_conn* pinned = NULL;
  tl_error* err = NULL;
  OK(tl_pin(db, NULL, &pinned, &err));
  if (!on_sqlite()) run(pinned, "SET timezone = 'UTC'");
  for (size_t i = 0; i < sizeof examples / sizeof examples[0]; ++i) {
    const struct example* e = &examples[i];
    struct pack pack;
    char sql[96] = "SELECT CAST(? AS text)";
    memset(&pack, 0, sizeof pack);
    if (e->text == NULL) add_int(&pack, e->type, e->i64);
    if (e->text != NULL) add_text(&pack, e->type, e->text);
    if (!on_sqlite()) {
      strcpy(sql, "SELECT CAST(CAST(? AS ");
      strcat(strcat(sql, e->cast), ") AS text)");
    }
    expect_kept(pinned, &pack, sql, on_sqlite() ? e->sqlite : e->postgresql);
  }
  tl_conn_release(pinned);
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_types_of_16_bytes(void) {
  static const unsigned char uuid[16] = {0xAB, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  struct {
    int32_t months, days;
    int64_t us;
  } interval = {14, 3, 4000000};
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  struct pack pack;
  memset(&pack, 0, sizeof pack);
  add_bytes(&pack, TL_UUID, uuid, 16);
  pack.values[0].length = 0; /* is not looked at */
  expect_kept(db, &pack, on_sqlite() ? "SELECT ?" : "SELECT CAST(CAST(? AS uuid) AS text)",
              "ab010203-0405-0607-0809-0a0b0c0d0e0f");
  memset(&pack, 0, sizeof pack);
  add_bytes(&pack, TL_INTERVAL, &interval, 16);
  if (on_sqlite()) {
    tl_result* result = NULL;
    tl_error* err = NULL;
    EXPECT(TL_E_UNSUPPORTED, query_pack(db, "SELECT ?", &pack, NULL, &result, &err));
  } else {
    expect_kept(db, &pack, "SELECT CAST(CAST(? AS interval) AS text)", "1 year 2 mons 3 days 00:00:04");
  }
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_nulls_floats_and_bytes(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  struct pack pack;
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  size_t length = 0;
  memset(&pack, 0, sizeof pack);
  add(&pack, TL_NULL);
  add_float(&pack, 0.1);
  add_bytes(&pack, TL_BYTES, "a\0b", 3);
  add_bytes(&pack, TL_BYTES, "", 0);
  OK(query_pack(db,
                on_sqlite() ? "SELECT ?, ?, ?, ?"
                            : "SELECT CAST(? AS text), CAST(? AS float8), CAST(? AS bytea), CAST(? AS bytea)",
                &pack, NULL, &result, &err));
  REQUIRE(result != NULL && next_sheet(result, &sheet) && sheet.n == 4);
  CHECK(is_null(&sheet.columns[0], 0));
  CHECK_INT(sheet.columns[0].null_count, 1);
  CHECK(float_at(&sheet.columns[1], 0) == 0.1);
  CHECK(memcmp(bytes_at(&sheet.columns[2], 0, &length), "a\0b", 3) == 0 && length == 3);
  (void)bytes_at(&sheet.columns[3], 0, &length);
  CHECK_INT(length, 0);
  for (size_t i = 0; i < sheet.n; ++i) CHECK(sheet.columns[i].data != NULL); /* also where there are no bytes */
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  tl_conn_release(db);
  tl_registry_release(registry);
}

static int64_t int_of(tl_conn* conn, const char* sql, const struct pack* pack) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  OK(query_pack(conn, sql, pack, NULL, &result, &err));
  if (result == NULL) return INT64_MIN;
  REQUIRE(next_sheet(result, &sheet));
  const int64_t value = int_at(&sheet.columns[0], 0);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  return value;
}

void test_lists(void) {
  static const int64_t some[] = {2, -1, 4};
  struct desk desk;
  struct pack pack;
  open_desk(&desk);
  run(desk.db, "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4)");
  const char* sql = on_sqlite()
                        ? "SELECT sum(id) FROM things WHERE name <> ? AND id IN (SELECT value FROM json_each(?))"
                        : "SELECT sum(id) FROM things WHERE name <> ? AND id = ANY(?)";
  memset(&pack, 0, sizeof pack);
  add_text(&pack, TL_TEXT, "odd length");
  add_ints(&pack, some, 3);
  CHECK_INT(int_of(desk.db, sql, &pack), 6);
  memset(&pack, 0, sizeof pack);
  add_text(&pack, TL_TEXT, "x");
  add_ints(&pack, some, 0);
  CHECK_INT(
      int_of(desk.db,
             on_sqlite() ? "SELECT count(*) FROM things WHERE name <> ? AND id IN (SELECT value FROM json_each(?))"
                         : "SELECT count(*) FROM things WHERE name <> ? AND id = ANY(?)",
             &pack),
      0);
  close_desk(&desk);
}

void test_names_in_any_order(void) {
  struct desk desk;
  struct pack pack;
  tl_result* result = NULL;
  tl_error* err = NULL;
  open_desk(&desk);
  run(desk.db, "INSERT INTO things VALUES (1, 'a', 1), (2, 'b', 2)");
  memset(&pack, 0, sizeof pack);
  add_text(&pack, TL_NAME, "name");
  add_text(&pack, TL_TEXT, "b");
  add_text(&pack, TL_NAME, "least");
  add_int(&pack, TL_INT64, 2);
  CHECK_INT(int_of(desk.db, "SELECT id FROM things WHERE id >= :least AND amount >= :least AND name = :name", &pack),
            2);
  EXPECT(TL_E_MISUSE, query_pack(desk.db, "SELECT id FROM things WHERE name = :nobody", &pack, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, query_pack(desk.db, "SELECT id FROM things WHERE name = ?", &pack, NULL, &result, &err));
  pack.n = 3; /* a name and nothing after it */
  EXPECT(TL_E_MISUSE, query_pack(desk.db, "SELECT id FROM things WHERE name = :name", &pack, NULL, &result, &err));
  pack.n = 2;
  pack.values[1] = pack.values[0]; /* two names in a row */
  EXPECT(TL_E_MISUSE, query_pack(desk.db, "SELECT id FROM things WHERE name = :name", &pack, NULL, &result, &err));
  pack.n = 1;
  EXPECT(TL_E_MISUSE, query_pack(desk.db, "SELECT id FROM things WHERE name = :name", &pack, NULL, &result, &err));
  memset(&pack, 0, sizeof pack);
  add_int(&pack, TL_INT64, 1);
  add_text(&pack, TL_NAME, "name");
  add_text(&pack, TL_TEXT, "b"); /* one value has no name */
  EXPECT(TL_E_MISUSE,
         query_pack(desk.db, "SELECT id FROM things WHERE id = ? AND name = :name", &pack, NULL, &result, &err));
  CHECK(result == NULL);
  close_desk(&desk);
}

void test_placeholders_and_quotes(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  struct pack pack;
  tl_result* result = NULL;
  tl_error* err = NULL;
  memset(&pack, 0, sizeof pack);
  add_int(&pack, TL_INT64, 7);
  CHECK_INT(
      int_of(db,
             on_sqlite()
                 ? "SELECT \"a?b\" FROM (SELECT ? AS \"a?b\", '?' AS c /* ? */) WHERE c = '?' -- ?"
                 : "SELECT \"a?b\" FROM (SELECT CAST(? AS bigint) AS \"a?b\", '?' AS c /* ? */) q WHERE c = '?' -- ?",
             &pack),
      7);
  EXPECT(TL_E_MISUSE, query_pack(db, "SELECT ?, ?", &pack, NULL, &result, &err)); /* one is missing */
  EXPECT(TL_E_MISUSE, query_pack(db, "SELECT 1", &pack, NULL, &result, &err));    /* one is too many */
  EXPECT(TL_E_MISUSE, query_pack(db, "SELECT 1; SELECT ?", &pack, NULL, &result, &err));
  if (!on_sqlite()) {
    CHECK_INT(int_of(db, "SELECT CAST($1 AS bigint) + 1", &pack), 8);
    EXPECT(TL_E_MISUSE, query_pack(db, "SELECT $1, ?", &pack, NULL, &result, &err));
    memset(&pack, 0, sizeof pack);
    add_text(&pack, TL_TEXT, "a");
    CHECK_INT(int_of(db, "SELECT CASE WHEN '{\"a\": 1}'::jsonb ?? ? THEN 1 ELSE 0 END", &pack), 1);
  }
  CHECK(result == NULL);
  tl_conn_release(db);
  tl_registry_release(registry);
}

/* Everything is copied or consumed before a call returns, also for a stream that runs on. */
void test_inputs_are_not_kept(void) {
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  tl_call call = call_with(TL_CALL_STREAM);
  call.batch_rows = 1;
  struct pack* pack = calloc(1, sizeof *pack);
  const char* text = on_sqlite() ? "WITH n (i) AS (VALUES (1), (2), (3)) SELECT i, ?, ? FROM n"
                                 : "SELECT i, CAST(? AS text), CAST(? AS bytea) FROM generate_series(1, 3) i";
  char* sql = strdup(text);
  REQUIRE(pack != NULL && sql != NULL);
  add_text(pack, TL_TEXT, "still here, and longer than any short string");
  add_bytes(pack, TL_BYTES, "bytes", 5);
  OK(query_pack(db, sql, pack, &call, &result, &err));
  free(pack);
  free(sql);
  memset(&call, 0xFF, sizeof call);
  int64_t rows = 0;
  while (next_sheet(result, &sheet)) {
    CHECK(text_is(&sheet.columns[1], 0, "still here, and longer than any short string"));
    CHECK(text_is(&sheet.columns[2], 0, "bytes"));
    rows += sheet.rows;
    tl_batch_release(sheet.batch);
  }
  CHECK_INT(rows, 3);
  tl_result_release(result);
  tl_conn_release(db);
  tl_registry_release(registry);
}
