#include "sqlite_lock.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>

namespace tl::sqlite {
namespace {

// As SQLite's file format has them: the byte of the index of the write-ahead log that its one writer locks, and the
// first of those of the file itself.
constexpr uint64_t log_writer = 120;
constexpr uint64_t first_of_file = 0x40000000;
// Most waits are over before the first look, which costs some 20 µs.
constexpr Nanos between_looks = std::chrono::milliseconds(50);

uint64_t inode_of(const std::string& path) {
  struct stat of {};
  return stat(path.c_str(), &of) == 0 ? of.st_ino : 0;
}

struct Lock {
  pid_t holder;
  uint64_t inode, first, last;
};

// "7: POSIX  ADVISORY  WRITE 4711 08:01:1234 120 120". Those that somebody waits for have an arrow behind the number.
bool read_lock(const std::string& line, Lock& lock) {
  char last[24];
  int holder = 0;
  if (std::sscanf(line.c_str(), "%*u: POSIX %*s WRITE %d %*x:%*x:%" SCNu64 " %" SCNu64 " %23s", &holder, &lock.inode,
                  &lock.first, last) != 4) {
    return false;
  }
  lock.holder = holder;
  lock.last = std::string_view(last) == "EOF" ? UINT64_MAX : std::strtoull(last, nullptr, 10);
  return true;
}

std::string process_text(pid_t process) {
  if (process == 0) return "somebody else";
  if (process == getpid()) return "another session of this process";
  std::string name;
  std::getline(std::ifstream("/proc/" + std::to_string(process) + "/comm"), name);
  return "process " + std::to_string(process) + (name.empty() ? "" : " (" + name + ")");
}

std::string seconds_text(Nanos time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", static_cast<double>(time.count()) / 1e9);
  return text;
}

}  // namespace

// The file itself is not opened to be asked: closing it would drop this process's locks on it.
pid_t lock_holder(const std::string& file) {
  const uint64_t log_index = inode_of(file + "-shm");
  const uint64_t itself = inode_of(file);
  std::ifstream locks("/proc/locks");
  Lock lock{};
  for (std::string line; std::getline(locks, line);) {
    if (!read_lock(line, lock) || lock.inode == 0) continue;
    if (lock.inode == log_index && lock.first <= log_writer && lock.last >= log_writer) return lock.holder;
    if (lock.inode == itself && lock.last >= first_of_file) return lock.holder;
  }
  return 0;
}

void LockWait::begin(Instant now, Deadline until) noexcept {
  begun_ = true;
  since_ = now;
  until_ = until;
  next_look_ = now + between_looks;
}

void LockWait::look(const std::string& file, Instant now) noexcept {
  if (now < next_look_) return;
  next_look_ = now + between_looks;
  pid_t holder = 0;
  try {
    holder = lock_holder(file);
  } catch (const std::bad_alloc&) {
    return;
  }
  if (holder != holder_) held_since_ = now;
  holder_ = holder;
}

std::string LockWait::told(const std::string& file, Instant now) {
  next_look_ = now;
  look(file, now);
  std::string text = "waited " + seconds_text(now - since_) + " for the write lock on " + file + ", which " +
                     process_text(holder_) + " has";
  return holder_ != 0 && held_since_ < now ? text + ", for " + seconds_text(now - held_since_) + " at least" : text;
}

}  // namespace tl::sqlite
