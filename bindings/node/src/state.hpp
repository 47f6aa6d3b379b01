// What one environment of Node, the program's main thread or a worker, has of its own.
#pragma once

#include <node_api.h>

#include <string>
#include <vector>

#include "known.hpp"
#include "loop.hpp"
#include "trunkline/trunkline.h"

class Core;
struct Handle;

// Memory of an ArrayBuffer that both sides read and write.
struct Shared {
  napi_ref reference = nullptr;
  uint8_t* data = nullptr;
  size_t size = 0;

  void hold(napi_env env, napi_value buffer);
};

// A call under way, by the number that JavaScript has given it.
struct Slot {
  Core* core = nullptr;
  tl_op op = 0;
  bool keeps_alive = false;
  bool streams = false;      // its result is to be read as it comes
  Handle* result = nullptr;  // that it reads from
};

// How JavaScript says how a verb is to run: lib/memory.js writes it, and it is cleared by the call that reads it.
struct Options {
  uint32_t flags;
  uint32_t batch_rows;
  int64_t reserved;
  double timeout_ms;
  double max_lag_ms;
};

struct State {
  explicit State(napi_env environment);

  napi_env env;
  uv_loop_s* loop = nullptr;
  napi_ref drained = nullptr;  // the function that is told what has come
  Shared records, scratch, area, options, values, arena;
  std::vector<Slot> slots;
  std::vector<Core*> cores;
  Known known;
  std::vector<tl_column> columns;
  std::string texts[3];

  // The poll handles that libuv has not let go of. The environment ends when there are none, and its memory goes then.
  int open_handles = 0;
  bool ending = false;
  bool over = false;  // with its calls
  napi_async_cleanup_hook_handle hook = nullptr;

  Slot& slot(uint32_t number);
  void handle_closed();
  // Cancels the calls under way, and waits for that, a second at most. Afterwards none is answered, and only those that
  // block can be made.
  void end_calls();
  void end();
};

// A text argument, ending in a NUL, in one of the texts of the state until that one is used again. undefined and null:
// no text.
struct Text {
  const char* data = nullptr;
  size_t size = 0;
};
Text text_argument(State& state, int which, napi_value value);

State& state_of(napi_env env);
