#include "answers.hpp"

#include <algorithm>
#include <climits>

#include "failure.hpp"

namespace {

constexpr size_t kEventColumns = 11;

Record& record_at(State& state, size_t index) { return reinterpret_cast<Record*>(state.records.data)[index]; }

// What is known of a result's current set besides its rows.
void describe(State& state, const tl_result* result, Record& record) {
  record.schema = record.columns = -1;
  record.rows = 0;
  record.affected = lib.tl_result_affected(result);
  record.last_id = lib.tl_result_last_id(result);
  record.server = state.known.number_of(lib.tl_result_endpoint(result), lib.tl_result_connection(result),
                                        lib.tl_result_role(result));
  record.lag_ms = static_cast<int32_t>(std::min<int64_t>(lib.tl_result_lag_ms(result), INT_MAX));
}

tl_column* columns_for(State& state, size_t n) {
  if (state.columns.size() < n) state.columns.resize(n);
  state.columns[0].struct_size = sizeof(tl_column);
  return state.columns.data();
}

void describe_columns(State& state, const tl_result* result, Record& record) {
  const size_t n = lib.tl_result_columns(result);
  if (n == 0) return;
  tl_column* columns = columns_for(state, n);
  if (lib.tl_result_schema(result, columns, n, nullptr) == TL_OK) record.schema = state.known.number_of(columns, n);
}

// Memory that batches are copied to, one behind the other.
struct Room {
  Shared& memory;
  size_t used = 0;
};

// 0, or how many bytes it wants where they are not there.
size_t copy_batch(State& state, const tl_batch* batch, size_t n, Room& room, Record& record) {
  tl_column* columns = columns_for(state, n);
  int64_t rows = 0;
  lib.tl_batch_columns(batch, columns, n, &rows);
  const size_t size = size_of_columns(columns, n);
  if (room.used + size > room.memory.size) return size;
  record.schema = state.known.number_of(columns, n);
  record.rows = static_cast<int32_t>(rows);
  record.columns = static_cast<int32_t>(room.used);
  copy_columns(columns, n, room.memory.data, room.used);
  room.used += size;
  return 0;
}

// True where the whole answer is in the record and the room; else the handle has the result, with what was taken of it.
bool take_whole(State& state, tl_result* result, Room& room, Record& record, std::vector<tl_batch*>& held,
                int32_t& more_sets) {
  describe(state, result, record);
  const size_t n = lib.tl_result_columns(result);
  bool complete = true;
  if (n > 0) {
    tl_batch* first = nullptr;
    tl_batch* second = nullptr;
    lib.tl_result_next(result, nullptr, &first, nullptr);
    if (first == nullptr) {
      describe_columns(state, result, record);
    } else {
      lib.tl_result_next(result, nullptr, &second, nullptr);
      complete = second == nullptr && copy_batch(state, first, n, room, record) == 0;
    }
    if (complete) {
      lib.tl_batch_release(first);
    } else {
      if (second != nullptr) held.push_back(second);
      held.push_back(first);
      describe_columns(state, result, record);
      return false;  // its next set comes after these
    }
  }
  more_sets = 0;
  lib.tl_result_next_set(result, nullptr, &more_sets, nullptr);
  return more_sets == 0;
}

// A result that is taken piece by piece.
Handle* large(Core& core, tl_result* result, std::vector<tl_batch*> held, int32_t more_sets) {
  auto* handle = new Handle(Handle::kResult, result, core);
  handle->held = std::move(held);
  handle->more_sets = more_sets;
  return handle;
}

class Telling {
 public:
  Telling(State& state, Core& core) : state_(state), core_(core), room_{state.scratch} {}

  void take(tl_completion& completion, size_t index) {
    Record& record = record_at(state_, index);
    record = {};
    record.slot = static_cast<int32_t>(completion.user_data);
    record.status = completion.status;
    record.arg = static_cast<int64_t>(completion.arg[0]);
    if (completion.status != TL_OK) {
      attach(index, failure(state_.env, completion.status, completion.error));
    } else {
      take_value(completion, index, record);
    }
    if (record.kind != Record::kEvent && record.kind != Record::kQuestion) core_.finish(record.slot);
  }

  // What does not fit into records, by their index, or undefined.
  napi_value attached() {
    if (attached_ == nullptr) napi_get_undefined(state_.env, &attached_);
    return attached_;
  }

 private:
  void take_value(tl_completion& completion, size_t index, Record& record) {
    switch (completion.kind) {
      case TL_DONE_RESULT: return take_result(static_cast<tl_result*>(completion.value), index, record);
      case TL_DONE_CONN:
        record.kind = Record::kHandle;
        return attach(index, new Handle(Handle::kConnection, completion.value, core_));
      case TL_DONE_BATCH: return take_streamed(static_cast<tl_batch*>(completion.value), record);
      case TL_EVENT:
      case TL_QUESTION:
        record.kind = completion.kind == TL_EVENT ? Record::kEvent : Record::kQuestion;
        record.affected = static_cast<int64_t>(completion.arg[1]);
        record.question = static_cast<int64_t>(completion.arg[2]);
        return take_event(static_cast<tl_batch*>(completion.value), index, record);
      default: lib.tl_completion_release(&completion);
    }
  }

  void take_result(tl_result* result, size_t index, Record& record) {
    const Slot& slot = state_.slot(record.slot);
    if (slot.streams) {
      describe(state_, result, record);
      describe_columns(state_, result, record);
      record.kind = Record::kStream;
      auto* handle = new Handle(Handle::kResult, result, core_);
      handle->op = slot.op;
      return attach(index, handle);
    }
    std::vector<tl_batch*> held;
    int32_t more_sets = -1;
    if (take_whole(state_, result, room_, record, held, more_sets)) {
      record.kind = Record::kWhole;
      return lib.tl_result_release(result);
    }
    record.kind = Record::kLarge;
    attach(index, large(core_, result, std::move(held), more_sets));
  }

  void take_streamed(tl_batch* batch, Record& record) {
    record.kind = Record::kBatch;
    record.rows = batch == nullptr ? -1 : 0;
    if (batch != nullptr) state_.slot(record.slot).result->held.push_back(batch);
  }

  void take_event(tl_batch* batch, size_t index, Record& record) {
    if (copy_batch(state_, batch, kEventColumns, room_, record) == 0) return lib.tl_batch_release(batch);
    record.columns = -1;
    attach(index, large(core_, nullptr, {batch}, 0));
  }

  void attach(size_t index, Handle* handle) { attach(index, external(state_.env, handle)); }

  void attach(size_t index, napi_value value) {
    if (attached_ == nullptr) napi_create_object(state_.env, &attached_);
    napi_set_element(state_.env, attached_, static_cast<uint32_t>(index), value);
  }

  State& state_;
  Core& core_;
  Room room_;
  napi_value attached_ = nullptr;
};

tl_result* result_of(const Handle& handle) { return static_cast<tl_result*>(handle.pointer); }

// Moves to the next batch unless one is held already.
void fetch(Handle& handle) {
  if (!handle.held.empty() || handle.more_sets != -1 || handle.op != 0) return;
  tl_batch* batch = nullptr;
  lib.tl_result_next(result_of(handle), nullptr, &batch, nullptr);
  if (batch != nullptr) handle.held.push_back(batch);
}

}  // namespace

void tell(State& state, Core& core, tl_completion* completions, size_t n) {
  const napi_env env = state.env;
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env, &scope);
  state.known.trim();
  Telling telling(state, core);
  for (size_t i = 0; i < n; ++i) telling.take(completions[i], i);
  napi_value drained = nullptr;
  napi_value nobody = nullptr;  // who calls: what asynchronous contexts there are is known in lib/
  napi_value arguments[2] = {nullptr, telling.attached()};
  napi_get_reference_value(env, state.drained, &drained);
  napi_create_object(env, &nobody);
  napi_create_uint32(env, static_cast<uint32_t>(n), &arguments[0]);
  if (napi_make_callback(env, nullptr, nobody, drained, 2, arguments, nullptr) == napi_pending_exception) {
    napi_value exception = nullptr;
    napi_get_and_clear_last_exception(env, &exception);
    napi_fatal_exception(env, exception);
  }
  napi_close_handle_scope(env, scope);
}

napi_value answer_now(State& state, Core& core, tl_result* result) {
  state.known.trim();
  Record& record = record_at(state, kOwnRecord);
  record = {};
  Room room{state.area};
  std::vector<tl_batch*> held;
  int32_t more_sets = -1;
  if (!take_whole(state, result, room, record, held, more_sets)) {
    return external(state.env, large(core, result, std::move(held), more_sets));
  }
  lib.tl_result_release(result);
  return nullptr;
}

double take_batch(State& state, Handle& handle) {
  fetch(handle);
  if (handle.held.empty()) return -1;
  Record& record = record_at(state, kOwnRecord);
  Room room{state.area};
  tl_batch* batch = handle.held.back();
  const size_t n = handle.pointer == nullptr ? kEventColumns : lib.tl_result_columns(result_of(handle));
  const size_t wanted = copy_batch(state, batch, n, room, record);
  if (wanted > 0) return static_cast<double>(wanted);
  lib.tl_batch_release(batch);
  handle.held.pop_back();
  return 0;
}

bool take_set(State& state, Handle& handle) {
  int32_t more = handle.more_sets;
  handle.more_sets = -1;
  if (more == -1) lib.tl_result_next_set(result_of(handle), nullptr, &more, nullptr);
  if (more == 1) describe_set(state, handle);
  return more == 1;
}

void describe_set(State& state, const Handle& handle) {
  Record& record = record_at(state, kOwnRecord);
  describe(state, result_of(handle), record);
  describe_columns(state, result_of(handle), record);
}
