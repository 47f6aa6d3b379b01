/* The registry that all code of the process shares. There is one in a process, so this is all that can be said of it
 * here; tests/shared tells the rest, a process for each story. */
#include <string.h>

#include "capi_fixture.h"

void test_one_registry_is_shared(void) {
  tl_registry *registry = open_registry(""), *same = NULL;
  tl_error* err = NULL;
  EXPECT(TL_E_MISUSE, tl_registry_share(NULL, &err));
  EXPECT(TL_E_MISUSE, tl_registry_shared(NULL, NULL, NULL, &err));
  OK(tl_registry_share(registry, &err));
  OK(tl_registry_shared(NULL, NULL, &same, &err));
  CHECK(same != registry); /* each has a handle of his own */
  CHECK_INT(tl_registry_has(same, WHOLE("db")), 1);
  tl_conn* conn = conn_of(same, "db");
  CHECK_INT(ask_int(conn, "SELECT 1"), 1);
  tl_registry_release(same);
  tl_registry_release(registry);
  CHECK_INT(ask_int(conn, "SELECT 2"), 2);

  OK(tl_registry_shared("", "", &same, &err)); /* nobody had a handle, and it is still there */
  OK(tl_registry_close(same, NULL, 0, NULL, &err));
  EXPECT(TL_E_CLOSED, try_run(conn, "SELECT 1", NULL, &err)); /* closing is for all */
  tl_registry_release(same);
  tl_conn_release(conn);
}
