/* Opening configurations, asking what is in them, closing and reopening. */
#include "capi_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void write_file(const char* path, const char* text) {
  FILE* file = fopen(path, "w");
  REQUIRE(file != NULL);
  CHECK(fputs(text, file) >= 0);
  CHECK_INT(fclose(file), 0);
}

void test_a_file_is_opened(void) {
  char path[128];
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  snprintf(path, sizeof path, "%s/trunkline.toml", folder());
  write_file(path, configuration("[environments.test.connections.extra]\ndriver = 'sqlite'\ndatabase = ':memory:'\n"));

  OK(tl_registry_open(path, NULL, &registry, &err));
  CHECK_INT(tl_registry_has(registry, WHOLE("db")), 1);
  CHECK_INT(tl_registry_has(registry, WHOLE("extra")), 0);
  tl_registry_release(registry);

  OK(tl_registry_open(path, "test", &registry, &err));
  CHECK_INT(tl_registry_has(registry, WHOLE("extra")), 1);
  tl_registry_release(registry);

  CHECK_INT(setenv("TRUNKLINE_CONFIG", path, 1), 0);
  CHECK_INT(setenv("TRUNKLINE_ENV", "test", 1), 0);
  OK(tl_registry_open(NULL, NULL, &registry, &err));
  CHECK_INT(tl_registry_has(registry, WHOLE("extra")), 1);
  tl_registry_release(registry);
  OK(tl_registry_open("", "", &registry, &err));
  CHECK_INT(tl_registry_has(registry, WHOLE("extra")), 1);
  tl_registry_release(registry);
  CHECK_INT(unsetenv("TRUNKLINE_CONFIG"), 0);
  CHECK_INT(unsetenv("TRUNKLINE_ENV"), 0);

  char before[1024], inside[160];
  REQUIRE(getcwd(before, sizeof before) != NULL);
  snprintf(inside, sizeof inside, "%s/inside", folder());
  CHECK_INT(mkdir(inside, 0700), 0);
  CHECK_INT(chdir(inside), 0);
  OK(tl_registry_open(NULL, NULL, &registry, &err)); /* found upward */
  tl_registry_release(registry);
  CHECK_INT(chdir(before), 0);
}

void test_a_file_that_is_not_there(void) {
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  EXPECT(TL_E_NOT_FOUND, tl_registry_open("/nowhere/trunkline.toml", NULL, &registry, &err));
  CHECK(registry == NULL);
}

void test_a_wrong_configuration_tells_where(void) {
  const char* text = "[connections.a]\ndriver = 'sqlite'\ndatabse = 'x'\npassword = 'hush'\n";
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  CHECK_STATUS(tl_registry_parse(WHOLE(text), "shop.toml", NULL, &registry, &err), TL_E_CONFIGURATION);
  REQUIRE(err != NULL);
  CHECK(registry == NULL);
  CHECK_TEXT(detail_of(err, "file"), "shop.toml");
  CHECK_TEXT(detail_of(err, "line"), "3");
  CHECK(strstr(detail_of(err, "key"), "databse") != NULL);
  CHECK_TEXT(detail_of(err, "suggestion"), "database");
  CHECK_TEXT(tl_error_phase(err), "configure");
  CHECK(strstr(tl_error_message(err), "hush") == NULL);
  tl_error_release(err);
  err = NULL;
  CHECK_STATUS(tl_registry_parse(WHOLE("= ="), NULL, NULL, &registry, &err), TL_E_CONFIGURATION);
  REQUIRE(err != NULL);
  CHECK(strstr(tl_error_message(err), "<text>") != NULL);
  tl_error_release(err);
}

void test_hostile_configurations(void) {
  static const char* texts[] = {
      "", "\0", "[", "a = ", "[connections]", "[connections.x]", "\xff\xfe", "a = \"\\u0000\""};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
    tl_registry* registry = NULL;
    tl_error* err = NULL;
    const size_t length = i == 1 ? 1 : strlen(texts[i]);
    const tl_status status = tl_registry_parse(texts[i], length, NULL, NULL, &registry, &err);
    CHECK((status == TL_OK) == (registry != NULL));
    CHECK(status == TL_OK || status == TL_E_CONFIGURATION || status == TL_E_NOT_FOUND);
    tl_registry_release(registry);
    tl_error_release(err);
  }
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  OK(tl_registry_parse(NULL, 0, NULL, NULL, &registry, &err));
  CHECK_INT(tl_registry_has(registry, WHOLE("db")), 0);
  tl_conn* conn = NULL;
  EXPECT(TL_E_NOT_FOUND, tl_conn_get(registry, NULL, 0, TL_DUAL, &conn, &err));
  tl_registry_release(registry);
}

void test_names(void) {
  tl_registry* registry = open_registry("[connections.\"Ünï.code\"]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  tl_conn* conn = NULL;
  tl_error* err = NULL;
  CHECK_INT(tl_registry_has(registry, "dbx", 2), 1); /* length, not NUL */
  CHECK_INT(tl_registry_has(registry, "db", 3), 0);  /* the NUL is a character like any other */
  CHECK_INT(tl_registry_has(registry, WHOLE("Ünï.code")), 1);
  CHECK_INT(tl_registry_has(registry, "", 0), 0);
  CHECK_INT(tl_registry_has(registry, NULL, 0), 0);
  CHECK_INT(tl_registry_has(registry, NULL, 4), 0);
  CHECK_INT(tl_registry_has(NULL, WHOLE("db")), 0);

  CHECK_STATUS(tl_conn_get(registry, WHOLE("sparr"), TL_DUAL, &conn, &err), TL_E_NOT_FOUND);
  REQUIRE(err != NULL);
  CHECK_TEXT(detail_of(err, "suggestion"), "spare");
  CHECK(conn == NULL);
  tl_error_release(err);
  err = NULL;
  OK(tl_conn_get(registry, NULL, 0, TL_DUAL, &conn, &err));
  CHECK_INT(ask_int(conn, "SELECT 1"), 1);
  tl_conn_release(conn);
  tl_registry_release(registry);
}

void test_connect_close_and_reopen(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = conn_of(registry, "db");
  tl_conn* spare = conn_of(registry, "spare");
  tl_error* err = NULL;
  OK(tl_registry_connect(registry, WHOLE("db"), NULL, &err));
  CHECK_INT(ask_int(conn, "SELECT 1"), 1);
  CHECK_INT(ask_int(spare, "SELECT 1"), 1);
  OK(tl_registry_close(registry, WHOLE("db"), NULL, &err));
  EXPECT(TL_E_CLOSED, try_run(conn, "SELECT 1", NULL, &err));
  CHECK_INT(ask_int(spare, "SELECT 1"), 1);
  OK(tl_registry_connect(registry, NULL, 0, NULL, &err)); /* the default again */
  CHECK_INT(ask_int(conn, "SELECT 1"), 1);
  OK(tl_registry_close(registry, NULL, 0, NULL, &err)); /* all */
  EXPECT(TL_E_CLOSED, try_run(conn, "SELECT 1", NULL, &err));
  EXPECT(TL_E_CLOSED, try_run(spare, "SELECT 1", NULL, &err));
  OK(tl_registry_close(registry, NULL, 0, NULL, &err)); /* twice is fine */
  EXPECT(TL_E_NOT_FOUND, tl_registry_connect(registry, WHOLE("nobody"), NULL, &err));
  EXPECT(TL_E_NOT_FOUND, tl_registry_close(registry, WHOLE("nobody"), NULL, &err));
  tl_conn_release(conn);
  tl_conn_release(spare);
  tl_registry_release(registry);
}

void test_close_does_not_wait_for_ever(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = conn_of(registry, "db");
  tl_conn* pinned = NULL;
  tl_error* err = NULL;
  tl_call call = call_with(0);
  call.timeout_ms = 20;
  OK(tl_pin(conn, NULL, &pinned, &err));
  EXPECT(TL_E_BUSY, tl_registry_close(registry, WHOLE("db"), &call, &err));
  EXPECT(TL_E_CLOSED, try_run(conn, "SELECT 1", NULL, &err));               /* closed all the same */
  EXPECT(TL_E_BUSY, tl_registry_close(registry, WHOLE("db"), &call, &err)); /* it is still out */
  OK(tl_registry_connect(registry, WHOLE("db"), NULL, &err));
  CHECK_INT(ask_int(conn, "SELECT 1"), 1);
  EXPECT(TL_E_BUSY, tl_registry_close(registry, WHOLE("db"), &call, &err)); /* of the time before */
  tl_conn_release(pinned);
  OK(tl_registry_close(registry, WHOLE("db"), NULL, &err));
  tl_conn_release(conn);
  tl_registry_release(registry);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void test_all_are_closed_together(void) {
  tl_registry* registry = open_registry("pool.destroy_timeout = '1s'\n[connections.db.pool]\ndestroy_timeout = '1s'\n");
  tl_conn* conns[2] = {conn_of(registry, "db"), conn_of(registry, "spare")};
  tl_conn* pinned[2] = {NULL, NULL};
  tl_error* err = NULL;
  for (int i = 0; i < 2; ++i) OK(tl_pin(conns[i], NULL, &pinned[i], &err));
  const double began = seconds();
  EXPECT(TL_E_BUSY, tl_registry_close(registry, NULL, 0, NULL, &err));
  CHECK(seconds() - began >= 1);
  CHECK(seconds() - began < 1.9); /* one time limit, not one after the other */
  for (int i = 0; i < 2; ++i) tl_conn_release(pinned[i]);
  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  for (int i = 0; i < 2; ++i) tl_conn_release(conns[i]);
  tl_registry_release(registry);
}

struct closing {
  tl_registry* registry;
  tl_call call;
  tl_status status;
  int ended; /* atomic */
};

static void* close_all(void* argument) {
  struct closing* what = argument;
  what->status = tl_registry_close(what->registry, NULL, 0, &what->call, NULL);
  __atomic_store_n(&what->ended, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

/* Closes all in a thread of its own, and returns when both connections refuse. */
static pthread_t begin_closing(struct closing* what, tl_conn* db, tl_conn* spare) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, close_all, what) == 0);
  while (try_run(db, "SELECT 1", NULL, NULL) != TL_E_CLOSED) sched_yield();
  while (try_run(spare, "SELECT 1", NULL, NULL) != TL_E_CLOSED) sched_yield();
  return thread;
}

void test_close_waits_as_long_as_it_is_told(void) {
  tl_registry* registry =
      open_registry("pool.destroy_timeout = '50ms'\n[connections.db.pool]\ndestroy_timeout = '50ms'\n");
  tl_conn *db = conn_of(registry, "db"), *spare = conn_of(registry, "spare"), *pinned = NULL;
  tl_error* err = NULL;
  OK(tl_pin(db, NULL, &pinned, &err));
  struct closing what = {.registry = registry, .call = call_with(0)};
  what.call.timeout_ms = -1;
  const double began = seconds();
  const pthread_t thread = begin_closing(&what, db, spare);
  CHECK(!__atomic_load_n(&what.ended, __ATOMIC_SEQ_CST));
  while (seconds() - began < 0.3) sched_yield(); /* destroy_timeout is not its limit */
  CHECK(!__atomic_load_n(&what.ended, __ATOMIC_SEQ_CST));
  tl_conn_release(pinned);
  CHECK_INT(pthread_join(thread, NULL), 0);
  CHECK_STATUS(what.status, TL_OK);
  tl_conn_release(db);
  tl_conn_release(spare);
  tl_registry_release(registry);
}

void test_close_can_be_cancelled(void) {
  tl_registry* registry = open_registry("");
  tl_conn *db = conn_of(registry, "db"), *spare = conn_of(registry, "spare"), *pinned = NULL;
  tl_error* err = NULL;
  OK(tl_pin(db, NULL, &pinned, &err));
  struct closing what = {.registry = registry, .call = call_with(0)};
  what.call.timeout_ms = -1;
  what.call.op = tl_op_new(registry);
  const pthread_t thread = begin_closing(&what, db, spare);
  CHECK(!__atomic_load_n(&what.ended, __ATOMIC_SEQ_CST));
  CHECK_STATUS(tl_cancel(registry, what.call.op), TL_OK);
  CHECK_INT(pthread_join(thread, NULL), 0);
  CHECK_STATUS(what.status, TL_E_CANCELLED);
  EXPECT(TL_E_CLOSED, try_run(db, "SELECT 1", NULL, &err)); /* only the waiting was */
  tl_conn_release(pinned);
  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  tl_conn_release(db);
  tl_conn_release(spare);
  tl_registry_release(registry);
}

void test_an_empty_name_is_not_the_default(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  EXPECT(TL_E_MISUSE, tl_conn_get(registry, "", 0, TL_DUAL, &conn, &err));
  EXPECT(TL_E_MISUSE, tl_registry_connect(registry, "", 0, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_close(registry, "", 0, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_inspect(registry, "pools", "", 0, NULL, &result, &err));
  tl_registry_release(registry);
}
