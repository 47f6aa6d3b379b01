/* Part one, in C: makes the tables of three connections and writes into them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trunkline/trunkline.h>

static void check(tl_status status, tl_error* err) {
  if (status == TL_OK) return;
  fprintf(stderr, "demo.c: %s: %s\n", tl_status_name(status), tl_error_message(err));
  exit(1);
}

static tl_conn* on(tl_registry* registry, const char* name) {
  tl_conn* conn = NULL;
  tl_error* err = NULL;
  check(tl_conn_get(registry, name, name == NULL ? 0 : strlen(name), TL_DUAL, &conn, &err), err);
  return conn;
}

static tl_result* query(tl_conn* conn, const char* sql, const tl_value* params, size_t n, const char* arena) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  const size_t arena_len = arena == NULL ? 0 : strlen(arena);
  check(tl_query(conn, sql, strlen(sql), params, n, arena, arena_len, NULL, &result, &err), err);
  return result;
}

/* Runs a statement whose answer is only how many rows it touched. */
static int64_t run(tl_conn* conn, const char* sql, const tl_value* params, size_t n, const char* arena) {
  tl_result* result = query(conn, sql, params, n, arena);
  const int64_t affected = tl_result_affected(result);
  tl_result_release(result);
  return affected;
}

static tl_value text(const char* arena, const char* word) {
  tl_value value = {0};
  value.type = TL_TEXT;
  value.length = (uint32_t)strlen(word);
  value.v.offset = (uint64_t)(strstr(arena, word) - arena);
  return value;
}

static tl_value number(int64_t n) {
  tl_value value = {0};
  value.type = TL_INT64;
  value.v.i64 = n;
  return value;
}

static void fill_shop(tl_registry* registry) {
  static const char* const people[][2] = {
      {"Ada", "London"}, {"Emmy", "Erlangen"}, {"Grace", "New York"}, {"Hedy", "Vienna"}};
  tl_conn* shop = on(registry, NULL); /* the connection named default */
  run(shop, "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, city TEXT)", NULL, 0, NULL);
  run(shop, "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers, cents INTEGER)", NULL,
      0, NULL);
  for (size_t i = 0; i < sizeof people / sizeof people[0]; ++i) {
    char arena[64];
    snprintf(arena, sizeof arena, "%s|%s", people[i][0], people[i][1]);
    const tl_value params[] = {text(arena, people[i][0]), text(arena, people[i][1])};
    run(shop, "INSERT INTO customers (name, city) VALUES (?, ?)", params, 2, arena);
  }
  for (int64_t i = 0; i < 6; ++i) {
    const tl_value params[] = {number(i % 4 + 1), number(1999 + 750 * i)};
    run(shop, "INSERT INTO orders (customer, cents) VALUES (?, ?)", params, 2, NULL);
  }
  printf("  default    4 customers, 6 orders\n");
  tl_conn_release(shop);
}

static void fill_analytics(tl_registry* registry) {
  tl_conn* analytics = on(registry, "analytics");
  const tl_value params[] = {number(100000)};
  run(analytics, "CREATE TABLE visits (id INTEGER PRIMARY KEY, customer INTEGER, seconds REAL)", NULL, 0, NULL);
  const int64_t rows = run(analytics,
                           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                           "INSERT INTO visits SELECT i, i % 4 + 1, i % 90 / 2.0 FROM n",
                           params, 1, NULL);
  printf("  analytics  %" PRId64 " visits, in one statement\n", rows);
  tl_conn_release(analytics);
}

/* One batch, its first column: a number of an `any` column lies in `data` as it is. */
static void use_cache(tl_registry* registry) {
  tl_conn* cache = on(registry, "cache");
  run(cache, "CREATE TABLE kept (key TEXT PRIMARY KEY, value)", NULL, 0, NULL);
  run(cache, "INSERT INTO kept VALUES ('answer', 42)", NULL, 0, NULL);
  tl_result* result = query(cache, "SELECT value FROM kept WHERE key = 'answer'", NULL, 0, NULL);
  tl_batch* batch = NULL;
  tl_error* err = NULL;
  check(tl_result_next(result, NULL, &batch, &err), err);
  tl_column column = {0};
  column.struct_size = sizeof column;
  int64_t rows = 0;
  check(tl_batch_columns(batch, &column, 1, &rows), NULL);
  if (rows != 1 || column.type != TL_ANY || column.tags[0] != TL_INT64) exit(1);
  printf("  cache      answer = %" PRId64 ", read back from memory\n", *(const int64_t*)column.data);
  tl_batch_release(batch);
  tl_result_release(result);
  tl_conn_release(cache);
}

int main(void) {
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  check(tl_registry_open(NULL, NULL, &registry, &err), err);
  fill_shop(registry);
  fill_analytics(registry);
  use_cache(registry);
  tl_registry_release(registry);
  return 0;
}
