#include "answers.hpp"
#include "calling.hpp"
#include "library.hpp"
#include "verbs.hpp"

namespace {

napi_value number(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

napi_value boolean(napi_env env, bool truth) {
  napi_value value = nullptr;
  napi_get_boolean(env, truth, &value);
  return value;
}

napi_value text(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

// ---- registries and connections ----

napi_value registry_made(const Arguments& a, tl_status status, tl_registry* registry, tl_error* error) {
  if (status != TL_OK) return failure(a.env, status, error);
  return external(a.env, new Handle(Handle::kRegistry, nullptr, *new Core(a.state, registry)));
}

napi_value open(napi_env env, napi_callback_info info) {  // path, environment
  const Arguments a(env, info);
  tl_registry* registry = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_open(a.text(0).data, a.text(1, 1).data, &registry, &error);
  return registry_made(a, status, registry, error);
}

napi_value parse(napi_env env, napi_callback_info info) {  // text, source, environment
  const Arguments a(env, info);
  tl_registry* registry = nullptr;
  tl_error* error = nullptr;
  const Text toml = a.text(0);
  const tl_status status =
      lib.tl_registry_parse(toml.data, toml.size, a.text(1, 1).data, a.text(2, 2).data, &registry, &error);
  return registry_made(a, status, registry, error);
}

napi_value shared(napi_env env, napi_callback_info info) {  // path, environment
  const Arguments a(env, info);
  tl_registry* registry = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_shared(a.text(0).data, a.text(1, 1).data, &registry, &error);
  return registry_made(a, status, registry, error);
}

// Those below take the registry first.
tl_registry* registry(const Arguments& arguments) { return arguments.handle(0).core->registry(); }

napi_value share(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_share(registry(a), &error);
  return status == TL_OK ? nullptr : failure(env, status, error);
}

napi_value has(napi_env env, napi_callback_info info) {  // name
  const Arguments a(env, info);
  const Text name = a.text(1);
  return boolean(env, lib.tl_registry_has(registry(a), name.data, name.size) != 0);
}

napi_value add(napi_env env, napi_callback_info info) {  // name, settings
  const Arguments a(env, info);
  const Text name = a.text(1), settings = a.text(2, 1);
  int32_t added = 0;
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_registry_add(registry(a), name.data, name.size, settings.data, settings.size, &added, &error);
  return status == TL_OK ? boolean(env, added != 0) : failure(env, status, error);
}

napi_value trim(napi_env env, napi_callback_info info) {  // name
  const Arguments a(env, info);
  const Text name = a.text(1);
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_trim(registry(a), name.data, name.size, &error);
  return status == TL_OK ? nullptr : failure(env, status, error);
}

napi_value answer(napi_env env, napi_callback_info info) {  // question, status, text, keep_ms
  const Arguments a(env, info);
  const Text given = a.text(3);
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_answer(registry(a), static_cast<uint64_t>(a.number(1)), static_cast<tl_status>(a.number(2)), given.data,
                    given.size, static_cast<int64_t>(a.number(4)), &error);
  return status == TL_OK ? nullptr : failure(env, status, error);
}

napi_value inspect_now(napi_env env, napi_callback_info info) {  // what, name
  const Arguments a(env, info);
  const Text name = a.text(2, 1);
  tl_result* result = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_inspect(registry(a), a.text(1).data, name.data, name.size, nullptr, &result, &error);
  return status == TL_OK ? answer_now(a.state, *a.handle(0).core, result) : failure(env, status, error);
}

napi_value connection(napi_env env, napi_callback_info info) {  // name, mode
  const Arguments a(env, info);
  const Text name = a.text(1);
  tl_conn* made = nullptr;
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_conn_get(registry(a), name.data, name.size, static_cast<int32_t>(a.number(2)), &made, &error);
  if (status != TL_OK) return failure(env, status, error);
  return external(env, new Handle(Handle::kConnection, made, *a.handle(0).core));
}

// Those below take a connection first.
tl_conn* of_connection(const Arguments& arguments) { return static_cast<tl_conn*>(arguments.handle(0).pointer); }

napi_value derive(napi_env env, napi_callback_info info) {  // tag, after
  const Arguments a(env, info);
  const Text tag = a.text(1), after = a.text(2, 1);
  tl_conn* made = nullptr;
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_conn_derive(of_connection(a), tag.data, tag.size, after.data, after.size, -1, &made, &error);
  if (status != TL_OK) return failure(env, status, error);
  return external(env, new Handle(Handle::kConnection, made, *a.handle(0).core));
}

napi_value token(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  std::string found(256, '\0');
  size_t size = 0;
  tl_error* error = nullptr;
  tl_status status = lib.tl_conn_token(of_connection(a), found.data(), found.size(), &size, &error);
  while (status == TL_OK && size >= found.size()) {
    found.resize(size + 256);
    status = lib.tl_conn_token(of_connection(a), found.data(), found.size(), &size, &error);
  }
  return status == TL_OK ? text(env, found.substr(0, size)) : failure(env, status, error);
}

napi_value query_now(napi_env env, napi_callback_info info) {  // text, n, arena, fallback
  const Arguments a(env, info);
  const Text sql = a.text(1), fallback = a.text(4, 1);
  tl_call call = take_options(a.state);
  call.fallback = fallback.data;
  tl_result* result = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_query(of_connection(a), sql.data, sql.size, values_of(a.state), a.index(2),
                                        a.state.arena.data, a.index(3), &call, &result, &error);
  return status == TL_OK ? answer_now(a.state, *a.handle(0).core, result) : failure(env, status, error);
}

// ---- results ----

napi_value take_next(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  return number(env, take_batch(a.state, a.handle(0)));
}

napi_value take_next_set(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  return boolean(env, take_set(a.state, a.handle(0)));
}

napi_value take_description(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  describe_set(a.state, a.handle(0));
  return nullptr;
}

napi_value release(napi_env env, napi_callback_info info) {
  Arguments(env, info).handle(0).release();
  return nullptr;
}

// ---- what answers have in common ----

napi_value list_of(napi_env env, const std::vector<napi_value>& values) {
  napi_value list = nullptr;
  napi_create_array_with_length(env, values.size(), &list);
  for (uint32_t i = 0; i < values.size(); ++i) napi_set_element(env, list, i, values[i]);
  return list;
}

napi_value column_info(napi_env env, const ColumnInfo& column) {
  return list_of(env, {text(env, column.name), number(env, column.type), text(env, lib.tl_type_name(column.type)),
                       text(env, column.type_name), number(env, column.type_id), number(env, column.precision),
                       number(env, column.scale), number(env, column.nullable)});
}

napi_value schema(napi_env env, napi_callback_info info) {  // number
  const Arguments a(env, info);
  std::vector<napi_value> columns;
  for (const ColumnInfo& column : *a.state.known.schema(static_cast<int32_t>(a.number(0)))) {
    columns.push_back(column_info(env, column));
  }
  return list_of(env, columns);
}

napi_value server(napi_env env, napi_callback_info info) {  // number
  const Arguments a(env, info);
  const Server& found = *a.state.known.server(static_cast<int32_t>(a.number(0)));
  return list_of(env, {text(env, found.endpoint), text(env, found.connection), number(env, found.role)});
}

napi_value status_name(napi_env env, napi_callback_info info) {  // number
  const Arguments a(env, info);
  return text(env, lib.tl_status_name(static_cast<tl_status>(a.number(0))));
}

napi_value version(napi_env env, napi_callback_info) { return text(env, lib.tl_version()); }

napi_value has_feature(napi_env env, napi_callback_info info) {  // name
  return boolean(env, lib.tl_has_feature(Arguments(env, info).text(0).data) != 0);
}

// ---- memory ----

Shared* memory_named(State& state, const std::string& name) {
  if (name == "records") return &state.records;
  if (name == "scratch") return &state.scratch;
  if (name == "area") return &state.area;
  if (name == "options") return &state.options;
  if (name == "values") return &state.values;
  if (name == "arena") return &state.arena;
  return nullptr;
}

napi_value share_memory(napi_env env, napi_callback_info info) {  // name, buffer
  const Arguments a(env, info);
  memory_named(a.state, a.text(0).data)->hold(env, a.values[1]);
  return nullptr;
}

napi_value on_drained(napi_env env, napi_callback_info info) {  // function
  const Arguments a(env, info);
  napi_create_reference(env, a.values[0], 1, &a.state.drained);
  napi_value name = nullptr;
  napi_create_string_utf8(env, "trunkline", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, nullptr, name, &a.state.context);
  return nullptr;
}

napi_value load_library(napi_env env, napi_callback_info info) {  // where the package may carry one
  const Arguments a(env, info);
  return text(env, open_library(a.text(0).data));
}

}  // namespace

void add_answers(napi_env env, napi_value exports) {
  export_function(env, exports, "open", open);
  export_function(env, exports, "parse", parse);
  export_function(env, exports, "shared", shared);
  export_function(env, exports, "share", share);
  export_function(env, exports, "has", has);
  export_function(env, exports, "add", add);
  export_function(env, exports, "trim", trim);
  export_function(env, exports, "answer", answer);
  export_function(env, exports, "inspectNow", inspect_now);
  export_function(env, exports, "connection", connection);
  export_function(env, exports, "derive", derive);
  export_function(env, exports, "token", token);
  export_function(env, exports, "queryNow", query_now);
  export_function(env, exports, "takeNext", take_next);
  export_function(env, exports, "takeNextSet", take_next_set);
  export_function(env, exports, "takeDescription", take_description);
  export_function(env, exports, "release", release);
  export_function(env, exports, "schema", schema);
  export_function(env, exports, "server", server);
  export_function(env, exports, "statusName", status_name);
  export_function(env, exports, "version", version);
  export_function(env, exports, "hasFeature", has_feature);
  export_function(env, exports, "shareMemory", share_memory);
  export_function(env, exports, "onDrained", on_drained);
  export_function(env, exports, "loadLibrary", load_library);
}
