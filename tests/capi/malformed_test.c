/* Parameters that are wrong are told, never followed; and nothing that is random crashes. */
#include "capi_fixture.h"

#include <stdlib.h>
#include <string.h>

struct bad {
  const char* what;
  tl_value value;
};

static tl_value value_of(int type, int flags, int element, uint32_t length, uint64_t offset) {
  tl_value value;
  memset(&value, 0, sizeof value);
  value.type = (uint8_t)type;
  value.flags = (uint8_t)flags;
  value.element = (uint16_t)element;
  value.length = length;
  value.v.offset = offset;
  return value;
}

void test_malformed_values(void) {
  enum { size = 64 };
  const struct bad all[] = {
      {"text that begins after the arena", value_of(TL_TEXT, 0, 0, 1, size + 1)},
      {"empty text after the arena", value_of(TL_TEXT, 0, 0, 0, size + 1)},
      {"text that ends after the arena", value_of(TL_TEXT, 0, 0, size + 1, 0)},
      {"bytes whose end overflows", value_of(TL_BYTES, 0, 0, 16, UINT64_MAX - 7)},
      {"bytes of the greatest length", value_of(TL_BYTES, 0, 0, UINT32_MAX, 0)},
      {"a decimal far away", value_of(TL_DECIMAL, 0, 0, 1, UINT64_C(1) << 40)},
      {"json at the last offset", value_of(TL_JSON, 0, 0, 1, UINT64_MAX)},
      {"a name that is not there", value_of(TL_NAME, 0, 0, 4, size)},
      {"a uuid that ends after the arena", value_of(TL_UUID, 0, 0, 0, size - 15)},
      {"an interval after the arena", value_of(TL_INTERVAL, 0, 0, 0, UINT64_MAX - 8)},
      {"a list that is not 8-aligned", value_of(TL_LIST, 0, TL_INT64, 1, 4)},
      {"a list after the arena", value_of(TL_LIST, 0, TL_INT64, 1, size)},
      {"a list that ends after the arena", value_of(TL_LIST, 0, TL_INT64, 5, 0)},
      {"a list whose size overflows", value_of(TL_LIST, 0, TL_INT64, UINT32_MAX, 0)},
      {"an empty list after the arena", value_of(TL_LIST, 0, TL_INT64, 0, size + 8)},
      {"an empty list of no type", value_of(TL_LIST, 0, 99, 0, 0)},
      {"an empty list of lists", value_of(TL_LIST, 0, TL_LIST, 0, 0)},
      {"an empty list of names", value_of(TL_LIST, 0, TL_NAME, 0, 0)},
      {"an empty list of any", value_of(TL_LIST, 0, TL_ANY, 0, 0)},
      {"the type that only results have", value_of(TL_ANY, 0, 0, 0, 0)},
      {"a type beyond the last", value_of(TL_NAME + 1, 0, 0, 0, 0)},
      {"the greatest type", value_of(255, 0, 0, 0, 0)},
      {"a flag", value_of(TL_INT64, 1, 0, 0, 0)},
      {"all flags", value_of(TL_NULL, 255, 0, 0, 0)},
      {"an element of what is no list", value_of(TL_INT64, 0, TL_INT64, 0, 0)},
      {"a bool that is neither", value_of(TL_BOOL, 0, 0, 0, 2)},
  };
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  void* arena = calloc(1, size); /* so that reading beyond it is seen */
  REQUIRE(arena != NULL);
  open_desk(&desk);
  for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) {
    const tl_status status = tl_query(desk.db, WHOLE("SELECT ?"), &all[i].value, 1, arena, size, NULL, &result, &err);
    checked_status(status, TL_E_MISUSE, err, all[i].what, __FILE__, __LINE__);
    err = NULL;
    tl_result_release(result);
    result = NULL;
  }
  CHECK_INT(leased_of(desk.registry, "db"), 0);
  free(arena);
  close_desk(&desk);
}

void test_malformed_elements(void) {
  const struct bad all[] = {
      {"an element of another type", value_of(TL_TEXT, 0, 0, 0, 0)},
      {"an element with a flag", value_of(TL_INT64, 4, 0, 0, 0)},
      {"a list in a list", value_of(TL_LIST, 0, TL_INT64, 0, 0)},
      {"a name in a list", value_of(TL_NAME, 0, 0, 0, 0)},
      {"an element with an element", value_of(TL_INT64, 0, TL_INT64, 0, 0)},
      {"an element of no type", value_of(77, 0, 0, 0, 0)},
  };
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  tl_value* arena = calloc(2, sizeof *arena);
  REQUIRE(arena != NULL);
  open_desk(&desk);
  for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) {
    const tl_value list = value_of(TL_LIST, 0, TL_INT64, 2, 0);
    arena[0] = value_of(TL_INT64, 0, 0, 0, 1);
    arena[1] = all[i].value;
    const tl_status status = tl_query(desk.db, WHOLE("SELECT ?"), &list, 1, arena, 32, NULL, &result, &err);
    checked_status(status, TL_E_MISUSE, err, all[i].what, __FILE__, __LINE__);
    err = NULL;
    tl_result_release(result);
    result = NULL;
  }
  arena[1] = value_of(TL_TEXT, 0, 0, 5, 28);
  const tl_value texts = value_of(TL_LIST, 0, TL_TEXT, 1, 16);
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT ?"), &texts, 1, arena, 32, NULL, &result, &err));
  free(arena);
  close_desk(&desk);
}

void test_malformed_arrays(void) {
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  union {
    tl_value aligned[4];
    char bytes[64];
  } arena;
  const tl_value one = value_of(TL_INT64, 0, 0, 0, 1);
  memset(&arena, 0, sizeof arena);
  open_desk(&desk);
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT ?"), NULL, 1, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT ?"), &one, 1, NULL, 8, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT ?"), &one, SIZE_MAX, NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT ?"), &one, SIZE_MAX / 16 + 2, NULL, 0, NULL, &result, &err));
  const tl_value list = value_of(TL_LIST, 0, TL_NULL, 1, 0);
  EXPECT(TL_E_MISUSE, tl_query(desk.db, WHOLE("SELECT ?"), &list, 1, arena.bytes + 4, 32, NULL, &result, &err));
  CHECK(result == NULL);
  close_desk(&desk);
}

void test_many_values(void) {
  enum { count = 70000 };
  tl_registry* registry = open_registry("");
  tl_conn* db = conn_of(registry, "db");
  tl_result* result = NULL;
  tl_error* err = NULL;
  tl_value* values = calloc(count, sizeof *values);
  char* sql = malloc(2 * count + 16);
  REQUIRE(values != NULL && sql != NULL);
  strcpy(sql, "SELECT ?");
  for (size_t i = 1; i < count; ++i) memcpy(sql + 6 + 2 * i, ",?", 3);
  CHECK(tl_query(db, WHOLE(sql), values, count, NULL, 0, NULL, &result, &err) !=
        TL_OK); /* more than any database takes */
  CHECK(err != NULL && result == NULL);
  tl_error_release(err);
  CHECK_INT(ask_int(db, "SELECT 1"), 1);
  free(values);
  free(sql);
  tl_conn_release(db);
  tl_registry_release(registry);
}

void test_odd_statements(void) {
  static const char* texts[] = {"",     " ",       ";",      ";;",         "-- nothing",   "/* nothing",
                                "'",    "\"",      "SELECT", "SELECT 1;;", "\xff\xfe\xfd", "SELECT 1\0garbage",
                                "$$",   "$a$ $b$", "?",      ":",          "??",           "SELECT ':a'",
                                "e'\\'"};
  struct desk desk;
  open_desk(&desk);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
    const size_t length = i == 11 ? 16 : strlen(texts[i]);
    tl_result* result = NULL;
    tl_error* err = NULL;
    const tl_status status = tl_query(desk.db, texts[i], length, NULL, 0, NULL, 0, NULL, &result, &err);
    CHECK((status == TL_OK) == (result != NULL) && (status == TL_OK) == (err == NULL));
    CHECK(status != TL_E_INTERNAL);
    tl_result_release(result);
    tl_error_release(err);
    CHECK_INT(ask_int(desk.db, "SELECT 1"), 1);
  }
  close_desk(&desk);
}

static uint64_t next_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void fill(uint64_t* state, void* out, size_t n) {
  for (size_t i = 0; i < n; ++i) ((unsigned char*)out)[i] = (unsigned char)(next_random(state) >> 24);
}

/* Most of what is wholly random is refused at once: half of the values are made likely to be taken. */
static void make_likely(uint64_t* state, tl_value* value, size_t arena) {
  value->type = (uint8_t)(next_random(state) % (TL_NAME + 1));
  value->flags = 0;
  value->element = value->type == TL_LIST ? (uint16_t)(next_random(state) % (TL_NAME + 1)) : 0;
  value->length = (uint32_t)(next_random(state) % 6);
  if (value->type == TL_BOOL) value->v.i64 &= 1;
  if (value->type >= TL_DECIMAL && value->type != TL_DATE && value->type < TL_TIME)
    value->v.offset = next_random(state) % (arena + 1);
  if (value->type >= TL_INTERVAL) value->v.offset = next_random(state) % (arena + 1) / 8 * 8;
}

void test_random_values_never_crash(void) {
  static const char* texts[] = {"SELECT ?", "SELECT ?, ?", "SELECT ?, ?, ?", "SELECT :a", "SELECT CAST(? AS text)"};
  struct desk desk;
  uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
  int64_t taken = 0, refused = 0;
  open_desk(&desk);
  for (int round = 0; round < 4000; ++round) {
    const size_t n = 1 + next_random(&state) % 3, arena_len = next_random(&state) % 12 * 8;
    tl_value* values = malloc(n * sizeof *values); /* exact sizes: reading beyond them is seen */
    void* arena = malloc(arena_len);
    REQUIRE(values != NULL && (arena != NULL || arena_len == 0));
    fill(&state, values, n * sizeof *values);
    fill(&state, arena, arena_len);
    for (size_t i = 0; i < n; ++i) {
      if (next_random(&state) % 2 == 0) make_likely(&state, &values[i], arena_len);
    }
    for (size_t i = 0; i < arena_len / sizeof(tl_value); ++i) {
      tl_value* element = (tl_value*)arena + i;
      if (next_random(&state) % 4 != 0) make_likely(&state, element, arena_len);
    }
    tl_result* result = NULL;
    tl_error* err = NULL;
    const char* sql = texts[next_random(&state) % (sizeof texts / sizeof texts[0])];
    const tl_status status = tl_query(desk.db, WHOLE(sql), values, n, arena, arena_len, NULL, &result, &err);
    CHECK((status == TL_OK) == (result != NULL) && (status == TL_OK) == (err == NULL));
    if (status == TL_E_INTERNAL) checked_status(status, TL_OK, NULL, tl_error_message(err), __FILE__, __LINE__);
    if (status == TL_OK) CHECK_INT(count_rows(result), 1);
    ++*(status == TL_OK ? &taken : &refused);
    tl_result_release(result);
    tl_error_release(err);
    free(values);
    free(arena);
  }
  CHECK(taken > 20 && refused > 20); /* both kinds were tried */
  CHECK_INT(ask_int(desk.db, "SELECT 1"), 1);
  close_desk(&desk);
}
