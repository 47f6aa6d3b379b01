#include "calling.hpp"
#include "library.hpp"
#include "verbs.hpp"

namespace {

// Runs verb(call, error) on the queue of the handle's registry. The second argument of each of these functions is the
// slot that its answer goes to.
template <class Verb>
napi_value submit(const Arguments& arguments, Verb verb, Handle* reads = nullptr, bool keeps_alive = true) {
  Core& core = *arguments.handle().core;
  napi_value problem = nullptr;
  tl_call call = take_options(arguments.state);
  call.queue = core.queue(problem);
  if (call.queue == nullptr) return problem;
  tl_error* error = nullptr;
  const uint32_t slot = arguments.index(1);
  call.user_data = slot;
  call.op = reads == nullptr ? lib.tl_op_new(core.registry()) : 0;
  const bool streams = (call.flags & TL_CALL_STREAM) != 0;
  const tl_status status = verb(&call, &error);
  if (status != TL_OK) {
    lib.tl_op_release(core.registry(), call.op);
    return failure(arguments.env, status, error);
  }
  core.begin(slot, {&core, reads == nullptr ? call.op : reads->op, keeps_alive, streams, reads});
  return nullptr;
}

tl_conn* connection(const Arguments& arguments) { return static_cast<tl_conn*>(arguments.handle().pointer); }
tl_registry* registry(const Arguments& arguments) { return arguments.handle().core->registry(); }

napi_value query(const Arguments& a) {  // connection, slot, text, n, arena, fallback
  const Text &sql = a.text(0), &fallback = a.text(1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    return lib.tl_query(connection(a), sql.data, sql.size, values_of(a.state), a.index(3), a.state.arena.data,
                        a.index(4), call, nullptr, error);
  });
}

napi_value execute_many(const Arguments& a) {  // connection, slot, text, n, rows, arena, fallback
  const Text &sql = a.text(0), &fallback = a.text(1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    return lib.tl_execute_many(connection(a), sql.data, sql.size, values_of(a.state), a.index(3), a.index(4),
                               a.state.arena.data, static_cast<size_t>(a.number(5)), call, nullptr, error);
  });
}

// The names of the columns are the first n values, those of the rows are behind them.
napi_value load(const Arguments& a) {  // connection, slot, table, n, rows, arena, fallback
  const Text &table = a.text(0), &fallback = a.text(1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    const size_t n = a.index(3);
    return lib.tl_load(connection(a), table.data, table.size, values_of(a.state), n, values_of(a.state) + n, a.index(4),
                       a.state.arena.data, static_cast<size_t>(a.number(5)), call, nullptr, error);
  });
}

napi_value explain(const Arguments& a) {  // connection, slot, text, fallback
  const Text &sql = a.text(0), &fallback = a.text(1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    return lib.tl_explain(connection(a), sql.data, sql.size, call, nullptr, error);
  });
}

napi_value pin(const Arguments& a) {  // connection, slot
  return submit(a, [&](tl_call* call, tl_error** error) { return lib.tl_pin(connection(a), call, nullptr, error); });
}

napi_value begin(const Arguments& a) {  // connection, slot, flags
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_begin(connection(a), a.index(2), call, nullptr, error);
  });
}

napi_value commit(const Arguments& a) {  // transaction, slot
  return submit(a, [&](tl_call* call, tl_error** error) { return lib.tl_commit(connection(a), call, error); });
}

napi_value rollback(const Arguments& a) {  // transaction, slot
  return submit(a, [&](tl_call* call, tl_error** error) { return lib.tl_rollback(connection(a), call, error); });
}

napi_value read(const Arguments& a) {  // result, slot
  Handle& result = a.handle();
  const auto verb = [&](tl_call* call, tl_error** error) {
    return lib.tl_result_next(static_cast<tl_result*>(result.pointer), call, nullptr, error);
  };
  return submit(a, verb, &result);
}

napi_value read_set(const Arguments& a) {  // result, slot
  Handle& result = a.handle();
  const auto verb = [&](tl_call* call, tl_error** error) {
    return lib.tl_result_next_set(static_cast<tl_result*>(result.pointer), call, nullptr, error);
  };
  return submit(a, verb, &result);
}

napi_value connect(const Arguments& a) {  // registry, slot, name
  const Text& name = a.text(0);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_connect(registry(a), name.data, name.size, call, error);
  });
}

napi_value connect_all(const Arguments& a) {  // registry, slot
  return submit(a,
                [&](tl_call* call, tl_error** error) { return lib.tl_registry_connect_all(registry(a), call, error); });
}

napi_value close(const Arguments& a) {  // registry, slot, name
  const Text& name = a.text(0);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_close(registry(a), name.data, name.size, call, error);
  });
}

napi_value remove(const Arguments& a) {  // registry, slot, name
  const Text& name = a.text(0);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_remove(registry(a), name.data, name.size, call, nullptr, error);
  });
}

napi_value patch(const Arguments& a) {  // registry, slot, name, settings, flags
  const Text &name = a.text(0), &settings = a.text(1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_patch(registry(a), name.data, name.size, settings.data, settings.size, a.index(4), call,
                                 nullptr, error);
  });
}

napi_value reload(const Arguments& a) {  // registry, slot, flags
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_reload(registry(a), a.index(2), call, nullptr, error);
  });
}

napi_value inspect(const Arguments& a) {  // registry, slot, what, name
  const Text &what = a.text(0), &name = a.text(1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_inspect(registry(a), what.data, name.data, name.size, call, nullptr, error);
  });
}

napi_value subscribe(const Arguments& a) {  // registry, slot, events
  const auto verb = [&](tl_call* call, tl_error** error) {
    return lib.tl_subscribe(registry(a), a.index(2), call, error);
  };
  return submit(a, verb, nullptr, false);
}

napi_value cancel(const Arguments& a) {  // slot
  const uint32_t number = a.index(0);
  const Slot slot = number < a.state.slots.size() ? a.state.slots[number] : Slot();
  if (slot.op != 0) lib.tl_cancel(slot.core->registry(), slot.op);
  return nullptr;
}

napi_value end_calls(const Arguments& a) {
  a.state.end_calls();
  return nullptr;
}

}  // namespace

void add_verbs(napi_env env, napi_value exports) {
  constexpr int kRegistry = Handle::kRegistry, kConnection = Handle::kConnection, kResult = Handle::kResult;
  constexpr const char *kStatement = "the statement", *kName = "the name", *kFallback = "fallback";
  static constexpr Function kFunctions[] = {
      {"query", query, kConnection, {{2, kStatement}, {5, kFallback}}},
      {"executeMany", execute_many, kConnection, {{2, kStatement}, {6, kFallback}}},
      {"load", load, kConnection, {{2, "the table"}, {6, kFallback}}},
      {"explain", explain, kConnection, {{2, kStatement}, {3, kFallback}}},
      {"pin", pin, kConnection},
      {"begin", begin, kConnection},
      {"commit", commit, kConnection},
      {"rollback", rollback, kConnection},
      {"read", read, kResult},
      {"readSet", read_set, kResult},
      {"connect", connect, kRegistry, {{2, kName}}},
      {"connectAll", connect_all, kRegistry},
      {"close", close, kRegistry, {{2, kName}}},
      {"remove", remove, kRegistry, {{2, kName}}},
      {"patch", patch, kRegistry, {{2, kName}, {3, "the settings"}}},
      {"reload", reload, kRegistry},
      {"inspect", inspect, kRegistry, {{2, "what"}, {3, kName}}},
      {"subscribe", subscribe, kRegistry},
      {"cancel", cancel, Function::kNoHandle},
      {"endCalls", end_calls, Function::kNoHandle},
  };
  export_functions(env, exports, kFunctions);
}
