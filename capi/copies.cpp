#include "copies.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <system_error>

namespace tl::capi {

namespace {

// What a copy shows to all others: the layout is for every version. Never unmapped, since others may read it.
struct Sign {
  std::atomic<uint32_t> shares;  // not 0: it has given out a shared registry
  char file[4092];               // of the copy, with a NUL; written before `shares`
};
static_assert(sizeof(Sign) == 4096 && sizeof(std::atomic<uint32_t>) == 4);

constexpr const char* sign_name = "trunkline-shared";
constexpr std::string_view sign_path = "/memfd:trunkline-shared (deleted)";

Sign* own_sign = nullptr;

struct Mapping {
  uintptr_t begin = 0, end = 0;
  std::string_view path;
};

// "7f…-7f… rw-p 00000000 00:01 1234    /path"
Mapping mapping_of(std::string_view line) {
  Mapping result;
  const char* const end = line.data() + line.size();
  const auto first = std::from_chars(line.data(), end, result.begin, 16);
  if (first.ptr != end) std::from_chars(first.ptr + 1, end, result.end, 16);
  if (const size_t path = line.find('/'); path != std::string_view::npos) result.path = line.substr(path);
  return result;
}

// Stops where `look` answers true.
template <class Look>
void each_mapping(const Look& look) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (look(mapping_of(line))) return;
  }
}

// The file that this code comes from: a library or a program.
std::string own_file() {
  const auto here = reinterpret_cast<uintptr_t>(&begin_to_share);
  std::string file = "a file that cannot be told";
  each_mapping([&](const Mapping& mapping) {
    const bool found = mapping.begin <= here && here < mapping.end;
    if (found) file = mapping.path;
    return found;
  });
  return file;
}

// Memory under a name; nothing else of the descriptor is of use.
Result<Sign*> make_sign() {
  const std::string file = own_file();
  const int fd = memfd_create(sign_name, MFD_CLOEXEC);
  void* memory = MAP_FAILED;
  if (fd >= 0) {
    if (ftruncate(fd, sizeof(Sign)) == 0) {
      memory = mmap(nullptr, sizeof(Sign), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    }
    const int problem = errno;
    close(fd);
    errno = problem;
  }
  if (memory == MAP_FAILED) {
    return fail(Status::resource,
                "no shared registry: a page of memory is not to be had: " + std::generic_category().message(errno));
  }
  Sign* const sign = static_cast<Sign*>(memory);
  std::strncpy(sign->file, file.c_str(), sizeof sign->file - 1);
  return sign;
}

}  // namespace

Result<void> no_other_copy_shares() {
  Failure problem;
  each_mapping([&](const Mapping& mapping) {
    if (mapping.path != sign_path) return false;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the address stands in a text
    const Sign* const sign = reinterpret_cast<const Sign*>(mapping.begin);
    if (sign == own_sign || sign->shares.load() == 0) return false;
    problem = fail(Status::configuration,
                   std::string("the shared registry of this process is that of another copy of the library, ") +
                       sign->file + "; this copy is " + own_file() + ": let the process load only one",
                   Phase::configure);
    problem->details.emplace_back("library", sign->file);
    return true;
  });
  if (problem != nullptr) return problem;
  return {};
}

Result<void> begin_to_share() {
  if (own_sign == nullptr) {
    auto made = make_sign();
    if (!made) return made.take_error();
    own_sign = *made;
  }
  // Said before others are looked for: of two at the same moment at least one sees the other.
  own_sign->shares.store(1);
  try {
    Result<void> alone = no_other_copy_shares();
    if (!alone) own_sign->shares.store(0);
    return alone;
  } catch (...) {
    own_sign->shares.store(0);
    throw;
  }
}

}  // namespace tl::capi
