/* Errors, all of what they tell. */
#include "capi_fixture.h"

#include <string.h>

void test_no_error_has_no_story(void) {
  const char *key = "kept", *value = "kept";
  CHECK_STATUS(tl_error_status(NULL), TL_OK);
  CHECK_TEXT(tl_error_message(NULL), "");
  CHECK_TEXT(tl_error_connection(NULL), "");
  CHECK_TEXT(tl_error_endpoint(NULL), "");
  CHECK_TEXT(tl_error_phase(NULL), "");
  CHECK_TEXT(tl_error_sqlstate(NULL), "");
  CHECK_INT(tl_error_native(NULL), 0);
  CHECK_INT(tl_error_outcome(NULL), TL_UNKNOWN);
  CHECK_STATUS(tl_error_detail(NULL, 0, &key, &value), TL_E_NOT_FOUND);
  CHECK_TEXT(key, "kept");
  CHECK_TEXT(value, "kept");
}

void test_a_violation_tells_everything(void) {
  struct desk desk;
  tl_error* err = NULL;
  open_desk(&desk);
  run(desk.db, "INSERT INTO things VALUES (1, 'a', 1)");
  CHECK_STATUS(try_run(desk.db, "INSERT INTO things VALUES (2, 'a', 1)", NULL, &err), TL_E_UNIQUE);
  close_desk(&desk); /* an error outlives what it came from */
  REQUIRE(err != NULL);
  CHECK_STATUS(tl_error_status(err), TL_E_UNIQUE);
  CHECK(tl_error_message(err)[0] != '\0');
  CHECK_TEXT(tl_error_connection(err), "db");
  CHECK(tl_error_endpoint(err)[0] != '\0');
  CHECK_TEXT(tl_error_phase(err), "receive");
  CHECK_INT(tl_error_outcome(err), TL_REFUSED);
  if (on_sqlite()) {
    CHECK_INT(tl_error_native(err), 2067);
    CHECK_TEXT(tl_error_sqlstate(err), "");
  } else {
    CHECK_TEXT(tl_error_sqlstate(err), "23505");
  }
  const char *key = NULL, *value = NULL;
  size_t n = 0;
  int constraint = 0;
  while (tl_error_detail(err, n, &key, &value) == TL_OK) {
    CHECK(key[0] != '\0' && value != NULL);
    if (strcmp(key, "constraint") == 0) constraint = strcmp(value, "things_name") == 0;
    CHECK_STATUS(tl_error_detail(err, n, NULL, NULL), TL_OK);
    ++n;
  }
  if (!on_sqlite()) CHECK(constraint);
  CHECK_STATUS(tl_error_detail(err, n, &key, &value), TL_E_NOT_FOUND);
  CHECK_STATUS(tl_error_detail(err, SIZE_MAX, &key, &value), TL_E_NOT_FOUND);
  tl_error_release(err);
}

void test_classes_of_statements(void) {
  struct desk desk;
  tl_error* err = NULL;
  open_desk(&desk);
  EXPECT(TL_E_STATEMENT, try_run(desk.db, "SELEKT 1", NULL, &err));
  EXPECT(TL_E_STATEMENT, try_run(desk.db, "SELECT * FROM no_such_table", NULL, &err));
  EXPECT(TL_E_STATEMENT, try_run(desk.db, "SELECT no_such_column FROM things", NULL, &err));
  EXPECT(TL_E_NOT_NULL, try_run(desk.db, "INSERT INTO things VALUES (1, NULL, 1)", NULL, &err));
  CHECK_STATUS(try_run(desk.db, "SELEKT 1", NULL, NULL), TL_E_STATEMENT); /* nobody wants to know more */
  close_desk(&desk);
}

void test_a_success_leaves_the_error_alone(void) {
  struct desk desk;
  int mark = 0;
  tl_error* err = (tl_error*)(void*)&mark;
  open_desk(&desk);
  CHECK_STATUS(try_run(desk.db, "SELECT 1", NULL, &err), TL_OK);
  CHECK(err == (tl_error*)(void*)&mark);
  close_desk(&desk);
}

void test_a_server_that_is_not_there(void) {
  tl_registry* registry = open_registry(
      "[connections.gone]\ndriver = 'postgresql'\nsocket = '/tmp/tl-no-such-folder'\npassword = 'hush-hush'\n"
      "[connections.folderless]\ndriver = 'sqlite'\ndatabase = '/tmp/tl-no-such-folder/x.db'\n"
      "[connections.stranger]\ndriver = 'oracledb'\nhost = 'h'\nservice_name = 's'\nuser = 'u'\n");
  static const char* names[] = {"gone", "folderless", "stranger"};
  for (size_t i = 0; i < 3; ++i) {
    tl_error* err = NULL;
    tl_call call = call_with(0);
    call.timeout_ms = 5000;
    const tl_status status = tl_registry_connect(registry, WHOLE(names[i]), &call, &err);
    REQUIRE(err != NULL);
    CHECK_STATUS(status, TL_E_UNAVAILABLE);
    CHECK_TEXT(tl_error_connection(err), names[i]);
    CHECK_INT(tl_error_outcome(err), TL_NOT_SENT);
    CHECK(strstr(tl_error_message(err), "hush") == NULL);
    tl_error_release(err);
  }
  tl_registry_release(registry);
}
