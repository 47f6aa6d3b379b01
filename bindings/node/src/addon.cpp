// The addon: everything that JavaScript cannot do by itself, and nothing else. What is a promise, an object or a class
// is made in lib/.
#include "calling.hpp"
#include "verbs.hpp"

void export_function(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, exports, name, value);
}

NAPI_MODULE_INIT() {
  auto* state = new State(env);
  napi_set_instance_data(
      env, state, [](napi_env, void* data, void*) { delete static_cast<State*>(data); }, nullptr);
  add_verbs(env, exports);
  add_answers(env, exports);
  return exports;
}
