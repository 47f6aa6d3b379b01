// The addon: everything that JavaScript cannot do by itself, and nothing else. What is a promise, an object or a class
// is made in lib/.
#include "state.hpp"
#include "verbs.hpp"

NAPI_MODULE_INIT() {
  auto* state = new State(env);
  napi_set_instance_data(
      env, state, [](napi_env, void* data, void*) { delete static_cast<State*>(data); }, nullptr);
  add_verbs(env, exports);
  add_answers(env, exports);
  return exports;
}
