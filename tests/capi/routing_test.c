/* Where statements go, and where they went. */
#include "capi_fixture.h"

#include <string.h>

static void explained(tl_conn* conn, const char* sql, uint32_t flags, const char* kind, const char* role) {
  const tl_call call = call_with(flags);
  tl_result* result = NULL;
  tl_error* err = NULL;
  struct sheet sheet;
  OK(tl_explain(conn, WHOLE(sql), &call, &result, &err));
  REQUIRE(next_sheet(result, &sheet));
  CHECK(text_is(&sheet.columns[column_named(&sheet, "kind")], 0, kind));
  CHECK(text_is(&sheet.columns[column_named(&sheet, "role")], 0, role));
  CHECK_INT(int_at(&sheet.columns[column_named(&sheet, "choice")], 0), 1);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
}

static tl_conn* in_a_file(tl_registry* registry) {
  int32_t added = 0;
  tl_error* err = NULL;
  char toml[1024] = "driver = 'sqlite'\ndatabase = '";
  strcat(toml, folder());
  strcat(toml, "/routing.db'\nconsistency = 'session'\n");
  OK(tl_registry_add(registry, WHOLE("file"), WHOLE(toml), &added, &err));
  return conn_of(registry, "file");
}

void test_a_statement_is_explained(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = in_a_file(registry);
  tl_error* err = NULL;
  tl_result* result = NULL;
  explained(conn, "SELECT 1", 0, "read", "replica");
  explained(conn, "SELECT 1", TL_CALL_WRITE, "read", "primary");
  explained(conn, "UPDATE things SET id = 1", 0, "write", "primary");
  explained(conn, "SELECT my_function()", 0, "unknown", "primary");
  explained(conn, "SELECT my_function()", TL_CALL_READ, "unknown", "replica");
  EXPECT(TL_E_MISUSE, tl_explain(conn, WHOLE("BEGIN"), NULL, &result, &err));
  EXPECT(TL_E_MISUSE, tl_explain(conn, WHOLE("SELECT '"), NULL, &result, &err));
  CHECK(result == NULL);
  tl_conn_release(conn);
  tl_registry_release(registry);
}

void test_an_answer_knows_who_gave_it(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = in_a_file(registry);
  tl_result* result = ask(conn, "CREATE TABLE things (id INTEGER PRIMARY KEY)", NULL);
  CHECK_INT(tl_result_role(result), TL_PRIMARY);
  CHECK_INT(tl_result_lag_ms(result), 0);
  tl_result_release(result);
  result = ask(conn, "SELECT * FROM things", NULL);
  CHECK_INT(tl_result_role(result), TL_REPLICA);
  CHECK_INT(tl_result_lag_ms(result), 0);
  CHECK_TEXT(tl_result_connection(result), "file");
  CHECK_TEXT(tl_result_connection(result), "file");
  tl_result_release(result);
  CHECK_TEXT(tl_result_connection(NULL), "");
  CHECK_INT(tl_result_role(NULL), TL_NO_ROLE);
  CHECK_INT(tl_result_lag_ms(NULL), -1);
  tl_conn_release(conn);
  tl_registry_release(registry);
}

void test_a_call_names_its_fallback(void) {
  tl_registry* registry = open_registry("");
  tl_conn* conn = in_a_file(registry);
  tl_call call = call_with(0);
  tl_result* result = NULL;
  tl_error* err = NULL;
  call.fallback = "db";
  result = ask(conn, "SELECT 1", &call);
  CHECK_TEXT(tl_result_connection(result), "file"); /* which serves it itself */
  tl_result_release(result);
  result = NULL;
  call.fallback = "file";
  EXPECT(TL_E_MISUSE, tl_query(conn, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, &result, &err));
  call.fallback = "bd";
  EXPECT(TL_E_NOT_FOUND, tl_query(conn, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, &result, &err));
  CHECK(result == NULL);
  tl_conn_release(conn);
  tl_registry_release(registry);
}

void test_tokens(void) {
  static const char some[] = "pg-7304123456789-2-16b3748";
  tl_registry* registry = open_registry("");
  tl_conn* conn = conn_of(registry, "db");
  tl_conn* file = in_a_file(registry);
  tl_conn* after = NULL;
  tl_error* err = NULL;
  size_t len = 77;
  char token[64] = "unwritten";
  run(conn, "SELECT 1");
  EXPECT(TL_E_MISUSE, tl_conn_token(conn, token, sizeof token, &len, &err)); /* its consistency is "none" */
  CHECK_INT(len, 77);
  OK(tl_conn_token(file, token, sizeof token, &len, &err));
  CHECK_INT(len, 0);
  CHECK_TEXT(token, "");
  OK(tl_conn_derive(file, NULL, 0, WHOLE(some), -1, &after, &err));
  OK(tl_conn_token(after, token, strlen(some), &len, &err)); /* no place for the NUL */
  CHECK_INT(len, strlen(some));
  CHECK_TEXT(token, "");
  OK(tl_conn_token(after, token, sizeof token, &len, &err));
  CHECK_TEXT(token, some);
  EXPECT(TL_E_MISUSE, try_run(after, "SELECT 1", NULL, &err)); /* there is no other place that a file could be at */
  tl_conn_release(after);
  EXPECT(TL_E_MISUSE, tl_conn_derive(file, NULL, 0, WHOLE("pg-1-2"), -1, &after, &err));
  EXPECT(TL_E_MISUSE, tl_conn_derive(file, NULL, 0, NULL, 3, -1, &after, &err));
  EXPECT(TL_E_MISUSE, tl_conn_token(file, NULL, 1, &len, &err));
  tl_conn_release(conn);
  tl_conn_release(file);
  tl_registry_release(registry);
}
