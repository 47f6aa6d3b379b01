// The few functions of libuv that are used. The registry's package with Node's headers has none of libuv's; all of
// these are of its stable ABI.
#pragma once

#include <cstddef>

struct uv_loop_s;
struct uv_handle_s;

extern "C" {
size_t uv_handle_size(int type);
int uv_poll_init(uv_loop_s* loop, uv_handle_s* poll, int descriptor);
int uv_poll_start(uv_handle_s* poll, int events, void (*callback)(uv_handle_s* poll, int status, int events));
const char* uv_strerror(int status);
void uv_close(uv_handle_s* handle, void (*callback)(uv_handle_s* handle));
void uv_ref(uv_handle_s* handle);
void uv_unref(uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
void* uv_handle_get_data(const uv_handle_s* handle);
}

constexpr int kUvPoll = 8;      // UV_POLL
constexpr int kUvReadable = 1;  // UV_READABLE
