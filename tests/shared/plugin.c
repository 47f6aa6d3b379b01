/* A plug-in that uses the registry of the process it is loaded into. */
#include "plugin.h"

#include <string.h>

static tl_registry* registry;

tl_status plugin_begin(void) { return tl_registry_shared(NULL, NULL, &registry, NULL); }
void plugin_end(void) { tl_registry_release(registry); }

tl_status plugin_add(const char* name, const char* toml) {
  return tl_registry_add(registry, name, strlen(name), toml, strlen(toml), NULL, NULL);
}

int plugin_has(const char* name) { return tl_registry_has(registry, name, strlen(name)); }

tl_status plugin_run(const char* name, const char* sql) {
  tl_conn* conn = NULL;
  tl_result* result = NULL;
  tl_status status = tl_conn_get(registry, name, strlen(name), TL_DUAL, &conn, NULL);
  if (status == TL_OK) status = tl_query(conn, sql, strlen(sql), NULL, 0, NULL, 0, NULL, &result, NULL);
  tl_result_release(result);
  tl_conn_release(conn);
  return status;
}
