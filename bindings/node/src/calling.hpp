// What the functions that JavaScript calls have in common.
#pragma once

#include "core.hpp"
#include "failure.hpp"
#include "state.hpp"

// The arguments of a call, of which there are at most nine; those that were not given are undefined.
struct Arguments {
  Arguments(napi_env environment, napi_callback_info info) : env(environment), state(state_of(environment)) {
    size_t n = 9;
    napi_get_cb_info(env, info, &n, values, nullptr, nullptr);
  }

  Handle& handle(int i) const { return *handle_of(env, values[i]); }
  Text text(int i, int which = 0) const { return text_argument(state, which, values[i]); }
  double number(int i) const {
    double number = 0;
    napi_get_value_double(env, values[i], &number);
    return number;
  }
  uint32_t index(int i) const {
    uint32_t number = 0;
    napi_get_value_uint32(env, values[i], &number);
    return number;
  }

  napi_env env;
  State& state;
  napi_value values[9];
};

// How the verb is to run, as JavaScript has said it; of the next one nothing is said.
inline tl_call take_options(State& state) {
  auto& options = *reinterpret_cast<Options*>(state.options.data);
  tl_call call{};
  call.struct_size = sizeof call;
  call.flags = options.flags;
  call.batch_rows = options.batch_rows;
  call.timeout_ms = static_cast<int64_t>(options.timeout_ms);
  call.max_lag_ms = static_cast<int64_t>(options.max_lag_ms);
  options = {};
  return call;
}

// Parameters as JavaScript has written them.
inline const tl_value* values_of(const State& state) { return reinterpret_cast<const tl_value*>(state.values.data); }

void export_function(napi_env env, napi_value exports, const char* name, napi_callback function);
