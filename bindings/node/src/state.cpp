#include "state.hpp"

#include <algorithm>
#include <utility>

#include "core.hpp"

namespace {

constexpr std::chrono::seconds kPatience(1);  // with calls that have been cancelled

}  // namespace

void Shared::hold(napi_env env, napi_value buffer) {
  if (reference != nullptr) napi_delete_reference(env, reference);
  void* memory = nullptr;
  napi_create_reference(env, buffer, 1, &reference);
  napi_get_arraybuffer_info(env, buffer, &memory, &size);
  data = static_cast<uint8_t*>(memory);
}

State::State(napi_env environment) : env(environment) {
  napi_get_uv_event_loop(env, &loop);
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* data) { static_cast<State*>(data)->end(); }, this, &hook);
}

Slot& State::slot(uint32_t number) {
  if (number >= slots.size()) slots.resize(std::max<size_t>(number + 1, 2 * slots.size()));
  return slots[number];
}

// The waiting is for a process that is about to end: a server would go on with statements that it has not cancelled
// there by then.
void State::end_calls() {
  if (std::exchange(over, true)) return;
  for (const Slot& slot : slots) {
    if (slot.op != 0) lib.tl_cancel(slot.core->registry(), slot.op);
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (Core* core : cores) core->await_calls(until);
  for (Core* core : cores) core->close_queue();
}

void State::end() {
  ending = true;
  end_calls();
  for (const Slot& slot : std::exchange(slots, {})) {
    if (slot.core != nullptr) slot.core->let_go();
  }
  if (open_handles == 0) napi_remove_async_cleanup_hook(hook);
}

void State::handle_closed() {
  --open_handles;
  if (ending && open_handles == 0) napi_remove_async_cleanup_hook(hook);
}

Text text_argument(State& state, int which, napi_value value) {
  std::string& text = state.texts[which];
  size_t size = 0;
  text.resize(std::max<size_t>(text.capacity(), 256));
  if (napi_get_value_string_utf8(state.env, value, text.data(), text.size(), &size) != napi_ok) return {};
  if (size + 4 >= text.size()) {  // it may have been cut, also within a character
    napi_get_value_string_utf8(state.env, value, nullptr, 0, &size);
    text.resize(size + 1);
    napi_get_value_string_utf8(state.env, value, text.data(), text.size(), &size);
  }
  return {text.data(), size};
}

State& state_of(napi_env env) {
  void* state = nullptr;
  napi_get_instance_data(env, &state);
  return *static_cast<State*>(state);
}
