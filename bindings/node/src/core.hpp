// A registry, the queue on which its answers arrive in one environment, and what JavaScript holds of it.
#pragma once

#include <chrono>
#include <vector>

#include "library.hpp"
#include "state.hpp"

// Held by the handles that JavaScript has and by the calls under way; the last one lets go of the registry.
class Core {
 public:
  Core(State& state, tl_registry* registry);

  tl_registry* registry() const { return registry_; }
  // Made when it is wanted first, so that a program that only blocks has none. nullptr, and the problem for JavaScript,
  // where it cannot be had.
  tl_queue* queue(napi_value& problem);
  void close_queue();
  // Takes no more calls, and waits for those that are under way and have been cancelled, until then at most.
  void await_calls(std::chrono::steady_clock::time_point until);

  // A call has begun, which keeps the process alive or, as listening, does not; its completion was taken.
  void begin(uint32_t number, const Slot& slot);
  void finish(uint32_t number);

  void hold() { ++holders_; }
  void let_go();

 private:
  ~Core() = default;
  int watch();
  void drain();

  State& state_;
  tl_registry* registry_;
  tl_queue* queue_ = nullptr;
  uv_handle_s* poll_ = nullptr;
  size_t pending_ = 0;  // that keep the process alive
  size_t holders_ = 0;
};

// What JavaScript holds, as an external.
struct Handle {
  enum Kind { kRegistry, kConnection, kResult };

  Handle(Kind what, void* of, Core& whose) : kind(what), pointer(of), core(&whose) { core->hold(); }
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void release();

  Kind kind;
  void* pointer;
  Core* core;
  // Of a result:
  tl_op op = 0;                 // of its statement, where it is streamed
  std::vector<tl_batch*> held;  // taken from the library and not yet by JavaScript, the next one last
  int32_t more_sets = -1;       // 1: moved to the next set already; 0: there is none; -1: not asked
};

napi_value external(napi_env env, Handle* handle);
Handle* handle_of(napi_env env, napi_value value);
