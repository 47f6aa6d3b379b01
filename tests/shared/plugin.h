#ifndef PLUGIN_H
#define PLUGIN_H

#include <trunkline/trunkline.h>

tl_status plugin_begin(void);
void plugin_end(void);
tl_status plugin_add(const char* name, const char* toml);
int plugin_has(const char* name);
tl_status plugin_run(const char* name, const char* sql);

#endif
