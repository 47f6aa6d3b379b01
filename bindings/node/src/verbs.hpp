// The functions that JavaScript calls.
#pragma once

#include "state.hpp"

// What runs on the queue of an environment: undefined once it is under way, else what was wrong with the call.
void add_verbs(napi_env env, napi_value exports);

// What answers at once: its value, or what was wrong, which is an array as no value is.
void add_answers(napi_env env, napi_value exports);
