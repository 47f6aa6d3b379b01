/* Runs every test of the C ABI on the database that TL_TARGET names, or those whose name contains an argument. */
#include "capi_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST(name) {#name, test_##name},

static const struct {
  const char* name;
  void (*run)(void);
} tests[] = {TESTS(LIST)};

static int wanted(const char* name, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (strstr(name, argv[i]) != NULL) return 1;
  }
  return argc == 1;
}

int main(int argc, char** argv) {
  int ran = 0;
  (void)folder();
  atexit(remove_folder);
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; ++i) {
    if (!wanted(tests[i].name, argc, argv)) continue;
    const int before = count_of_failures();
    tests[i].run();
    ++ran;
    if (count_of_failures() != before) fprintf(stderr, "FAILED %s\n", tests[i].name);
  }
  printf("%d tests, %d checks, %d failures\n", ran, count_of_checks(), count_of_failures());
  return ran == 0 || count_of_failures() != 0;
}
