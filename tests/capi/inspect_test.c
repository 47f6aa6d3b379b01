/* What the library knows, asked. */
#include "capi_fixture.h"

#include <string.h>

static tl_result* inspect(tl_registry* registry, const char* what, const char* name) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  OK(tl_inspect(registry, what, name, name == NULL ? 0 : strlen(name), NULL, &result, &err));
  REQUIRE(result != NULL);
  return result;
}

static int64_t count_of(tl_registry* registry, const char* what, const char* name) {
  tl_result* result = inspect(registry, what, name);
  const int64_t rows = count_rows(result);
  tl_result_release(result);
  return rows;
}

void test_every_subject_is_there_before_anything_is_open(void) {
  static const char* subjects[] = {"connections", "endpoints", "pools",    "sessions", "leases", "metrics",
                                   "prometheus",  "settings",  "warnings", "check",    "budget", "health"};
  static const int64_t rows[] = {2, 0, 0, 0, 0, 0, 1, -1, 0, 0, -2, 2}; /* -1: some; -2: any */
  tl_registry* registry = open_registry("");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    tl_result* result = inspect(registry, subjects[i], NULL);
    tl_column columns[16];
    tl_error* err = NULL;
    const size_t n = tl_result_columns(result);
    REQUIRE(n > 0 && n <= 16);
    columns[0].struct_size = sizeof columns[0];
    OK(tl_result_schema(result, columns, n, &err)); /* also where there are no rows */
    for (size_t k = 0; k < n; ++k)
      CHECK(columns[k].name[0] != '\0' && columns[k].type > TL_NULL && columns[k].length == 0);
    const int64_t count = count_rows(result);
    CHECK(rows[i] == -2 || (rows[i] < 0 ? count > 0 : count == rows[i]));
    tl_result_release(result);
  }
  tl_registry_release(registry);
}

void test_figures_follow_what_happens(void) {
  struct desk desk;
  tl_conn *pinned = NULL, *tagged = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  open_desk(&desk);
  OK(tl_conn_derive(desk.db, WHOLE("GET /people"), NULL, 0, -1, &tagged, &err));
  OK(tl_pin(tagged, NULL, &pinned, &err));
  CHECK(count_of(desk.registry, "sessions", "db") >= 1);
  CHECK_INT(count_of(desk.registry, "sessions", "spare"), 0);
  CHECK(count_of(desk.registry, "endpoints", NULL) >= 1);
  CHECK(count_of(desk.registry, "pools", "db") >= 1);
  CHECK_INT(count_of(desk.registry, "connections", "db"), 1);

  tl_result* leases = inspect(desk.registry, "leases", NULL);
  REQUIRE(next_sheet(leases, &sheet));
  CHECK_INT(sheet.rows, 1);
  CHECK(text_is(&sheet.columns[column_named(&sheet, "tag")], 0, "GET /people"));
  CHECK(text_is(&sheet.columns[column_named(&sheet, "connection")], 0, "db"));
  tl_batch_release(sheet.batch);
  tl_result_release(leases);
  tl_conn_release(pinned);
  CHECK_INT(count_of(desk.registry, "leases", NULL), 0);
  tl_conn_release(tagged);
  close_desk(&desk);
}

static int text_in(const struct sheet* sheet, const char* column, int64_t row, const char* text) {
  return text_is(&sheet->columns[column_named(sheet, column)], row, text);
}

/* Nothing is opened unless that is asked for; what is closed stays closed. */
void test_health_asks_what_is_open(void) {
  tl_registry* registry = open_registry("");
  tl_error* err = NULL;
  struct sheet sheet;
  tl_result* health = inspect(registry, "health", "db");
  REQUIRE(next_sheet(health, &sheet));
  CHECK_INT(sheet.rows, 1);
  CHECK(text_in(&sheet, "state", 0, "registered") && text_in(&sheet, "status", 0, "unknown"));
  CHECK(is_null(&sheet.columns[column_named(&sheet, "latency")], 0));
  tl_batch_release(sheet.batch);
  tl_result_release(health);
  CHECK_INT(count_of(registry, "sessions", NULL), 0);

  health = inspect(registry, "health_open", NULL);
  REQUIRE(next_sheet(health, &sheet));
  CHECK(sheet.rows >= 2);
  for (int64_t row = 0; row < sheet.rows; ++row) {
    CHECK(text_in(&sheet, "state", row, "open") && text_in(&sheet, "status", row, "healthy"));
    CHECK(!is_null(&sheet.columns[column_named(&sheet, "latency")], row));
    CHECK(is_null(&sheet.columns[column_named(&sheet, "reason")], row));
    CHECK(is_null(&sheet.columns[column_named(&sheet, "error")], row));
  }
  tl_batch_release(sheet.batch);
  tl_result_release(health);

  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  health = inspect(registry, "health_open", "db");
  REQUIRE(next_sheet(health, &sheet));
  CHECK(text_in(&sheet, "state", 0, "closed") && text_in(&sheet, "status", 0, "unknown"));
  CHECK(!is_null(&sheet.columns[column_named(&sheet, "error")], 0));
  tl_batch_release(sheet.batch);
  tl_result_release(health);
  tl_registry_release(registry);
}

/* What asks servers can be submitted to a queue as well. */
void test_health_and_budget_on_a_queue(void) {
  static const char* subjects[] = {"health_open", "budget", "check"};
  tl_registry* registry = open_registry("");
  tl_queue* queue = NULL;
  tl_error* err = NULL;
  OK(tl_queue_new(registry, 0, &queue, &err));
  for (size_t i = 0; i < sizeof subjects / sizeof *subjects; ++i) {
    tl_call call = {.struct_size = sizeof call, .queue = queue, .user_data = i};
    tl_completion done;
    size_t n = 0;
    OK(tl_inspect(registry, subjects[i], NULL, 0, &call, NULL, &err));
    OK(tl_queue_wait(queue, &done, 1, 10000, &n));
    REQUIRE(n == 1);
    CHECK(done.status == TL_OK && done.user_data == i && done.kind == TL_DONE_RESULT);
    if (i == 0) CHECK(count_rows(done.value) >= 2);
    tl_completion_release(&done);
  }
  tl_queue_release(queue);
  tl_registry_release(registry);
}

void test_settings_hide_secrets(void) {
  tl_registry* registry = open_registry(
      "[connections.secret]\ndriver = 'postgresql'\nhost = 'nowhere.invalid'\nuser = 'me'\npassword = 'hush-hush'\n");
  tl_result* settings = inspect(registry, "settings", NULL);
  struct sheet sheet;
  while (next_sheet(settings, &sheet)) {
    for (size_t i = 0; i < sheet.n; ++i) {
      for (int64_t row = 0; row < sheet.rows; ++row) {
        size_t length = 0;
        if (is_null(&sheet.columns[i], row)) continue;
        const char* text = bytes_at(&sheet.columns[i], row, &length);
        CHECK(memmem(text, length, "hush", 4) == NULL);
      }
    }
    tl_batch_release(sheet.batch);
  }
  tl_result_release(settings);
  CHECK(count_of(registry, "settings", "secret") < count_of(registry, "settings", NULL));
  tl_registry_release(registry);
}

void test_unknown_subjects(void) {
  tl_registry* registry = open_registry("");
  tl_result* result = NULL;
  tl_error* err = NULL;
  EXPECT(TL_E_MISUSE, tl_inspect(registry, "everything", NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_inspect(registry, "", NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_NOT_FOUND, tl_inspect(registry, "pools", WHOLE("nobody"), NULL, &result, &err));
  CHECK(result == NULL);
  tl_registry_release(registry);
}
