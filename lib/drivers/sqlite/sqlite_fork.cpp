#include "sqlite_fork.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <ctime>
#include <memory>

#include "clock.hpp"
#include "fork.hpp"

namespace tl::sqlite {
namespace {

constexpr Nanos fork_quiesce = std::chrono::milliseconds(200);
constexpr timespec pause{0, 100'000};

// Several copies of the library in a process may share one SQLite. The first that uses it sees to its forks, and says
// so to the others by a VFS that opens nothing.
constexpr const char* sign = "trunkline-fork";
// What it tells them. Copies of other versions read it: it only grows.
struct Told {
  std::atomic<bool> usable{true};
};

// SQLite's own global ones, all but the last three of which may be held while others are taken.
constexpr std::array mutexes = {
    SQLITE_MUTEX_STATIC_MASTER, SQLITE_MUTEX_STATIC_OPEN, SQLITE_MUTEX_STATIC_VFS1,
    SQLITE_MUTEX_STATIC_VFS2,   SQLITE_MUTEX_STATIC_VFS3, SQLITE_MUTEX_STATIC_LRU,
    SQLITE_MUTEX_STATIC_LRU2,   SQLITE_MUTEX_STATIC_PRNG, SQLITE_MUTEX_STATIC_MEM,
};

// SQLite keeps, for each file that the process has open, which locks it holds, and knows the file by its device and
// number. A child would find its parent's there, and take none of its own. To it the files are on another device.
using Fstat = int (*)(int, struct stat*);
using Stat = int (*)(const char*, struct stat*);
Fstat system_fstat = nullptr;
Stat system_stat = nullptr;
uint32_t first_process = 0;  // that used SQLite

int on_device_of_process(int failed, struct stat& of) noexcept {
  constexpr unsigned unused_bits = 44;  // of Linux' device numbers
  of.st_dev ^= static_cast<dev_t>(process_number() - first_process) << unused_bits;
  return failed;
}
int fstat_here(int fd, struct stat* out) noexcept { return on_device_of_process(system_fstat(fd, out), *out); }
int stat_here(const char* path, struct stat* out) noexcept {
  return on_device_of_process(system_stat(path, out), *out);
}

void tell_processes_apart() noexcept {
  sqlite3_vfs* const files = sqlite3_vfs_find("unix");
  if (files == nullptr || files->iVersion < 3) return;
  first_process = process_number();
  system_fstat = reinterpret_cast<Fstat>(files->xGetSystemCall(files, "fstat"));
  system_stat = reinterpret_cast<Stat>(files->xGetSystemCall(files, "stat"));
  if (system_fstat == nullptr || system_stat == nullptr) return;
  files->xSetSystemCall(files, "fstat", reinterpret_cast<sqlite3_syscall_ptr>(fstat_here));
  files->xSetSystemCall(files, "stat", reinterpret_cast<sqlite3_syscall_ptr>(stat_here));
}

// Has all of SQLite's global state whole at a fork. A thread that computes holds none of the mutexes but for moments.
class Quiescence final : public ForkParticipant {
 public:
  Quiescence() {
    tell_processes_apart();
    join_forks();
  }
  [[nodiscard]] Told& told() noexcept { return told_; }

 private:
  void before_fork() noexcept override {
    held_ = false;
    if (!told_.usable) return;
    const Instant until = steady_clock().now() + fork_quiesce;
    while (!(held_ = take_all()) && steady_clock().now() < until) nanosleep(&pause, nullptr);
  }
  void after_fork() noexcept override {
    if (held_) leave(mutexes.size());
  }
  void begin_in_child() noexcept override {
    after_fork();
    if (!held_) told_.usable = false;
  }

  // In SQLite's order, and no longer than it takes another thread to leave one: all, or none.
  [[nodiscard]] static bool take_all() noexcept {
    constexpr int tries = 1000;
    for (size_t i = 0; i < mutexes.size(); ++i) {
      sqlite3_mutex* const mutex = sqlite3_mutex_alloc(mutexes[i]);
      int left = tries;
      while (sqlite3_mutex_try(mutex) != SQLITE_OK && left > 0) --left;
      if (left > 0) continue;
      leave(i);
      return false;
    }
    return true;
  }
  static void leave(size_t taken) noexcept {
    while (taken > 0) sqlite3_mutex_leave(sqlite3_mutex_alloc(mutexes[--taken]));
  }

  bool held_ = false;
  Told told_;
};

int open_nothing(sqlite3_vfs*, const char*, sqlite3_file* file, int, int*) noexcept {
  file->pMethods = nullptr;
  return SQLITE_CANTOPEN;
}

// Found, or else begun and shown; never destroyed, as nothing that SQLite was given is.
Told& find_told() {
  sqlite3_mutex* const among_copies = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP3);
  const std::unique_ptr<sqlite3_mutex, void (*)(sqlite3_mutex*)> locked(among_copies, sqlite3_mutex_leave);
  sqlite3_mutex_enter(among_copies);
  if (const sqlite3_vfs* const shown = sqlite3_vfs_find(sign)) return *static_cast<Told*>(shown->pAppData);
  auto shown = std::make_unique<sqlite3_vfs>();
  if (const sqlite3_vfs* const files = sqlite3_vfs_find("unix")) *shown = *files;
  Told& told = (new Quiescence())->told();
  shown->zName = sign;
  shown->pAppData = &told;
  shown->xOpen = open_nothing;
  sqlite3_vfs_register(shown.release(), 0);
  return told;
}

constinit ForkMutex finding_mutex;
constinit Told* found = nullptr;

}  // namespace

Result<void> prepare_for_forks() {
  const ForkDelay delay;
  const std::lock_guard lock(finding_mutex);
  if (found == nullptr) {
    sqlite3_initialize();
    found = &find_told();
  }
  if (found->usable) return {};
  return fail(Status::unavailable,
              "SQLite cannot be used in this process: when it was forked, another thread of its parent was inside "
              "SQLite, and did not leave it in time",
              Phase::connect);
}

}  // namespace tl::sqlite
