// An error of the library as JavaScript gets it: an array, of which lib/errors.js makes one of its classes.
#pragma once

#include <node_api.h>

#include <string>

#include "trunkline/trunkline.h"

// Releases `error`, which may be nullptr.
napi_value failure(napi_env env, tl_status status, tl_error* error);

// One that the addon has found itself, before anything was sent.
napi_value failure(napi_env env, tl_status status, const std::string& message);
