/* Settings that change while connections are used. */
#include "capi_fixture.h"

#include <stdio.h>
#include <string.h>

static int32_t patch(tl_registry* registry, const char* toml, uint32_t flags) {
  int32_t changed = 77;
  tl_error* err = NULL;
  OK(tl_registry_patch(registry, WHOLE("db"), WHOLE(toml), flags, NULL, &changed, &err));
  return changed;
}

void test_patched_while_a_transaction_runs(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = conn_of(registry, "db");
  tl_conn* transaction = NULL;
  tl_error* err = NULL;
  OK(tl_begin(conn, 0, NULL, &transaction, &err));
  CHECK_INT(patch(registry, "pool.max = 3", TL_CHANGE_VERIFY), 1);
  CHECK_INT(patch(registry, "pool.max = 3", 0), 0);
  CHECK_INT(ask_int(transaction, "SELECT 42"), 42);
  CHECK_INT(ask_int(conn, "SELECT 43"), 43);
  OK(tl_commit(transaction, NULL, &err));
  tl_conn_release(transaction);
  OK(tl_registry_trim(registry, WHOLE("db"), &err));
  OK(tl_registry_trim(registry, NULL, 0, &err));
  CHECK_INT(ask_int(conn, "SELECT 44"), 44);
  tl_conn_release(conn);

  tl_result* result = NULL;
  CHECK_STATUS(tl_registry_reload(registry, 0, NULL, &result, &err), TL_E_MISUSE);
  REQUIRE(err != NULL);
  CHECK(strstr(tl_error_message(err), "no file") != NULL);
  tl_error_release(err);
  err = NULL;
  CHECK_STATUS(tl_registry_patch(registry, WHOLE("db"), WHOLE("pool.mx = 3"), 0, NULL, NULL, &err), TL_E_CONFIGURATION);
  REQUIRE(err != NULL);
  CHECK(strstr(tl_error_message(err), "patch(\"db\"):1: connections.db.pool.mx") != NULL);
  CHECK_TEXT(detail_of(err, "suggestion"), "max");
  tl_error_release(err);
  tl_registry_release(registry);
}

void test_misuse_of_changes(void) {
  tl_registry* registry = open_registry("");
  tl_result* result = NULL;
  int32_t changed = 77;
  tl_error* err = NULL;
  EXPECT(TL_E_MISUSE, tl_registry_patch(NULL, WHOLE("db"), "", 0, 0, NULL, &changed, &err));
  EXPECT(TL_E_MISUSE, tl_registry_patch(registry, WHOLE("db"), NULL, 3, 0, NULL, &changed, &err));
  EXPECT(TL_E_MISUSE, tl_registry_patch(registry, WHOLE("db"), "", 0, 2, NULL, &changed, &err));
  EXPECT(TL_E_NOT_FOUND, tl_registry_patch(registry, WHOLE("nobody"), "", 0, 0, NULL, &changed, &err));
  EXPECT(TL_E_MISUSE, tl_registry_reload(NULL, 0, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_registry_reload(registry, 0, NULL, NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_reload(registry, 4, NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_registry_trim(NULL, NULL, 0, &err));
  EXPECT(TL_E_NOT_FOUND, tl_registry_trim(registry, WHOLE("nobody"), &err));
  CHECK_INT(changed, 77);
  CHECK(result == NULL);
  tl_registry_release(registry);
}
