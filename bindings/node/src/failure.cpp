#include "failure.hpp"

#include "library.hpp"

namespace {

napi_value text(napi_env env, const char* text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text == nullptr ? "" : text, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value number(napi_env env, int32_t number) {
  napi_value value = nullptr;
  napi_create_int32(env, number, &value);
  return value;
}

// Key, value, key, value, …
napi_value details(napi_env env, const tl_error* error) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  const char* key = nullptr;
  const char* value = nullptr;
  for (uint32_t i = 0; lib.tl_error_detail(error, i, &key, &value) == TL_OK; ++i) {
    napi_set_element(env, list, 2 * i, text(env, key));
    napi_set_element(env, list, 2 * i + 1, text(env, value));
  }
  return list;
}

}  // namespace

napi_value failure(napi_env env, tl_status status, tl_error* error) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  napi_set_element(env, list, 0, number(env, status));
  if (error != nullptr) {
    const napi_value parts[] = {
        text(env, lib.tl_error_message(error)),   text(env, lib.tl_error_sqlstate(error)),
        number(env, lib.tl_error_native(error)),  text(env, lib.tl_error_connection(error)),
        text(env, lib.tl_error_endpoint(error)),  text(env, lib.tl_error_phase(error)),
        number(env, lib.tl_error_outcome(error)), details(env, error),
    };
    uint32_t at = 1;
    for (const napi_value part : parts) napi_set_element(env, list, at++, part);
  }
  lib.tl_error_release(error);
  return list;
}

napi_value failure(napi_env env, tl_status status, const std::string& message) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  napi_set_element(env, list, 0, number(env, status));
  napi_set_element(env, list, 1, text(env, message.c_str()));
  return list;
}
