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

napi_value open(const Arguments& a) {  // path, environment
  tl_registry* registry = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_open(a.text(0).data, a.text(1).data, &registry, &error);
  return registry_made(a, status, registry, error);
}

napi_value parse(const Arguments& a) {  // text, source, environment
  tl_registry* registry = nullptr;
  tl_error* error = nullptr;
  const Text& toml = a.text(0);
  const tl_status status =
      lib.tl_registry_parse(toml.data, toml.size, a.text(1).data, a.text(2).data, &registry, &error);
  return registry_made(a, status, registry, error);
}

napi_value shared(const Arguments& a) {  // path, environment
  tl_registry* registry = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_shared(a.text(0).data, a.text(1).data, &registry, &error);
  return registry_made(a, status, registry, error);
}

// Those below take the registry first.
tl_registry* registry(const Arguments& arguments) { return arguments.handle().core->registry(); }

napi_value share(const Arguments& a) {
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_share(registry(a), &error);
  return status == TL_OK ? nullptr : failure(a.env, status, error);
}

napi_value has(const Arguments& a) {  // name
  const Text& name = a.text(0);
  return boolean(a.env, lib.tl_registry_has(registry(a), name.data, name.size) != 0);
}

napi_value add(const Arguments& a) {  // name, settings
  const Text &name = a.text(0), &settings = a.text(1);
  int32_t added = 0;
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_registry_add(registry(a), name.data, name.size, settings.data, settings.size, &added, &error);
  return status == TL_OK ? boolean(a.env, added != 0) : failure(a.env, status, error);
}

napi_value trim(const Arguments& a) {  // name
  const Text& name = a.text(0);
  tl_error* error = nullptr;
  const tl_status status = lib.tl_registry_trim(registry(a), name.data, name.size, &error);
  return status == TL_OK ? nullptr : failure(a.env, status, error);
}

napi_value answer(const Arguments& a) {  // question, status, text, keep_ms
  const Text& given = a.text(0);
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_answer(registry(a), static_cast<uint64_t>(a.number(1)), static_cast<tl_status>(a.number(2)), given.data,
                    given.size, static_cast<int64_t>(a.number(4)), &error);
  return status == TL_OK ? nullptr : failure(a.env, status, error);
}

napi_value inspect_now(const Arguments& a) {  // what, name
  const Text& name = a.text(1);
  tl_result* result = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_inspect(registry(a), a.text(0).data, name.data, name.size, nullptr, &result, &error);
  return status == TL_OK ? answer_now(a.state, *a.handle().core, result) : failure(a.env, status, error);
}

napi_value connection(const Arguments& a) {  // name, mode
  const Text& name = a.text(0);
  tl_conn* made = nullptr;
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_conn_get(registry(a), name.data, name.size, static_cast<int32_t>(a.number(2)), &made, &error);
  if (status != TL_OK) return failure(a.env, status, error);
  return external(a.env, new Handle(Handle::kConnection, made, *a.handle().core));
}

// Those below take a connection first.
tl_conn* of_connection(const Arguments& arguments) { return static_cast<tl_conn*>(arguments.handle().pointer); }

napi_value derive(const Arguments& a) {  // tag, after
  const Text &tag = a.text(0), &after = a.text(1);
  tl_conn* made = nullptr;
  tl_error* error = nullptr;
  const tl_status status =
      lib.tl_conn_derive(of_connection(a), tag.data, tag.size, after.data, after.size, -1, &made, &error);
  if (status != TL_OK) return failure(a.env, status, error);
  return external(a.env, new Handle(Handle::kConnection, made, *a.handle().core));
}

napi_value token(const Arguments& a) {
  std::string found(256, '\0');
  size_t size = 0;
  tl_error* error = nullptr;
  tl_status status = lib.tl_conn_token(of_connection(a), found.data(), found.size(), &size, &error);
  while (status == TL_OK && size >= found.size()) {
    found.resize(size + 256);
    status = lib.tl_conn_token(of_connection(a), found.data(), found.size(), &size, &error);
  }
  return status == TL_OK ? text(a.env, found.substr(0, size)) : failure(a.env, status, error);
}

napi_value query_now(const Arguments& a) {  // text, n, arena, fallback
  const Text &sql = a.text(0), &fallback = a.text(1);
  tl_call call = take_options(a.state);
  call.fallback = fallback.data;
  tl_result* result = nullptr;
  tl_error* error = nullptr;
  const tl_status status = lib.tl_query(of_connection(a), sql.data, sql.size, values_of(a.state), a.index(2),
                                        a.state.arena.data, a.index(3), &call, &result, &error);
  return status == TL_OK ? answer_now(a.state, *a.handle().core, result) : failure(a.env, status, error);
}

// ---- results ----

napi_value take_next(const Arguments& a) { return number(a.env, take_batch(a.state, a.handle())); }

napi_value take_next_set(const Arguments& a) { return boolean(a.env, take_set(a.state, a.handle())); }

napi_value take_description(const Arguments& a) {
  describe_set(a.state, a.handle());
  return nullptr;
}

napi_value release(const Arguments& a) {
  a.handle().release();
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

napi_value schema(const Arguments& a) {  // number
  const Schema* found = a.state.known.schema(static_cast<int32_t>(a.number(0)));
  if (found == nullptr) return refuse(a, "there is no such number");
  std::vector<napi_value> columns;
  for (const ColumnInfo& column : *found) columns.push_back(column_info(a.env, column));
  return list_of(a.env, columns);
}

napi_value server(const Arguments& a) {  // number
  const Server* found = a.state.known.server(static_cast<int32_t>(a.number(0)));
  if (found == nullptr) return refuse(a, "there is no such number");
  return list_of(a.env, {text(a.env, found->endpoint), text(a.env, found->connection), number(a.env, found->role)});
}

napi_value status_name(const Arguments& a) {  // number
  return text(a.env, lib.tl_status_name(static_cast<tl_status>(a.number(0))));
}

napi_value version(const Arguments& a) { return text(a.env, lib.tl_version()); }

napi_value has_feature(const Arguments& a) {  // name
  return boolean(a.env, lib.tl_has_feature(a.text(0).data) != 0);
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

napi_value share_memory(const Arguments& a) {  // name, buffer
  Shared* memory = a.text(0).data == nullptr ? nullptr : memory_named(a.state, a.text(0).data);
  bool is_buffer = false;
  napi_is_arraybuffer(a.env, a.values[1], &is_buffer);
  if (memory == nullptr || !is_buffer) return refuse(a, "it takes a name that it knows, and an ArrayBuffer");
  memory->hold(a.env, a.values[1]);
  return nullptr;
}

napi_value on_drained(const Arguments& a) {  // function
  napi_valuetype type = napi_undefined;
  napi_typeof(a.env, a.values[0], &type);
  if (type != napi_function) return refuse(a, "it takes a function");
  napi_create_reference(a.env, a.values[0], 1, &a.state.drained);
  return nullptr;
}

napi_value load_library(const Arguments& a) {  // where the package may carry one
  if (a.text(0).data == nullptr) return refuse(a, "it takes the path of a folder");
  return text(a.env, open_library(a.text(0).data));
}

}  // namespace

void add_answers(napi_env env, napi_value exports) {
  constexpr int kRegistry = Handle::kRegistry, kConnection = Handle::kConnection, kResult = Handle::kResult;
  constexpr int kNoHandle = Function::kNoHandle;
  constexpr const char *kName = "the name", *kPath = "the path", *kEnvironment = "the environment";
  static constexpr Function kFunctions[] = {
      {"open", open, kNoHandle, {{0, kPath}, {1, kEnvironment}}},
      {"parse", parse, kNoHandle, {{0, "the configuration"}, {1, "the source"}, {2, kEnvironment}}},
      {"shared", shared, kNoHandle, {{0, kPath}, {1, kEnvironment}}},
      {"share", share, kRegistry},
      {"has", has, kRegistry, {{1, kName}}},
      {"add", add, kRegistry, {{1, kName}, {2, "the settings"}}},
      {"trim", trim, kRegistry, {{1, kName}}},
      {"answer", answer, kRegistry, {{3, "what was given"}}},
      {"inspectNow", inspect_now, kRegistry, {{1, "what"}, {2, kName}}},
      {"connection", connection, kRegistry, {{1, kName}}},
      {"derive", derive, kConnection, {{1, "the tag"}, {2, "the token"}}},
      {"token", token, kConnection},
      {"queryNow", query_now, kConnection, {{1, "the statement"}, {4, "fallback"}}},
      {"takeNext", take_next, kResult},
      {"takeNextSet", take_next_set, kResult},
      {"takeDescription", take_description, kResult},
      {"release", release, Function::kAnyHandle},
      {"schema", schema, kNoHandle},
      {"server", server, kNoHandle},
      {"statusName", status_name, kNoHandle},
      {"version", version, kNoHandle},
      {"hasFeature", has_feature, kNoHandle, {{0, "the feature"}}},
      {"shareMemory", share_memory, kNoHandle, {{0, "the memory"}}},
      {"onDrained", on_drained, kNoHandle},
      {"loadLibrary", load_library, kNoHandle, {{0, "the folder"}}},
  };
  export_functions(env, exports, kFunctions);
}
