// A copy that the process has loaded already comes first, so that a host program and the Node inside it may share one
// registry of connections. Then TRUNKLINE_LIBRARY, the system's copy, and one beside the package.
#include "library.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>

Library lib;

namespace {

constexpr char kName[] = "libtrunkline.so.0";

// Its own symbols before those of the program: libpq wants the OpenSSL that it was built with. AddressSanitizer, which
// wants to be asked before everybody, aborts on that.
#ifdef __SANITIZE_ADDRESS__
constexpr int kMode = RTLD_NOW | RTLD_LOCAL;
#else
constexpr int kMode = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
#endif

void* find(const std::string& beside, std::string& problem) {
  if (dlsym(RTLD_DEFAULT, "tl_registry_shared") != nullptr) return dlopen(nullptr, RTLD_NOW);
  if (void* loaded = dlopen(kName, RTLD_NOW | RTLD_NOLOAD)) return loaded;
  const char* named = std::getenv("TRUNKLINE_LIBRARY");
  if (named != nullptr && *named != '\0') {
    void* found = dlopen(named, kMode);
    if (found == nullptr)
      problem = std::string("TRUNKLINE_LIBRARY names a library that cannot be loaded: ") + dlerror();
    return found;
  }
  if (void* system = dlopen(kName, kMode)) return system;
  const std::string file = beside + "/" + kName;
  if (access(file.c_str(), F_OK) == 0) {
    void* found = dlopen(file.c_str(), kMode);
    if (found == nullptr) problem = dlerror();
    return found;
  }
  problem = std::string(kName) + " was not found: install the trunkline library, or set TRUNKLINE_LIBRARY to its path";
  return nullptr;
}

std::string version_text(uint32_t version) {
  return std::to_string(version >> 16) + "." + std::to_string(version & 0xFFFF);
}

// Major 0 is still being shaped: every minor version stands alone.
bool fits(uint32_t found) {
  const bool same = found >> 16 == TL_ABI_VERSION >> 16;
  return TL_ABI_VERSION >> 16 == 0 ? found == TL_ABI_VERSION : same && found >= TL_ABI_VERSION;
}

std::string file_of(const void* function) {
  Dl_info info{};
  return dladdr(function, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : kName;
}

std::string fill(void* handle, Library& library) {
  std::string missing;
#define TL_FIND(name)                                                            \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #name)); \
  if (library.name == nullptr && missing.empty()) missing = #name;
  TL_FUNCTIONS(TL_FIND)
#undef TL_FIND
  if (library.tl_abi_version == nullptr) return "the library has no tl_abi_version";
  const std::string file = file_of(reinterpret_cast<const void*>(library.tl_abi_version));
  const uint32_t found = library.tl_abi_version();
  if (!fits(found)) {
    return "the library " + file + " has ABI " + version_text(found) + ", this package needs " +
           version_text(TL_ABI_VERSION) + ": install the two in matching versions";
  }
  if (!missing.empty()) {
    return file + " has no " + missing +
           ": a program that is linked with libtrunkline.a needs all of it "
           "(-Wl,--whole-archive)";
  }
  return "";
}

}  // namespace

std::string open_library(const std::string& beside) {
  static std::mutex mutex;
  static bool done = false;
  const std::lock_guard lock(mutex);
  if (done) return "";
  std::string problem;
  void* handle = find(beside, problem);
  if (handle == nullptr) return problem;
  Library found;
  problem = fill(handle, found);
  if (!problem.empty()) return problem;
  lib = found;
  done = true;
  return "";
}
