#include "capi_check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int checks, failures;

static int counted(int fine) {
  pthread_mutex_lock(&mutex);
  ++checks;
  if (!fine) ++failures;
  pthread_mutex_unlock(&mutex);
  return fine;
}

void checked(int fine, const char* what, const char* file, int line) {
  if (!counted(fine)) fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
}

void checked_int(int64_t is, int64_t should, const char* what, const char* file, int line) {
  if (!counted(is == should)) {
    fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, what, (long long)is, (long long)should);
  }
}

void checked_text(const char* is, const char* should, const char* what, const char* file, int line) {
  const char* shown = is == NULL ? "(NULL)" : is;
  if (!counted(strcmp(shown, should) == 0)) {
    fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", file, line, what, shown, should);
  }
}

void checked_status(tl_status is, tl_status should, tl_error* err, const char* what, const char* file, int line) {
  const char* message = tl_error_message(err);
  if (!counted(is == should)) {
    fprintf(stderr, "%s:%d: %s answers %s, not %s: %s\n", file, line, what, tl_status_name(is), tl_status_name(should),
            message);
  }
  if (is == TL_OK && err != NULL) checked(0, "a success tells no error", file, line);
  if (err != NULL) {
    checked_int(tl_error_status(err), is, "the error's status", file, line);
    checked(message[0] != '\0' && strchr(message, '\n') == NULL, "an error tells one line", file, line);
  }
  tl_error_release(err);
}

void require_failed(const char* what, const char* file, int line) {
  fprintf(stderr, "%s:%d: cannot go on without: %s\n", file, line, what);
  exit(1);
}

int count_of_checks(void) { return checks; }
int count_of_failures(void) { return failures; }
