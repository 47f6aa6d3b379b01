/* Names that come and go while others are used. */
#include "capi_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { threads = 16, shared_names = 50, rounds = 6 };

static int32_t add(tl_registry* registry, const char* name, const char* more) {
  char target[1024], toml[2048];
  int32_t added = 77;
  tl_error* err = NULL;
  target_settings(target, sizeof target);
  snprintf(toml, sizeof toml, "%s%s", target, more);
  OK(tl_registry_add(registry, WHOLE(name), WHOLE(toml), &added, &err));
  return added;
}

static void add_by_template(tl_registry* registry, const char* name, const char* parameters, tl_error** err) {
  char toml[256];
  snprintf(toml, sizeof toml, "template = 'tenant'\nparameters = %s\n", parameters);
  (void)tl_registry_add(registry, WHOLE(name), WHOLE(toml), NULL, err);
}

static int32_t remove_name(tl_registry* registry, const char* name) {
  int32_t removed = 77;
  tl_error* err = NULL;
  OK(tl_registry_remove(registry, WHOLE(name), NULL, &removed, &err));
  return removed;
}

void test_names_are_added_by_a_template(void) {
  tl_registry* registry = open_registry("[templates.tenant]\ndriver = 'sqlite'\ndatabase = '${kind}'\n");
  tl_error* err = NULL;
  add_by_template(registry, "tenant", "{ kind = ':memory:' }", &err);
  CHECK(err == NULL);
  tl_conn* conn = conn_of(registry, "tenant");
  CHECK_INT(ask_int(conn, "SELECT 42"), 42);
  tl_conn_release(conn);

  add_by_template(registry, "other", "{ knid = ':memory:' }", &err);
  REQUIRE(err != NULL);
  CHECK_TEXT(detail_of(err, "key"), "connections.other.parameters.knid");
  CHECK_TEXT(detail_of(err, "suggestion"), "kind");
  tl_error_release(err);
  CHECK_INT(tl_registry_has(registry, WHOLE("other")), 0);
  tl_registry_release(registry);
}

void test_names_are_added(void) {
  tl_registry* registry = open_registry("");
  int32_t added = 77;
  tl_error* err = NULL;
  CHECK_INT(tl_registry_has(registry, WHOLE("tenant")), 0);
  CHECK_INT(add(registry, "tenant", "[pool]\nmax = 2\n"), 1);
  CHECK_INT(tl_registry_has(registry, WHOLE("tenant")), 1);
  tl_conn* conn = conn_of(registry, "tenant");
  CHECK_INT(ask_int(conn, "SELECT 42"), 42);
  CHECK_INT(add(registry, "tenant", "# the same\npool.max = 2\n"), 0);
  CHECK_INT(ask_int(conn, "SELECT 43"), 43);
  tl_conn_release(conn);

  CHECK_STATUS(tl_registry_add(registry, WHOLE("tenant"), WHOLE("driver = 'sqlite'\ndatabase = 'x'\npool.max = 7"),
                               &added, &err),
               TL_E_CONFIGURATION);
  REQUIRE(err != NULL);
  CHECK(strstr(tl_error_message(err), "with other settings") != NULL);
  CHECK(*detail_of(err, "key") != '\0');
  CHECK_TEXT(tl_error_connection(err), "tenant");
  tl_error_release(err);
  err = NULL;
  CHECK_STATUS(tl_registry_add(registry, WHOLE("u"), WHOLE("driver = 'sqlite'\ndatabse = 'x'"), &added, &err),
               TL_E_CONFIGURATION);
  REQUIRE(err != NULL);
  CHECK(strstr(tl_error_message(err), "add(\"u\"):2: connections.u.databse") != NULL);
  CHECK_TEXT(detail_of(err, "suggestion"), "database");
  tl_error_release(err);
  err = NULL;
  CHECK_INT(added, 77);
  CHECK_INT(tl_registry_has(registry, WHOLE("u")), 0);
  OK(tl_registry_add(registry, WHOLE("u"), WHOLE("driver = 'sqlite'\ndatabase = ':memory:'"), NULL, NULL));

  tl_result* result = NULL;
  OK(tl_inspect(registry, "names", NULL, 0, NULL, &result, &err));
  struct sheet sheet;
  REQUIRE(next_sheet(result, &sheet));
  CHECK_INT(sheet.rows, 4);
  CHECK(text_is(&sheet.columns[0], 2, "tenant"));
  CHECK(text_is(&sheet.columns[0], 3, "u"));
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  tl_registry_release(registry);
}

void test_misuse_of_names(void) {
  tl_registry* registry = open_registry("");
  int32_t answer = 77;
  tl_error* err = NULL;
  char target[1024];
  target_settings(target, sizeof target);
  EXPECT(TL_E_MISUSE, tl_registry_add(NULL, WHOLE("a"), "", 0, &answer, &err));
  EXPECT(TL_E_MISUSE, tl_registry_add(registry, NULL, 0, "", 0, &answer, &err));
  EXPECT(TL_E_MISUSE, tl_registry_add(registry, "", 0, "", 0, &answer, &err));
  EXPECT(TL_E_MISUSE, tl_registry_add(registry, WHOLE("a"), NULL, 3, &answer, &err));
  EXPECT(TL_E_CONFIGURATION, tl_registry_add(registry, WHOLE("a"), NULL, 0, &answer, &err)); /* no driver */
  EXPECT(TL_E_CONFIGURATION, tl_registry_add(registry, WHOLE("a\nb"), WHOLE(target), &answer, &err));
  EXPECT(TL_E_CONFIGURATION, tl_registry_add(registry, WHOLE("\xff"), WHOLE(target), &answer, &err));
  EXPECT(TL_E_MISUSE, tl_registry_remove(NULL, WHOLE("db"), NULL, &answer, &err));
  EXPECT(TL_E_MISUSE, tl_registry_remove(registry, NULL, 0, NULL, &answer, &err));
  EXPECT(TL_E_MISUSE, tl_registry_remove(registry, "", 0, NULL, &answer, &err));
  const tl_call call = call_with(TL_CALL_READ);
  EXPECT(TL_E_MISUSE, tl_registry_remove(registry, WHOLE("db"), &call, &answer, &err));
  EXPECT(TL_E_MISUSE, tl_registry_connect_all(registry, &call, &err));
  EXPECT(TL_E_MISUSE, tl_registry_connect_all(NULL, NULL, &err));
  CHECK_INT(answer, 77);
  CHECK_INT(tl_registry_has(registry, WHOLE("db")), 1);
  tl_registry_release(registry);
}

void test_names_are_removed(void) {
  tl_registry* registry = open_registry("");
  tl_error* err = NULL;
  CHECK_INT(add(registry, "tenant", ""), 1);
  tl_conn *old = conn_of(registry, "tenant"), *none = NULL;
  CHECK_INT(ask_int(old, "SELECT 1"), 1);
  CHECK_INT(remove_name(registry, "tenant"), 1);
  CHECK_INT(remove_name(registry, "tenant"), 0);
  CHECK_INT(tl_registry_has(registry, WHOLE("tenant")), 0);
  EXPECT(TL_E_NOT_FOUND, tl_conn_get(registry, WHOLE("tenant"), TL_DUAL, &none, &err));
  EXPECT(TL_E_NOT_FOUND, tl_registry_connect(registry, WHOLE("tenant"), NULL, &err));
  EXPECT(TL_E_CLOSED, try_run(old, "SELECT 1", NULL, &err));

  CHECK_INT(add(registry, "tenant", "pool.max = 3\n"), 1); /* others than before */
  tl_conn* fresh = conn_of(registry, "tenant");
  CHECK_INT(ask_int(fresh, "SELECT 2"), 2);
  OK(tl_registry_connect(registry, WHOLE("tenant"), NULL, &err));
  EXPECT(TL_E_CLOSED, try_run(old, "SELECT 1", NULL, &err)); /* for ever */

  CHECK_INT(remove_name(registry, "db"), 1); /* from the file, and the default */
  EXPECT(TL_E_NOT_FOUND, tl_conn_get(registry, NULL, 0, TL_DUAL, &none, &err));
  CHECK_INT(add(registry, "db", ""), 1);
  OK(tl_conn_get(registry, NULL, 0, TL_DUAL, &none, &err));
  CHECK_INT(ask_int(none, "SELECT 3"), 3);
  tl_conn_release(none);
  tl_conn_release(old);
  tl_conn_release(fresh);
  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  tl_registry_release(registry);
}

void test_a_removed_name_is_gone_before_its_sessions_are(void) {
  tl_registry* registry = open_registry("");
  tl_error* err = NULL;
  tl_call call = call_with(0);
  call.timeout_ms = 20;
  int32_t removed = 77;
  CHECK_INT(add(registry, "tenant", ""), 1);
  tl_conn *conn = conn_of(registry, "tenant"), *pinned = NULL;
  OK(tl_pin(conn, NULL, &pinned, &err));
  EXPECT(TL_E_BUSY, tl_registry_remove(registry, WHOLE("tenant"), &call, &removed, &err));
  CHECK_INT(removed, 77);
  CHECK_INT(tl_registry_has(registry, WHOLE("tenant")), 0);
  CHECK_INT(add(registry, "tenant", ""), 1);
  tl_conn* fresh = conn_of(registry, "tenant");
  CHECK_INT(ask_int(fresh, "SELECT 1"), 1);
  CHECK_INT(ask_int(pinned, "SELECT 2"), 2); /* it may end what it does */
  tl_conn_release(pinned);
  EXPECT(TL_E_CLOSED, try_run(conn, "SELECT 1", NULL, &err));
  tl_conn_release(conn);
  tl_conn_release(fresh);
  CHECK_INT(remove_name(registry, "tenant"), 1);
  tl_registry_release(registry);
}

/* arg[0] of the next completion, which tells of success. */
static int64_t answer_on(tl_queue* queue) {
  tl_completion done;
  size_t n = 0;
  CHECK_STATUS(tl_queue_wait(queue, &done, 1, 10000, &n), TL_OK);
  REQUIRE(n == 1);
  checked_status(done.status, TL_OK, done.error, "completion", __FILE__, __LINE__);
  CHECK_INT(done.kind, TL_DONE);
  return (int64_t)done.arg[0];
}

void test_names_on_a_queue(void) {
  tl_registry* registry = open_registry("");
  tl_queue* queue = NULL;
  tl_error* err = NULL;
  tl_call call = call_with(0);
  OK(tl_queue_new(registry, 0, &queue, &err));
  call.queue = queue;
  OK(tl_registry_connect_all(registry, &call, &err));
  CHECK_INT(answer_on(queue), 0);
  for (int removed = 1; removed >= 0; --removed) {
    char name[] = "spare";
    OK(tl_registry_remove(registry, WHOLE(name), &call, NULL, &err));
    memset(name, 'x', sizeof name - 1); /* it was copied */
    CHECK_INT(answer_on(queue), removed);
  }
  CHECK_INT(tl_registry_has(registry, WHOLE("spare")), 0);
  tl_queue_release(queue);
  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  tl_registry_release(registry);
}

static void check_idle(tl_registry* registry, const char* name, int64_t idle) {
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  OK(tl_inspect(registry, "connections", WHOLE(name), NULL, &result, &err));
  REQUIRE(next_sheet(result, &sheet));
  CHECK(int_at(&sheet.columns[column_named(&sheet, "idle")], 0) >= idle);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
}

void test_all_are_connected(void) {
  tl_registry* registry = open_registry("");
  tl_error* err = NULL;
  OK(tl_registry_add(registry, WHOLE("nowhere"), WHOLE("driver = 'sqlite'\ndatabase = '/nowhere/at/all.db'"), NULL,
                     &err));
  CHECK_INT(add(registry, "tenant", ""), 1);
  OK(tl_registry_close(registry, WHOLE("db"), NULL, &err));
  EXPECT(TL_E_UNAVAILABLE, tl_registry_connect_all(registry, NULL, &err));
  check_idle(registry, "db", 1);
  check_idle(registry, "tenant", 1); /* behind the one that failed */
  CHECK_INT(remove_name(registry, "nowhere"), 1);
  OK(tl_registry_connect_all(registry, NULL, &err));
  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  tl_registry_release(registry);
}

struct crowd {
  tl_registry* registry;
  tl_conn* conn;
  int asked;   /* atomic */
  int balance; /* atomic: names added and not removed */
};

static void in_threads(void* (*body)(void*), struct crowd* crowd, pthread_t* all) {
  for (int i = 0; i < threads; ++i) REQUIRE(pthread_create(&all[i], NULL, body, crowd) == 0);
}

static void join(pthread_t* all) {
  for (int i = 0; i < threads; ++i) CHECK_INT(pthread_join(all[i], NULL), 0);
}

static void* ask_until_closed(void* argument) {
  struct crowd* crowd = argument;
  tl_status status = TL_OK;
  while (status == TL_OK) {
    status = try_run(crowd->conn, "SELECT 1", NULL, NULL);
    __atomic_add_fetch(&crowd->asked, 1, __ATOMIC_SEQ_CST);
  }
  CHECK_STATUS(status, TL_E_CLOSED);
  CHECK_STATUS(try_run(crowd->conn, "SELECT 1", NULL, NULL), TL_E_CLOSED);
  return NULL;
}

void test_a_name_is_removed_while_all_ask(void) {
  struct crowd crowd = {.registry = open_registry("")};
  tl_error* err = NULL;
  pthread_t all[threads];
  CHECK_INT(add(crowd.registry, "tenant", "pool.max = 4\n"), 1);
  crowd.conn = conn_of(crowd.registry, "tenant");
  in_threads(ask_until_closed, &crowd, all);
  while (__atomic_load_n(&crowd.asked, __ATOMIC_SEQ_CST) < 500) sched_yield();
  CHECK_INT(remove_name(crowd.registry, "tenant"), 1);
  join(all);
  CHECK_INT(add(crowd.registry, "tenant", "pool.max = 4\n"), 1);
  tl_conn* fresh = conn_of(crowd.registry, "tenant");
  CHECK_INT(ask_int(fresh, "SELECT 7"), 7);
  tl_conn_release(fresh);
  tl_conn_release(crowd.conn);
  OK(tl_registry_close(crowd.registry, NULL, 0, NULL, &err));
  tl_registry_release(crowd.registry);
}

static int gone(tl_status status) { return status == TL_OK || status == TL_E_NOT_FOUND || status == TL_E_CLOSED; }

static void* come_and_go(void* argument) {
  struct crowd* crowd = argument;
  for (int i = 0; i < rounds * shared_names; ++i) {
    char name[16];
    tl_conn* conn = NULL;
    snprintf(name, sizeof name, "n%d", i % shared_names);
    int balance = add(crowd->registry, name, "pool.max = 1\n");
    const tl_status found = tl_conn_get(crowd->registry, WHOLE(name), TL_DUAL, &conn, NULL);
    CHECK(gone(found));
    if (found == TL_OK && i % 16 == 0) CHECK(gone(try_run(conn, "SELECT 1", NULL, NULL)));
    CHECK(gone(tl_registry_close(crowd->registry, WHOLE(name), NULL, NULL)));
    if (i % 16 == 0) CHECK(gone(tl_registry_connect(crowd->registry, WHOLE(name), NULL, NULL)));
    balance -= remove_name(crowd->registry, name);
    tl_conn_release(conn);
    __atomic_add_fetch(&crowd->balance, balance, __ATOMIC_SEQ_CST);
  }
  return NULL;
}

void test_the_same_names_come_and_go_among_threads(void) {
  struct crowd crowd = {.registry = open_registry("")};
  tl_error* err = NULL;
  tl_result* names = NULL;
  pthread_t all[threads];
  in_threads(come_and_go, &crowd, all);
  join(all);
  CHECK_INT(crowd.balance, 0);
  OK(tl_inspect(crowd.registry, "names", NULL, 0, NULL, &names, &err));
  CHECK_INT(count_rows(names), 2);
  tl_result_release(names);
  OK(tl_registry_close(crowd.registry, NULL, 0, NULL, &err));
  tl_registry_release(crowd.registry);
}
