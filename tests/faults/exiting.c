/* A program that ends while its threads dial: the configuration is its argument; it returns from main once its standard
 * input ends. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <trunkline/trunkline.h>
#include <unistd.h>

enum { callers = 4 };

static tl_registry* registry;

static void* call_for_ever(void* unused) {
  static const char sql[] = "SELECT 1";
  tl_conn* db = NULL;
  (void)unused;
  if (tl_conn_get(registry, "db", 2, TL_DUAL, &db, NULL) != TL_OK) return NULL;
  for (;;) {
    tl_result* result = NULL;
    if (tl_query(db, sql, strlen(sql), NULL, 0, NULL, 0, NULL, &result, NULL) == TL_OK) tl_result_release(result);
  }
}

int main(int argc, char** argv) {
  pthread_t thread;
  char byte = 0;
  int i = 0;
  if (argc != 2 || tl_registry_parse(argv[1], strlen(argv[1]), NULL, NULL, &registry, NULL) != TL_OK) return 2;
  for (i = 0; i < callers; ++i) {
    if (pthread_create(&thread, NULL, call_for_ever, NULL) != 0) return 3;
  }
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
