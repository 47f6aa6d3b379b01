#include <cstring>

#include "inspect.hpp"
#include "perform.hpp"

namespace {

using tl::Result;
using tl::capi::Answer;
using tl::capi::deliver_nothing;
using tl::capi::deliver_to;
using tl::capi::guarded;
using tl::capi::has_out;
using tl::capi::misuse;
using tl::capi::no_flags;
using tl::capi::Options;
using tl::capi::perform;
using tl::capi::problem_with_name;
using tl::capi::problem_with_own_name;
using tl::capi::RegistryInputs;
using tl::capi::report;
using tl::capi::surroundings;

tl_status made(tl::Result<tl::config::Config> config, tl_registry** out, tl_error** err) {
  if (!config) return report(config.take_error(), err);
  *out = new tl_registry{std::make_shared<tl::registry::Registry>(config.take())};
  return TL_OK;
}

// To a caller who may not want to know.
auto deliver_truth(int32_t* out) {
  return [out](const Answer& answer) {
    if (out != nullptr) *out = static_cast<int32_t>(answer.arg);
  };
}

Answer hand_out(const RegistryInputs& asked, tl::connection::QueryResult result) {
  auto made = std::make_shared<tl_result>(asked.registry.shared(), std::move(result));
  return Answer{TL_DONE_RESULT, tl_result::hand_out(std::move(made))};
}

}  // namespace

tl::config::Surroundings tl::capi::surroundings(const char* environment) {
  tl::config::Surroundings result = tl::config::process_surroundings();
  if (environment != nullptr && *environment != '\0') result.environment = environment;
  return result;
}

extern "C" {

uint32_t tl_abi_version(void) { return TL_ABI_VERSION; }
const char* tl_version(void) { return TRUNKLINE_VERSION; }

int32_t tl_has_feature(const char* name) {
  if (name == nullptr) return 0;
#ifdef TRUNKLINE_SQLITE
  if (std::strcmp(name, "driver.sqlite") == 0) return 1;
#endif
#ifdef TRUNKLINE_POSTGRESQL
  if (std::strcmp(name, "driver.postgresql") == 0) return 1;
#endif
#ifdef TRUNKLINE_MARIADB
  if (std::strcmp(name, "driver.mariadb") == 0) return 1;
#endif
  return 0;
}

void tl_registry_release(tl_registry* registry) { tl::capi::destroy(registry); }

tl_status tl_registry_open(const char* path, const char* environment, tl_registry** out, tl_error** err) {
  return guarded(err, [&] {
    if (out == nullptr) return misuse("out is NULL", err);
    return made(tl::config::load_file(path == nullptr ? "" : path, surroundings(environment)), out, err);
  });
}

tl_status tl_registry_parse(const char* toml, size_t len, const char* source, const char* environment,
                            tl_registry** out, tl_error** err) {
  return guarded(err, [&] {
    if (out == nullptr || !tl::capi::is_text(toml, len)) return misuse("toml or out is NULL", err);
    return made(
        tl::config::parse(tl::capi::text(toml, len), source == nullptr ? "<text>" : source, surroundings(environment)),
        out, err);
  });
}

int32_t tl_registry_has(tl_registry* registry, const char* name, size_t name_len) {
  return registry != nullptr && name != nullptr && registry->registry->has({name, name_len}) ? 1 : 0;
}

tl_status tl_registry_add(tl_registry* registry, const char* name, size_t name_len, const char* toml, size_t toml_len,
                          int32_t* added, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || !tl::capi::is_text(toml, toml_len)) return misuse("registry or toml is NULL", err);
    if (const char* problem = problem_with_own_name(name, name_len)) return misuse(problem, err);
    Result<bool> done = registry->registry->add({name, name_len}, tl::capi::text(toml, toml_len));
    if (!done) return report(done.take_error(), err);
    if (added != nullptr) *added = *done ? 1 : 0;
    return TL_OK;
  });
}

tl_status tl_registry_remove(tl_registry* registry, const char* name, size_t name_len, const tl_call* call,
                             int32_t* removed, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr) return misuse("registry is NULL", err);
    if (const char* problem = problem_with_own_name(name, name_len)) return misuse(problem, err);
    const auto remove = [](RegistryInputs& inputs, Options& options) -> Result<Answer> {
      auto done = inputs.registry->remove(inputs.name, options.given_deadline, options.call.ticket.get());
      if (!done) return done.take_error();
      return Answer{TL_DONE, nullptr, *done ? uint64_t{1} : 0};
    };
    return perform(RegistryInputs(*registry, name, name_len), call, no_flags, err, remove, deliver_truth(removed));
  });
}

tl_status tl_registry_connect(tl_registry* registry, const char* name, size_t name_len, const tl_call* call,
                              tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr) return misuse("registry is NULL", err);
    if (const char* problem = problem_with_name(name, name_len)) return misuse(problem, err);
    const auto connect = [](RegistryInputs& inputs, Options& options) -> Result<Answer> {
      if (Result<void> done = inputs.registry->connect(inputs.name, options.call); !done) return done.take_error();
      return Answer{};
    };
    return perform(RegistryInputs(*registry, name, name_len), call, no_flags, err, connect, deliver_nothing());
  });
}

tl_status tl_registry_connect_all(tl_registry* registry, const tl_call* call, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr) return misuse("registry is NULL", err);
    const auto connect = [](RegistryInputs& inputs, Options& options) -> Result<Answer> {
      if (Result<void> done = inputs.registry->connect_all(options.call); !done) return done.take_error();
      return Answer{};
    };
    return perform(RegistryInputs(*registry, nullptr, 0), call, no_flags, err, connect, deliver_nothing());
  });
}

tl_status tl_registry_close(tl_registry* registry, const char* name, size_t name_len, const tl_call* call,
                            tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr) return misuse("registry is NULL", err);
    if (const char* problem = problem_with_name(name, name_len)) return misuse(problem, err);
    const auto close = [](RegistryInputs& inputs, Options& options) -> Result<Answer> {
      Result<void> done = inputs.registry->close(inputs.chosen(), options.given_deadline, options.call.ticket.get());
      if (!done) return done.take_error();
      return Answer{};
    };
    return perform(RegistryInputs(*registry, name, name_len), call, no_flags, err, close, deliver_nothing());
  });
}

tl_status tl_registry_trim(tl_registry* registry, const char* name, size_t name_len, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr) return misuse("registry is NULL", err);
    if (const char* problem = problem_with_name(name, name_len)) return misuse(problem, err);
    Result<void> done = registry->registry->trim(RegistryInputs(*registry, name, name_len).chosen());
    return done ? TL_OK : report(done.take_error(), err);
  });
}

tl_status tl_registry_patch(tl_registry* registry, const char* name, size_t name_len, const char* toml, size_t toml_len,
                            uint32_t flags, const tl_call* call, int32_t* changed, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || !tl::capi::is_text(toml, toml_len)) return misuse("registry or toml is NULL", err);
    if (const char* problem = problem_with_name(name, name_len)) return misuse(problem, err);
    if ((flags & ~TL_CHANGE_VERIFY) != 0) return misuse("a flag is unknown", err);
    RegistryInputs inputs(*registry, name, name_len);
    inputs.toml = tl::capi::text(toml, toml_len);
    inputs.verify = (flags & TL_CHANGE_VERIFY) != 0;
    const auto patch = [](RegistryInputs& given, Options& options) -> Result<Answer> {
      auto done = given.registry->patch(given.name, given.toml, given.verify, options.call);
      if (!done) return done.take_error();
      return Answer{TL_DONE, nullptr, *done ? uint64_t{1} : 0};
    };
    return perform(std::move(inputs), call, no_flags, err, patch, deliver_truth(changed));
  });
}

tl_status tl_registry_reload(tl_registry* registry, uint32_t flags, const tl_call* call, tl_result** out,
                             tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || !has_out(out, call)) return misuse("registry or out is NULL", err);
    if ((flags & ~TL_CHANGE_VERIFY) != 0) return misuse("a flag is unknown", err);
    RegistryInputs inputs(*registry, nullptr, 0);
    inputs.verify = (flags & TL_CHANGE_VERIFY) != 0;
    const auto reload = [](RegistryInputs& given, Options& options) -> Result<Answer> {
      auto changes = given.registry->reload(given.verify, options.call);
      if (!changes) return changes.take_error();
      return hand_out(given, tl::registry::table_of(*changes));
    };
    return perform(std::move(inputs), call, no_flags, err, reload, deliver_to(out));
  });
}

tl_status tl_inspect(tl_registry* registry, const char* what, const char* name, size_t name_len, const tl_call* call,
                     tl_result** out, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || what == nullptr || !has_out(out, call)) {
      return misuse("registry, what or out is NULL", err);
    }
    if (const char* problem = problem_with_name(name, name_len)) return misuse(problem, err);
    RegistryInputs inputs(*registry, name, name_len);
    inputs.what = what;
    const auto inspect = [](RegistryInputs& asked, Options& options) -> Result<Answer> {
      auto result = tl::registry::inspect(*asked.registry, asked.what, asked.chosen(), options.call);
      if (!result) return result.take_error();
      return hand_out(asked, result.take());
    };
    return perform(std::move(inputs), call, no_flags, err, inspect, deliver_to(out));
  });
}

tl_op tl_op_new(tl_registry* registry) {
  try {
    return registry == nullptr ? 0 : registry->registry->tickets().reserve();
  } catch (...) {
    return 0;
  }
}

void tl_op_release(tl_registry* registry, tl_op op) {
  if (registry != nullptr && op != 0) registry->registry->tickets().release(op);
}

tl_status tl_cancel(tl_registry* registry, tl_op op) {
  if (registry == nullptr) return TL_E_MISUSE;
  registry->registry->tickets().cancel(op);
  return TL_OK;
}

}  // extern "C"
