#include "calling.hpp"
#include "library.hpp"
#include "verbs.hpp"

namespace {

// Runs verb(call, error) on the queue of the handle's registry. The second argument of each of these functions is the
// slot that its answer goes to.
template <class Verb>
napi_value submit(const Arguments& arguments, Verb verb, Handle* reads = nullptr, bool keeps_alive = true) {
  Core& core = *arguments.handle(0).core;
  tl_error* error = nullptr;
  tl_call call = take_options(arguments.state);
  call.queue = core.queue(&error);
  if (call.queue == nullptr) return failure(arguments.env, TL_E_RESOURCE, error);
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

tl_conn* connection(const Arguments& arguments) { return static_cast<tl_conn*>(arguments.handle(0).pointer); }
tl_registry* registry(const Arguments& arguments) { return arguments.handle(0).core->registry(); }

napi_value query(napi_env env, napi_callback_info info) {  // connection, slot, text, n, arena, fallback
  const Arguments a(env, info);
  const Text sql = a.text(2), fallback = a.text(5, 1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    return lib.tl_query(connection(a), sql.data, sql.size, values_of(a.state), a.index(3), a.state.arena.data,
                        a.index(4), call, nullptr, error);
  });
}

napi_value execute_many(napi_env env, napi_callback_info info) {  // connection, slot, text, n, rows, arena, fallback
  const Arguments a(env, info);
  const Text sql = a.text(2), fallback = a.text(6, 1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    return lib.tl_execute_many(connection(a), sql.data, sql.size, values_of(a.state), a.index(3), a.index(4),
                               a.state.arena.data, static_cast<size_t>(a.number(5)), call, nullptr, error);
  });
}

// The names of the columns are the first n values, those of the rows are behind them.
napi_value load(napi_env env, napi_callback_info info) {  // connection, slot, table, n, rows, arena, fallback
  const Arguments a(env, info);
  const Text table = a.text(2), fallback = a.text(6, 1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    const size_t n = a.index(3);
    return lib.tl_load(connection(a), table.data, table.size, values_of(a.state), n, values_of(a.state) + n, a.index(4),
                       a.state.arena.data, static_cast<size_t>(a.number(5)), call, nullptr, error);
  });
}

napi_value explain(napi_env env, napi_callback_info info) {  // connection, slot, text, fallback
  const Arguments a(env, info);
  const Text sql = a.text(2), fallback = a.text(3, 1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    call->fallback = fallback.data;
    return lib.tl_explain(connection(a), sql.data, sql.size, call, nullptr, error);
  });
}

napi_value pin(napi_env env, napi_callback_info info) {  // connection, slot
  const Arguments a(env, info);
  return submit(a, [&](tl_call* call, tl_error** error) { return lib.tl_pin(connection(a), call, nullptr, error); });
}

napi_value begin(napi_env env, napi_callback_info info) {  // connection, slot, flags
  const Arguments a(env, info);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_begin(connection(a), a.index(2), call, nullptr, error);
  });
}

napi_value commit(napi_env env, napi_callback_info info) {  // transaction, slot
  const Arguments a(env, info);
  return submit(a, [&](tl_call* call, tl_error** error) { return lib.tl_commit(connection(a), call, error); });
}

napi_value rollback(napi_env env, napi_callback_info info) {  // transaction, slot
  const Arguments a(env, info);
  return submit(a, [&](tl_call* call, tl_error** error) { return lib.tl_rollback(connection(a), call, error); });
}

napi_value read(napi_env env, napi_callback_info info) {  // result, slot
  const Arguments a(env, info);
  Handle& result = a.handle(0);
  const auto verb = [&](tl_call* call, tl_error** error) {
    return lib.tl_result_next(static_cast<tl_result*>(result.pointer), call, nullptr, error);
  };
  return submit(a, verb, &result);
}

napi_value read_set(napi_env env, napi_callback_info info) {  // result, slot
  const Arguments a(env, info);
  Handle& result = a.handle(0);
  const auto verb = [&](tl_call* call, tl_error** error) {
    return lib.tl_result_next_set(static_cast<tl_result*>(result.pointer), call, nullptr, error);
  };
  return submit(a, verb, &result);
}

napi_value connect(napi_env env, napi_callback_info info) {  // registry, slot, name
  const Arguments a(env, info);
  const Text name = a.text(2);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_connect(registry(a), name.data, name.size, call, error);
  });
}

napi_value connect_all(napi_env env, napi_callback_info info) {  // registry, slot
  const Arguments a(env, info);
  return submit(a,
                [&](tl_call* call, tl_error** error) { return lib.tl_registry_connect_all(registry(a), call, error); });
}

napi_value close(napi_env env, napi_callback_info info) {  // registry, slot, name
  const Arguments a(env, info);
  const Text name = a.text(2);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_close(registry(a), name.data, name.size, call, error);
  });
}

napi_value remove(napi_env env, napi_callback_info info) {  // registry, slot, name
  const Arguments a(env, info);
  const Text name = a.text(2);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_remove(registry(a), name.data, name.size, call, nullptr, error);
  });
}

napi_value patch(napi_env env, napi_callback_info info) {  // registry, slot, name, settings, flags
  const Arguments a(env, info);
  const Text name = a.text(2), settings = a.text(3, 1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_patch(registry(a), name.data, name.size, settings.data, settings.size, a.index(4), call,
                                 nullptr, error);
  });
}

napi_value reload(napi_env env, napi_callback_info info) {  // registry, slot, flags
  const Arguments a(env, info);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_registry_reload(registry(a), a.index(2), call, nullptr, error);
  });
}

napi_value inspect(napi_env env, napi_callback_info info) {  // registry, slot, what, name
  const Arguments a(env, info);
  const Text what = a.text(2), name = a.text(3, 1);
  return submit(a, [&](tl_call* call, tl_error** error) {
    return lib.tl_inspect(registry(a), what.data, name.data, name.size, call, nullptr, error);
  });
}

napi_value subscribe(napi_env env, napi_callback_info info) {  // registry, slot, events
  const Arguments a(env, info);
  const auto verb = [&](tl_call* call, tl_error** error) {
    return lib.tl_subscribe(registry(a), a.index(2), call, error);
  };
  return submit(a, verb, nullptr, false);
}

napi_value cancel(napi_env env, napi_callback_info info) {  // slot
  const Arguments a(env, info);
  const Slot slot = a.state.slot(a.index(0));
  if (slot.op != 0) lib.tl_cancel(slot.core->registry(), slot.op);
  return nullptr;
}

}  // namespace

void add_verbs(napi_env env, napi_value exports) {
  export_function(env, exports, "query", query);
  export_function(env, exports, "executeMany", execute_many);
  export_function(env, exports, "load", load);
  export_function(env, exports, "explain", explain);
  export_function(env, exports, "pin", pin);
  export_function(env, exports, "begin", begin);
  export_function(env, exports, "commit", commit);
  export_function(env, exports, "rollback", rollback);
  export_function(env, exports, "read", read);
  export_function(env, exports, "readSet", read_set);
  export_function(env, exports, "connect", connect);
  export_function(env, exports, "connectAll", connect_all);
  export_function(env, exports, "close", close);
  export_function(env, exports, "remove", remove);
  export_function(env, exports, "patch", patch);
  export_function(env, exports, "reload", reload);
  export_function(env, exports, "inspect", inspect);
  export_function(env, exports, "subscribe", subscribe);
  export_function(env, exports, "cancel", cancel);
}
