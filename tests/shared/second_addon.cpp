// An addon for Node that has nothing to do with trunkline's own: a program's, in C++ and with a thread of its own.
#include <node_api.h>

#include <atomic>
#include <thread>
#include <trunkline/trunkline.hpp>

namespace {

// What it has running; one in each process.
std::thread working;
std::atomic<bool> stopped{false};
std::atomic<int64_t> queries{0};

std::string argument(napi_env env, napi_callback_info info, size_t which) {
  size_t count = 2;
  napi_value values[2];
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  char text[1024];
  size_t length = 0;
  if (which >= count || napi_get_value_string_utf8(env, values[which], text, sizeof text, &length) != napi_ok)
    return {};
  return {text, length};
}

template <napi_value (*F)(napi_env, napi_callback_info)>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return F(env, info);
  } catch (const trunkline::error& failure) {
    napi_throw_error(env, failure.status_name(), failure.what());
  }
  return nullptr;
}

napi_value number(napi_env env, int64_t value) {
  napi_value made = nullptr;
  napi_create_int64(env, value, &made);
  return made;
}

napi_value names(napi_env env, napi_callback_info) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t at = 0;
  for (const std::string& name : trunkline::registry::shared().names()) {
    napi_value text = nullptr;
    napi_create_string_utf8(env, name.data(), name.size(), &text);
    napi_set_element(env, list, at++, text);
  }
  return list;
}

napi_value add(napi_env env, napi_callback_info info) {
  const bool added = trunkline::registry::shared().add(argument(env, info, 0), argument(env, info, 1));
  return number(env, added ? 1 : 0);
}

// Inserts a row after the other, until end(); of a connection that others use, too.
napi_value begin(napi_env env, napi_callback_info info) {
  stopped = false;
  queries = 0;
  working =
      std::thread([connection = trunkline::registry::shared().on(argument(env, info, 0)).tag("the addon's thread"),
                   sql = argument(env, info, 1)] {
        while (!stopped) {
          connection.query(sql);
          ++queries;
        }
      });
  return number(env, 0);
}

napi_value done(napi_env env, napi_callback_info) { return number(env, queries); }

napi_value end(napi_env env, napi_callback_info) {
  stopped = true;
  working.join();
  return number(env, queries);
}

// A session that the addon holds.
std::optional<trunkline::connection> held;

napi_value hold(napi_env env, napi_callback_info info) {
  held.emplace(trunkline::registry::shared().on(argument(env, info, 0), trunkline::mode::write).tag("the addon").pin());
  return number(env, 0);
}

napi_value let_go(napi_env env, napi_callback_info) {
  held.reset();
  return number(env, 0);
}

}  // namespace

NAPI_MODULE_INIT() {
  const auto provide = [&](const char* name, napi_callback function) {
    napi_value made = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &made);
    napi_set_named_property(env, exports, name, made);
  };
  provide("names", guarded<names>);
  provide("add", guarded<add>);
  provide("begin", guarded<begin>);
  provide("done", guarded<done>);
  provide("end", guarded<end>);
  provide("hold", guarded<hold>);
  provide("letGo", guarded<let_go>);
  return exports;
}
