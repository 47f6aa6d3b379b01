/* Questions: names and credentials that the application is asked for. */
#include "capi_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { asking = 1, answering = 2 };

static tl_completion next(tl_queue* queue) {
  tl_completion done;
  size_t n = 0;
  memset(&done, 0, sizeof done);
  CHECK_STATUS(tl_queue_wait(queue, &done, 1, 10000, &n), TL_OK);
  CHECK_INT((int64_t)n, 1);
  return done;
}

/* The number of the question that comes next, of this kind and about this name. */
static uint64_t question_of(tl_queue* queue, uint32_t kind, const char* kind_name, const char* name) {
  tl_completion question = next(queue);
  const uint64_t number = question.arg[2];
  CHECK_INT(question.kind, TL_QUESTION);
  CHECK_INT((int64_t)question.user_data, answering);
  CHECK_INT((int64_t)question.arg[0], kind);
  REQUIRE(number != 0 && question.value != NULL);
  tl_column columns[11];
  columns[0].struct_size = sizeof columns[0];
  int64_t rows = 0;
  CHECK_STATUS(tl_batch_columns(question.value, columns, 11, &rows), TL_OK);
  CHECK_INT(rows, 1);
  CHECK(text_is(&columns[0], 0, kind_name));
  CHECK(text_is(&columns[2], 0, name));
  tl_completion_release(&question);
  return number;
}

static uint64_t question_about(tl_queue* queue, const char* name) {
  return question_of(queue, TL_ASK_NAME, "ask_name", name);
}

void test_a_name_that_is_found_on_demand(void) {
  tl_registry* registry = open_registry("");
  tl_queue* queue = NULL;
  tl_conn *conn = NULL, *nobody = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  char toml[1024];
  target_settings(toml, sizeof toml);
  OK(tl_queue_new(registry, 0, &queue, &err));
  EXPECT(TL_E_NOT_FOUND, tl_conn_get(registry, WHOLE("tenant"), TL_DUAL, &conn, &err));
  tl_call call = call_with(0);
  call.queue = queue;
  call.user_data = answering;
  OK(tl_subscribe(registry, TL_ASK_NAME, &call, &err));
  OK(tl_conn_get(registry, WHOLE("tenant"), TL_DUAL, &conn, &err));
  CHECK_INT(tl_registry_has(registry, WHOLE("tenant")), 0);

  call.user_data = asking;
  OK(tl_query(conn, WHOLE("SELECT 42"), NULL, 0, NULL, 0, &call, NULL, &err));
  OK(tl_query(conn, WHOLE("SELECT 42"), NULL, 0, NULL, 0, &call, NULL, &err));
  const uint64_t number = question_about(queue, "tenant");
  EXPECT(TL_E_MISUSE, tl_answer(NULL, number, TL_OK, WHOLE(toml), 0, &err));
  EXPECT(TL_E_MISUSE, tl_answer(registry, number, 1, WHOLE(toml), 0, &err));
  EXPECT(TL_E_MISUSE, tl_answer(registry, number, TL_OK, WHOLE(toml), -1, &err));
  OK(tl_answer(registry, number, TL_OK, WHOLE(toml), 0, &err));
  EXPECT(TL_E_NOT_FOUND, tl_answer(registry, number, TL_OK, WHOLE(toml), 0, &err));
  for (int i = 0; i < 2; ++i) {
    tl_completion done = next(queue);
    CHECK_INT(done.kind, TL_DONE_RESULT);
    CHECK_STATUS(done.status, TL_OK);
    tl_completion_release(&done);
  }
  CHECK_INT(ask_int(conn, "SELECT 43"), 43);

  /* A thread that takes the questions itself cannot wait for the answer. */
  OK(tl_conn_get(registry, WHOLE("nobody"), TL_DUAL, &nobody, &err));
  EXPECT(TL_E_BUSY, tl_query(nobody, WHOLE("SELECT 1"), NULL, 0, NULL, 0, NULL, &result, &err));
  OK(tl_query(nobody, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, NULL, &err));
  OK(tl_answer(registry, question_about(queue, "nobody"), TL_E_NOT_FOUND, WHOLE("no such tenant"), 0, &err));
  tl_completion done = next(queue);
  CHECK_STATUS(done.status, TL_E_NOT_FOUND);
  REQUIRE(done.error != NULL);
  CHECK(strstr(tl_error_message(done.error), "no such tenant") != NULL);
  CHECK_TEXT(tl_error_connection(done.error), "nobody");
  tl_completion_release(&done);

  /* What cannot be used is told on both sides. */
  OK(tl_query(nobody, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, NULL, &err));
  EXPECT(TL_E_CONFIGURATION,
         tl_answer(registry, question_about(queue, "nobody"), TL_OK, WHOLE("driver = 'sqlite'\nx = 1"), 0, &err));
  done = next(queue);
  CHECK_STATUS(done.status, TL_E_CONFIGURATION);
  tl_completion_release(&done);

  tl_conn_release(nobody);
  tl_conn_release(conn);
  tl_queue_release(queue);
  tl_registry_release(registry);
}

/* Accepts nobody, and says nothing; its port. */
static int silent_server(int* port) {
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(server >= 0 && bind(server, (struct sockaddr*)&at, sizeof at) == 0 && listen(server, 8) == 0);
  REQUIRE(getsockname(server, (struct sockaddr*)&at, &size) == 0);
  *port = ntohs(at.sin_port);
  return server;
}

/* The first row's text in the column called "state". */
static int state_is(tl_registry* registry, const char* name, const char* state) {
  tl_result* result = NULL;
  tl_batch* batch = NULL;
  tl_error* err = NULL;
  tl_column columns[32];
  int64_t rows = 0;
  int is = 0;
  OK(tl_inspect(registry, "connections", WHOLE(name), NULL, &result, &err));
  const size_t n = tl_result_columns(result);
  REQUIRE(n <= 32);
  OK(tl_result_next(result, NULL, &batch, &err));
  columns[0].struct_size = sizeof columns[0];
  CHECK_STATUS(tl_batch_columns(batch, columns, n, &rows), TL_OK);
  for (size_t i = 0; i < n; ++i) {
    if (strcmp(columns[i].name, "state") == 0) is = text_is(&columns[i], 0, state);
  }
  tl_batch_release(batch);
  tl_result_release(result);
  return is;
}

/* The last verb of a registry waits for a name that is forgotten meanwhile: the process's housekeeping goes on. */
void test_a_name_that_is_forgotten_last(void) {
  if (!tl_has_feature("driver.postgresql") || !tl_has_feature("driver.sqlite")) return;
  const struct timespec moment = {0, 10000000};
  tl_registry *registry = open_registry(""), *other = NULL;
  tl_queue* queue = NULL;
  tl_conn *conn = NULL, *file = NULL;
  tl_error* err = NULL;
  char toml[512];
  int port = 0;
  const int server = silent_server(&port);
  snprintf(toml, sizeof toml,
           "[connections.file]\ndriver = 'sqlite'\ndatabase = '%s/forgotten.db'\nidle_close = '200ms'\n", folder());
  OK(tl_registry_parse(WHOLE(toml), NULL, NULL, &other, &err));
  file = conn_of(other, "file");
  OK(tl_queue_new(registry, 0, &queue, &err));
  tl_call asked = call_with(0);
  asked.queue = queue;
  asked.user_data = answering;
  OK(tl_subscribe(registry, TL_ASK_NAME, &asked, &err));
  OK(tl_conn_get(registry, WHOLE("tenant"), TL_DUAL, &conn, &err));
  tl_call call = call_with(0);
  call.queue = queue;
  OK(tl_query(conn, WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, NULL, &err));
  snprintf(toml, sizeof toml, "driver = 'postgresql'\nhost = '127.0.0.1'\nport = %d\nuser = 'u'\ndatabase = 'd'\n",
           port);
  OK(tl_answer(registry, question_about(queue, "tenant"), TL_OK, WHOLE(toml), 200, &err));
  for (int i = 0; i < 1000 && !state_is(registry, "tenant", "open"); ++i) {
    tl_completion done;
    size_t n = 0;
    CHECK_STATUS(tl_queue_wait(queue, &done, 1, 10, &n), TL_OK);
    CHECK_INT((int64_t)n, 0);
  }
  OK(tl_registry_trim(registry, WHOLE("tenant"), &err));
  tl_conn_release(conn);
  tl_queue_release(queue);
  tl_registry_release(registry);

  for (int i = 0; i < 5; ++i) {
    CHECK_INT(ask_int(file, "SELECT 7"), 7);
    for (int wait = 0; wait < 1000 && !state_is(other, "file", "registered"); ++wait) nanosleep(&moment, NULL);
    REQUIRE(state_is(other, "file", "registered"));
  }
  tl_conn_release(file);
  tl_registry_release(other);
  close(server);
}

/* What the verb that is under way on the queue has come to, whose connection asks for its credentials. */
static void failed_with(tl_queue* queue, tl_status status, const char* told) {
  tl_completion done = next(queue);
  CHECK_STATUS(done.status, status);
  REQUIRE(done.error != NULL);
  CHECK(strstr(tl_error_message(done.error), told) != NULL);
  CHECK(strstr(tl_error_message(done.error), "canary") == NULL);
  tl_completion_release(&done);
}

static tl_conn* asking_conn(tl_registry* registry, const char* name) {
  char toml[1024];
  tl_error* err = NULL;
  int32_t added = 0;
  target_settings(toml, sizeof toml);
  strcat(toml, "credentials = 'ask'\nretry.attempts = 1\n");
  OK(tl_registry_add(registry, WHOLE(name), WHOLE(toml), &added, &err));
  return conn_of(registry, name);
}

void test_credentials_that_are_asked_for(void) {
  tl_registry* registry = open_registry("");
  tl_queue* queue = NULL;
  tl_result* result = NULL;
  tl_error* err = NULL;
  int32_t added = 0;
  if (on_sqlite()) {
    EXPECT(TL_E_CONFIGURATION,
           tl_registry_add(registry, WHOLE("file"),
                           WHOLE("database = ':memory:'\ndriver = 'sqlite'\ncredentials = 'ask'"), &added, &err));
    tl_registry_release(registry);
    return;
  }
  /* Each has a pool of its own: after a failure the next session is not opened at once. */
  const char* const names[] = {"unheard", "malformed", "sealed", "own", "good"};
  tl_conn* conns[5];
  for (int i = 0; i < 5; ++i) conns[i] = asking_conn(registry, names[i]);
  OK(tl_queue_new(registry, 0, &queue, &err));
  EXPECT(TL_E_AUTHENTICATION, tl_query(conns[0], WHOLE("SELECT 1"), NULL, 0, NULL, 0, NULL, &result, &err));
  tl_call call = call_with(0);
  call.queue = queue;
  call.user_data = answering;
  OK(tl_subscribe(registry, TL_ASK_CREDENTIALS, &call, &err));
  call.user_data = asking;

  OK(tl_query(conns[1], WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, NULL, &err));
  uint64_t number = question_of(queue, TL_ASK_CREDENTIALS, "ask_credentials", "malformed");
  EXPECT(TL_E_MISUSE, tl_answer(registry, number, TL_OK, WHOLE("password = 'canary'"), -1, &err));
  EXPECT(TL_E_CONFIGURATION, tl_answer(registry, number, TL_OK, WHOLE("pasword = 'canary'"), 0, &err));
  failed_with(queue, TL_E_CONFIGURATION, "did you mean \"password\"?");

  OK(tl_query(conns[2], WHOLE("SELECT 1"), NULL, 0, NULL, 0, &call, NULL, &err));
  number = question_of(queue, TL_ASK_CREDENTIALS, "ask_credentials", "sealed");
  OK(tl_answer(registry, number, TL_E_UNAVAILABLE, WHOLE("the vault is sealed"), 0, &err));
  failed_with(queue, TL_E_UNAVAILABLE, "no credentials for \"sealed\": the vault is sealed");

  /* A thread that takes the questions itself cannot wait for the answer, but for a session that is there. */
  EXPECT(TL_E_BUSY, tl_query(conns[3], WHOLE("SELECT 1"), NULL, 0, NULL, 0, NULL, &result, &err));
  OK(tl_query(conns[4], WHOLE("SELECT 42"), NULL, 0, NULL, 0, &call, NULL, &err));
  number = question_of(queue, TL_ASK_CREDENTIALS, "ask_credentials", "good");
  OK(tl_answer(registry, number, TL_OK, WHOLE("password = 'canary'"), 3600000, &err));
  EXPECT(TL_E_NOT_FOUND, tl_answer(registry, number, TL_OK, WHOLE("password = 'canary'"), 0, &err));
  tl_completion done = next(queue);
  CHECK_INT(done.kind, TL_DONE_RESULT);
  CHECK_STATUS(done.status, TL_OK);
  tl_completion_release(&done);
  CHECK_INT(ask_int(conns[4], "SELECT 43"), 43);

  for (int i = 0; i < 5; ++i) tl_conn_release(conns[i]);
  tl_queue_release(queue);
  tl_registry_release(registry);
}
