// The registry that all code of a process shares.
#include <filesystem>
#include <mutex>

#include "base.hpp"
#include "copies.hpp"
#include "handles.hpp"

namespace {

using tl::Failure;
using tl::Result;
using tl::capi::guarded;
using tl::capi::misuse;
using tl::capi::report;
using tl::config::Config;
using Registry = tl::registry::Registry;

// From when there is one to the end of the process: whoever lets go of it, a plug-in that is unloaded for example,
// takes it from nobody. So nothing here is ever destroyed, and a forked child has what its parent had.
constinit std::atomic<const std::shared_ptr<Registry>*> the_shared{nullptr};
constinit tl::ForkMutex making;  // it; a child begins anew with what it was in the middle of

const std::shared_ptr<Registry>* present() noexcept { return the_shared.load(std::memory_order_acquire); }

// Nobody else is making it. The one that is there from now on: this one, or that of whoever came first.
Result<std::shared_ptr<Registry>> share(std::shared_ptr<Registry> registry) {
  if (const auto* first = present()) return *first;
  auto made = std::make_unique<const std::shared_ptr<Registry>>(std::move(registry));
  if (Result<void> begun = tl::capi::begin_to_share(); !begun) return begun.take_error();
  the_shared.store(made.get(), std::memory_order_release);
  return *made.release();
}

// Without symbolic links, as far as the file is there.
std::string resolved(const std::filesystem::path& path) {
  std::error_code failed;
  const auto whole = std::filesystem::absolute(path, failed);
  const auto result = std::filesystem::weakly_canonical(whole, failed);
  return (failed ? whole.lexically_normal() : result).string();
}

std::string file_of(const Config& config) {
  return resolved(std::filesystem::path(config.base->surroundings.folder) /
                  std::filesystem::path(config.source).filename());
}

Result<std::shared_ptr<Registry>> present_or_opened(const std::string& path, const char* environment) {
  if (const auto* first = present()) return *first;
  const std::lock_guard lock(making);
  if (const auto* first = present()) return *first;
  if (Result<void> alone = tl::capi::no_other_copy_shares(); !alone) return alone.take_error();
  auto config = tl::config::load_file(path, tl::capi::surroundings(environment));
  if (!config) return config.take_error();
  return share(std::make_shared<Registry>(config.take()));
}

// Null: it is what the caller asks for.
Failure other_than(const Config& config, const std::string& path, const std::string& environment) {
  std::string problem;
  if (!path.empty() && resolved(path) != file_of(config)) {
    problem = "its configuration is " + config.source + ", not " + path;
  } else if (!environment.empty() && environment != config.environment) {
    problem = "its environment is " + (config.environment.empty() ? "none" : '"' + config.environment + '"') +
              ", not \"" + environment + '"';
  }
  if (problem.empty()) return nullptr;
  return tl::fail(tl::Status::configuration, "this process has a shared registry already: " + problem,
                  tl::Phase::configure);
}

}  // namespace

extern "C" {

tl_status tl_registry_shared(const char* path, const char* environment, tl_registry** out, tl_error** err) {
  return guarded(err, [&] {
    if (out == nullptr) return misuse("out is NULL", err);
    const std::string file = path == nullptr ? "" : path;
    auto registry = present_or_opened(file, environment);
    if (!registry) return report(registry.take_error(), err);
    Failure other = other_than(*(*registry)->config(), file, environment == nullptr ? "" : environment);
    if (other != nullptr) return report(std::move(other), err);
    *out = new tl_registry{registry.take()};
    return TL_OK;
  });
}

tl_status tl_registry_share(tl_registry* registry, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr) return misuse("registry is NULL", err);
    const std::lock_guard lock(making);
    auto shared = share(registry->registry);
    if (!shared) return report(shared.take_error(), err);
    if (*shared == registry->registry) return TL_OK;
    return report(tl::fail(tl::Status::configuration,
                           "this process has a shared registry already, another one: its configuration is " +
                               (*shared)->config()->source,
                           tl::Phase::configure),
                  err);
  });
}

}  // extern "C"
