// What the functions that JavaScript calls have in common.
#pragma once

#include "core.hpp"
#include "failure.hpp"
#include "state.hpp"

struct Arguments;

// One that is a text, and what it is to people; undefined: there is none.
struct TextArgument {
  int at;
  const char* what;  // nullptr: there are no more
};

// A function that JavaScript calls. What it declares is looked at before it runs: it throws a TypeError where its first
// argument leads to something else, and answers with what is wrong where a text cannot be sent.
struct Function {
  const char* name;
  napi_value (*run)(const Arguments&);
  int takes;  // what its first argument leads to, a Handle::Kind or one of these
  TextArgument texts[3] = {};

  static constexpr int kNoHandle = -1;
  static constexpr int kAnyHandle = -2;
};

// The arguments of a call, of which there are at most nine; those that were not given are undefined.
struct Arguments {
  Arguments(napi_env environment, napi_callback_info info) : env(environment), state(state_of(environment)) {
    size_t n = 9;
    void* called = nullptr;
    napi_get_cb_info(env, info, &n, values, nullptr, &called);
    function = static_cast<const Function*>(called);
  }

  // The first argument.
  Handle& handle() const { return *first; }
  // Of the function's texts.
  const Text& text(int i) const { return texts[i]; }
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
  const Function* function = nullptr;
  Handle* first = nullptr;
  Text texts[3];
};

// Throws a TypeError.
napi_value refuse(const Arguments& arguments, const char* problem);

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

void export_function(napi_env env, napi_value exports, const Function& function);

// They live as long as the program.
template <size_t n>
void export_functions(napi_env env, napi_value exports, const Function (&functions)[n]) {
  for (const Function& function : functions) export_function(env, exports, function);
}
