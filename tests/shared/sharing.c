/* The registry that all code of a process shares, from C: each story is a process of its own, since there is one in
 * each.
 *
 *   sharing STORY PLUGIN.so
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capi_check.h"
#include "plugin.h"

#define WHOLE(text) (text), strlen(text)

static const char* plugin_path;
static const char memory_toml[] = "driver = 'sqlite'\ndatabase = ':memory:'\n";

/* ---- a plug-in that is loaded, and unloaded ---- */

struct plugin {
  void* library;
  tl_status (*begin)(void);
  void (*end)(void);
  tl_status (*add)(const char* name, const char* toml);
  int (*has)(const char* name);
  tl_status (*run)(const char* name, const char* sql);
};

static void find(void* library, const char* name, void* function) {
  void* const found = dlsym(library, name);
  REQUIRE(found != NULL);
  memcpy(function, &found, sizeof found);
}

static struct plugin load_plugin(void) {
  struct plugin plugin;
  plugin.library = dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
  if (plugin.library == NULL) fprintf(stderr, "%s\n", dlerror());
  REQUIRE(plugin.library != NULL);
  find(plugin.library, "plugin_begin", &plugin.begin);
  find(plugin.library, "plugin_end", &plugin.end);
  find(plugin.library, "plugin_add", &plugin.add);
  find(plugin.library, "plugin_has", &plugin.has);
  find(plugin.library, "plugin_run", &plugin.run);
  CHECK_STATUS(plugin.begin(), TL_OK);
  return plugin;
}

static void unload_plugin(struct plugin plugin) {
  plugin.end();
  CHECK_INT(dlclose(plugin.library), 0);
  CHECK(dlopen(plugin_path, RTLD_NOW | RTLD_NOLOAD) == NULL); /* it is gone */
}

static tl_status run(tl_registry* registry, const char* name, const char* sql) {
  tl_conn* conn = NULL;
  tl_result* result = NULL;
  tl_status status = tl_conn_get(registry, WHOLE(name), TL_DUAL, &conn, NULL);
  if (status == TL_OK) status = tl_query(conn, WHOLE(sql), NULL, 0, NULL, 0, NULL, &result, NULL);
  tl_result_release(result);
  tl_conn_release(conn);
  return status;
}

static tl_registry* shared_registry(void) {
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  OK(tl_registry_shared(NULL, NULL, &registry, &err));
  REQUIRE(registry != NULL);
  return registry;
}

static void a_plugin_sees_what_its_host_has(void) {
  tl_registry* registry = shared_registry();
  struct plugin plugin = load_plugin();
  tl_error* err = NULL;
  OK(tl_registry_add(registry, WHOLE("of_host"), WHOLE(memory_toml), NULL, &err));
  CHECK(plugin.has("of_host"));
  CHECK_STATUS(plugin.add("of_plugin", memory_toml), TL_OK);
  CHECK_INT(tl_registry_has(registry, WHOLE("of_plugin")), 1);

  /* A database in memory is its one session: who sees its tables has the same pool. */
  CHECK_STATUS(run(registry, "of_host", "CREATE TABLE made_by_host (a)"), TL_OK);
  CHECK_STATUS(plugin.run("of_host", "INSERT INTO made_by_host VALUES (1)"), TL_OK);
  CHECK_STATUS(plugin.run("of_plugin", "CREATE TABLE made_by_plugin (a)"), TL_OK);

  unload_plugin(plugin);
  CHECK_STATUS(run(registry, "of_host", "INSERT INTO made_by_host VALUES (2)"), TL_OK);
  CHECK_STATUS(run(registry, "of_plugin", "INSERT INTO made_by_plugin VALUES (1)"), TL_OK);
  tl_registry_release(registry);
}

static void what_a_plugin_began_outlives_it(void) {
  struct plugin first = load_plugin();
  CHECK_STATUS(first.add("kept", memory_toml), TL_OK);
  CHECK_STATUS(first.run("kept", "CREATE TABLE kept (a)"), TL_OK);
  unload_plugin(first);
  struct plugin second = load_plugin();
  CHECK_STATUS(second.run("kept", "INSERT INTO kept VALUES (1)"), TL_OK);
  unload_plugin(second);
  tl_registry* registry = shared_registry();
  CHECK_STATUS(run(registry, "kept", "INSERT INTO kept VALUES (2)"), TL_OK);
  tl_registry_release(registry);
}

/* ---- who comes first ---- */

enum { threads = 16 };

static pthread_barrier_t together;
static int added_by_threads;

static void* share_and_add(void* unused) {
  (void)unused;
  tl_registry* registry = NULL;
  int32_t added = 0;
  pthread_barrier_wait(&together);
  CHECK_STATUS(tl_registry_shared(NULL, NULL, &registry, NULL), TL_OK);
  REQUIRE(registry != NULL);
  CHECK_STATUS(tl_registry_add(registry, WHOLE("once"), WHOLE(memory_toml), &added, NULL), TL_OK);
  __atomic_fetch_add(&added_by_threads, added, __ATOMIC_SEQ_CST);
  CHECK_STATUS(run(registry, "once", "CREATE TABLE IF NOT EXISTS here (a)"), TL_OK);
  CHECK_STATUS(run(registry, "once", "INSERT INTO here VALUES (1)"), TL_OK);
  tl_registry_release(registry);
  return NULL;
}

static void all_threads_get_the_same(void) {
  pthread_t all[threads];
  CHECK_INT(pthread_barrier_init(&together, NULL, threads), 0);
  for (int i = 0; i < threads; ++i) REQUIRE(pthread_create(&all[i], NULL, share_and_add, NULL) == 0);
  for (int i = 0; i < threads; ++i) CHECK_INT(pthread_join(all[i], NULL), 0);
  CHECK_INT(added_by_threads, 1);
}

/* ---- which one it is ---- */

/* A configuration error whose message has this in it. */
static void refused(tl_status status, tl_error* err, const char* part) {
  CHECK_STATUS(status, TL_E_CONFIGURATION);
  CHECK(strstr(tl_error_message(err), part) != NULL);
  if (strstr(tl_error_message(err), part) == NULL) fprintf(stderr, "%s\n", tl_error_message(err));
  tl_error_release(err);
}

static void refuse_path(const char* path, const char* environment, const char* part) {
  tl_registry* other = NULL;
  tl_error* err = NULL;
  const tl_status status = tl_registry_shared(path, environment, &other, &err);
  refused(status, err, part);
  CHECK(other == NULL);
}

static void give_path(const char* path, const char* environment) {
  tl_registry* same = NULL;
  tl_error* err = NULL;
  OK(tl_registry_shared(path, environment, &same, &err));
  CHECK_INT(tl_registry_has(same, WHOLE("mark")), 1);
  tl_registry_release(same);
}

static void another_file_is_refused(void) {
  char whole[4096], link[5000];
  tl_registry* registry = NULL;
  tl_error* err = NULL;
  REQUIRE(getcwd(whole, sizeof whole) != NULL);
  strncat(whole, "/trunkline.toml", sizeof whole - strlen(whole) - 1);

  EXPECT(TL_E_NOT_FOUND, tl_registry_shared("nowhere.toml", NULL, &registry, &err)); /* leaves the way to others */
  OK(tl_registry_shared("trunkline.toml", "proof", &registry, &err));
  OK(tl_registry_add(registry, WHOLE("mark"), WHOLE(memory_toml), NULL, &err));

  give_path(NULL, NULL);
  give_path("", "");
  give_path("trunkline.toml", "proof");
  give_path("./trunkline.toml", NULL);
  give_path(whole, "proof");
  snprintf(link, sizeof link, "%s.link", whole);
  CHECK_INT(symlink(whole, link), 0);
  give_path(link, NULL);
  CHECK_INT(unlink(link), 0);
  CHECK_INT(chdir("/"), 0); /* it is the same file still */
  give_path(whole, NULL);
  refuse_path("trunkline.toml", NULL, "its configuration is trunkline.toml, not trunkline.toml");
  *strrchr(whole, '/') = '\0';
  CHECK_INT(chdir(whole), 0);

  refuse_path("other.toml", NULL, "trunkline.toml, not other.toml");
  refuse_path("nowhere.toml", NULL, "trunkline.toml, not nowhere.toml");
  refuse_path(NULL, "production", "its environment is \"proof\", not \"production\"");
  EXPECT(TL_E_MISUSE, tl_registry_shared(NULL, NULL, NULL, &err));
  tl_registry_release(registry);
  CHECK_INT(setenv("TRUNKLINE_CONFIG", "other.toml", 1), 0); /* what is there is there */
  give_path(NULL, NULL);
}

static void a_parsed_one_is_shared(void) {
  tl_registry *registry = NULL, *second = NULL;
  tl_error* err = NULL;
  OK(tl_registry_parse(WHOLE("[connections.mark]\ndriver = 'sqlite'\ndatabase = ':memory:'\n"), "of the host", NULL,
                       &registry, &err));
  OK(tl_registry_share(registry, &err));
  OK(tl_registry_share(registry, &err));
  give_path(NULL, NULL);
  refuse_path("trunkline.toml", NULL, "its configuration is of the host, not trunkline.toml");
  refuse_path(NULL, "proof", "its environment is none, not \"proof\"");
  OK(tl_registry_parse(NULL, 0, NULL, NULL, &second, &err));
  const tl_status status = tl_registry_share(second, &err);
  refused(status, err, "its configuration is of the host");
  err = NULL;
  EXPECT(TL_E_MISUSE, tl_registry_share(NULL, &err));
  tl_registry_release(second);

  struct plugin plugin = load_plugin();
  CHECK_STATUS(plugin.run("mark", "CREATE TABLE here (a)"), TL_OK);
  CHECK_STATUS(run(registry, "mark", "INSERT INTO here VALUES (1)"), TL_OK);
  unload_plugin(plugin);
  tl_registry_release(registry);
}

/* ---- a forked child ---- */

static const char file_toml[] = "driver = 'sqlite'\ndatabase = 'shared.db'\n";

/* The child's own checks are told by how it ends. */
static void in_a_child(void (*tell)(void)) {
  const int before = count_of_failures();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    tell();
    _exit(count_of_failures() != before);
  }
  int ended = -1;
  CHECK_INT(waitpid(child, &ended, 0), child);
  CHECK_INT(ended, 0);
}

static void the_child_uses_it(void) {
  tl_registry* registry = shared_registry();
  CHECK_INT(tl_registry_has(registry, WHOLE("file")), 1);
  CHECK_STATUS(run(registry, "file", "INSERT INTO here VALUES (2)"), TL_OK);
  CHECK_STATUS(run(registry, "main", "SELECT * FROM here"), TL_E_STATEMENT); /* its database in memory is another */
  tl_registry_release(registry);
}

static void a_child_has_the_same(void) {
  tl_registry* registry = shared_registry();
  tl_error* err = NULL;
  OK(tl_registry_add(registry, WHOLE("file"), WHOLE(file_toml), NULL, &err));
  CHECK_STATUS(run(registry, "file", "CREATE TABLE here (a UNIQUE)"), TL_OK);
  CHECK_STATUS(run(registry, "main", "CREATE TABLE here (a)"), TL_OK);
  tl_registry_release(registry);
  in_a_child(the_child_uses_it);
  registry = shared_registry();
  CHECK_STATUS(run(registry, "file", "INSERT INTO here VALUES (2)"), TL_E_UNIQUE);
  CHECK_STATUS(run(registry, "main", "INSERT INTO here VALUES (1)"), TL_OK);
  OK(tl_registry_close(registry, NULL, 0, NULL, &err));
  tl_registry_release(registry);
  CHECK_INT(unlink("shared.db"), 0);
}

static void the_child_opens_it(void) { tl_registry_release(shared_registry()); }

static void* open_it(void* unused) {
  (void)unused;
  pthread_barrier_wait(&together);
  tl_registry_release(shared_registry());
  return NULL;
}

/* Whatever the other thread was in the middle of, the child opens one. */
static void a_child_of_the_moment_in_which_it_is_opened(void) {
  pthread_t opening;
  CHECK_INT(pthread_barrier_init(&together, NULL, 2), 0);
  REQUIRE(pthread_create(&opening, NULL, open_it, NULL) == 0);
  pthread_barrier_wait(&together);
  for (int i = 0; i < 20; ++i) in_a_child(the_child_opens_it);
  CHECK_INT(pthread_join(opening, NULL), 0);
}

/* ---- stories ---- */

static const struct {
  const char* name;
  void (*tell)(void);
} stories[] = {
    {"plugin", a_plugin_sees_what_its_host_has},
    {"outlives", what_a_plugin_began_outlives_it},
    {"threads", all_threads_get_the_same},
    {"files", another_file_is_refused},
    {"parsed", a_parsed_one_is_shared},
    {"child", a_child_has_the_same},
    {"moment", a_child_of_the_moment_in_which_it_is_opened},
};

static const char configuration[] =
    "[connections.main]\ndriver = 'sqlite'\ndatabase = ':memory:'\n"
    "[environments.proof.connections.main]\ndescription = 'of the environment'\n";

static void write_file(const char* path) {
  FILE* file = fopen(path, "w");
  REQUIRE(file != NULL);
  CHECK(fputs(configuration, file) >= 0);
  CHECK_INT(fclose(file), 0);
}

int main(int argc, char** argv) {
  char folder[] = "/tmp/trunkline-shared-XXXXXX";
  REQUIRE(argc == 3);
  plugin_path = argv[2];
  REQUIRE(mkdtemp(folder) != NULL && chdir(folder) == 0);
  write_file("trunkline.toml");
  write_file("other.toml");
  for (size_t i = 0; i < sizeof stories / sizeof stories[0]; ++i) {
    if (strcmp(stories[i].name, argv[1]) == 0) stories[i].tell();
  }
  CHECK(unlink("trunkline.toml") == 0 && unlink("other.toml") == 0);
  CHECK_INT(rmdir(folder), 0);
  printf("%d checks, %d failures\n", count_of_checks(), count_of_failures());
  return count_of_checks() == 0 || count_of_failures() != 0;
}
