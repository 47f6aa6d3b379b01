#include "core.hpp"

#include <algorithm>
#include <cstdlib>

#include "answers.hpp"
#include "failure.hpp"

namespace {

constexpr size_t kTogether = 256;  // completions taken at once; lib/memory.js has as many records

}  // namespace

Core::Core(State& state, tl_registry* registry) : state_(state), registry_(registry) { state_.cores.push_back(this); }

void Core::let_go() {
  if (--holders_ > 0) return;
  close_queue();
  lib.tl_registry_release(registry_);
  state_.cores.erase(std::find(state_.cores.begin(), state_.cores.end(), this));
  delete this;
}

tl_queue* Core::queue(napi_value& problem) {
  if (queue_ != nullptr) return queue_;
  tl_error* error = nullptr;
  const tl_status made = state_.over ? TL_E_SHUTDOWN : lib.tl_queue_new(registry_, 0, &queue_, &error);
  if (made != TL_OK) {
    problem = failure(state_.env, made, error);
  } else if (const int status = watch(); status != 0) {
    close_queue();
    problem = failure(state_.env, TL_E_RESOURCE, std::string("the queue cannot be watched: ") + uv_strerror(status));
  }
  return queue_;
}

// 0, or what libuv says.
int Core::watch() {
  auto* const poll = static_cast<uv_handle_s*>(std::calloc(1, uv_handle_size(kUvPoll)));
  const int made = uv_poll_init(state_.loop, poll, lib.tl_queue_fd(queue_));
  if (made != 0) {
    std::free(poll);
    return made;
  }
  poll_ = poll;
  uv_handle_set_data(poll_, this);
  uv_unref(poll_);
  ++state_.open_handles;
  return uv_poll_start(poll_, kUvReadable,
                       [](uv_handle_s* at, int, int) { static_cast<Core*>(uv_handle_get_data(at))->drain(); });
}

void Core::close_queue() {
  if (queue_ == nullptr) return;
  tl_queue* const queue = queue_;
  queue_ = nullptr;
  if (uv_handle_s* const poll = poll_) {
    poll_ = nullptr;
    uv_handle_set_data(poll, &state_);
    uv_close(poll, [](uv_handle_s* closed) {
      State* state = static_cast<State*>(uv_handle_get_data(closed));
      std::free(closed);
      state->handle_closed();
    });
  }
  lib.tl_queue_release(queue);  // not before libuv has let go of its descriptor
}

void Core::await_calls(std::chrono::steady_clock::time_point until) {
  if (queue_ == nullptr) return;
  lib.tl_queue_shutdown(queue_);
  tl_completion completions[kTogether];
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    size_t n = 0;
    if (lib.tl_queue_wait(queue_, completions, kTogether, std::max<int64_t>(left, 0), &n) != TL_OK) return;
    for (size_t i = 0; i < n; ++i) lib.tl_completion_release(&completions[i]);
    if (left <= 0) return;
  }
}

void Core::begin(uint32_t number, const Slot& slot) {
  state_.slot(number) = slot;
  hold();
  if (slot.keeps_alive && pending_++ == 0) uv_ref(poll_);
}

void Core::finish(uint32_t number) {
  const bool kept_alive = state_.slot(number).keeps_alive;
  state_.slot(number) = {};
  if (kept_alive && --pending_ == 0 && poll_ != nullptr) uv_unref(poll_);
  let_go();
}

// Those that are told may ask for what answers at once, without end: what has come besides is taken when the loop has
// had its turn, with its timers and other descriptors.
void Core::drain() {
  hold();
  tl_completion completions[kTogether];
  size_t n = 0;
  lib.tl_queue_wait(queue_, completions, kTogether, 0, &n);
  if (n == kTogether) lib.tl_queue_wake(queue_);
  if (n > 0) tell(state_, *this, completions, n);
  let_go();
}

Handle::~Handle() {
  release();
  core->let_go();
}

void Handle::release() {
  for (tl_batch* batch : held) lib.tl_batch_release(batch);
  held.clear();
  void* what = pointer;
  pointer = nullptr;
  if (kind == kConnection) lib.tl_conn_release(static_cast<tl_conn*>(what));
  if (kind == kResult) lib.tl_result_release(static_cast<tl_result*>(what));
}

napi_value external(napi_env env, Handle* handle) {
  napi_value value = nullptr;
  napi_create_external(
      env, handle, [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); }, nullptr, &value);
  return value;
}

Handle* handle_of(napi_env env, napi_value value) {
  void* handle = nullptr;
  napi_get_value_external(env, value, &handle);
  return static_cast<Handle*>(handle);
}
