#include "sqlite_kept_lock.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tl::sqlite {
namespace {

constexpr int shared_take = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED;
constexpr int shared_leave = SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED;
constexpr uint32_t most_pages = 500;  // SQLite checkpoints from 1000 on
constexpr size_t place_of_pages = 4;  // in the index, in words of 32 bits
// By the coarse clock.
constexpr Nanos closely = std::chrono::milliseconds(5);
constexpr Nanos span = std::chrono::milliseconds(200);
constexpr Nanos without = std::chrono::milliseconds(4);  // at the beginning of each span: a tick of that clock
constexpr int known_version = 3;                         // of the table of functions

int64_t span_of(Instant at) noexcept { return at.ns / span.count(); }

// Other file systems of SQLite's may see to more.
bool is_the_systems(sqlite3* db) noexcept {
  char* name = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_VFSNAME, &name);
  const bool is = name != nullptr && std::string_view(name) == "unix";
  sqlite3_free(name);
  return is;
}

}  // namespace

// The table of functions is all that SQLite passes on of whom it belongs to.
KeptLock& KeptLock::of(sqlite3_file* file) noexcept {
  static_assert(std::is_standard_layout_v<KeptLock>);
  return *reinterpret_cast<KeptLock*>(const_cast<sqlite3_io_methods*>(file->pMethods));
}

void KeptLock::attach(sqlite3* db) noexcept {
  sqlite3_file* file = nullptr;
  if (!is_the_systems(db)) return;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == nullptr) return;
  if (file->pMethods == nullptr || file->pMethods->iVersion < 2 || file->pMethods->xShmMap == nullptr) return;
  file_ = file;
  system_ = file->pMethods;
  methods_ = *system_;
  methods_.iVersion = std::min(methods_.iVersion, known_version);  // a later one is longer than what was copied
  methods_.xLock = on_file_lock;
  methods_.xShmLock = on_lock;
  methods_.xShmMap = on_map;
  methods_.xShmUnmap = on_unmap;
  methods_.xShmBarrier = on_barrier;
  methods_.xFileSize = on_size;
  methods_.xClose = on_close;
  file->pMethods = &methods_;
}

void KeptLock::release() noexcept {
  if (!is_left_) return;
  is_left_ = false;
  (void)leave_to_system();
}

int KeptLock::on_file_lock(sqlite3_file* file, int level) noexcept {
  KeptLock& self = of(file);
  if (level == SQLITE_LOCK_EXCLUSIVE) {
    self.release();
    file->pMethods = self.system_;
  }
  return self.system_->xLock(file, level);
}

int KeptLock::on_lock(sqlite3_file* file, int first, int count, int what) noexcept {
  KeptLock& self = of(file);
  if (what == shared_take && self.may_be_kept(first)) return self.take(first);
  if (what == shared_leave && first == self.lock_) return self.leave();
  if ((what & SQLITE_SHM_LOCK) != 0) self.release();  // its own would be in the way
  return self.system_->xShmLock(file, first, count, what);
}

int KeptLock::take(int lock) noexcept {
  const Instant now = steady_clock().coarse();
  if (is_left_ && lock == lock_ && span_of(now) == span_of(taken_)) {
    is_left_ = false;
    return SQLITE_OK;
  }
  release();
  note_taking(now);
  const int code = system_->xShmLock(file_, lock, 1, shared_take);
  if (code == SQLITE_OK) lock_ = lock;
  return code;
}

void KeptLock::note_taking(Instant now) noexcept {
  may_stay_ = now - taken_ <= closely && Nanos(now.ns % span.count()) >= without;
  taken_ = now;
}

int KeptLock::leave() noexcept {
  if (!is_worth_keeping()) return leave_to_system();
  is_left_ = true;
  return SQLITE_OK;
}

int KeptLock::leave_to_system() noexcept {
  size_ = unknown;
  return system_->xShmLock(file_, std::exchange(lock_, none), 1, shared_leave);
}

bool KeptLock::is_worth_keeping() const noexcept {
  if (!may_stay_ || index_ == nullptr) return false;
  return lock_ == first_reader || __atomic_load_n(index_ + place_of_pages, __ATOMIC_RELAXED) <= most_pages;
}

int KeptLock::on_map(sqlite3_file* file, int region, int size, int extend, void volatile** at) noexcept {
  KeptLock& self = of(file);
  const int code = self.system_->xShmMap(file, region, size, extend, at);
  if (region == 0 && code == SQLITE_OK) self.index_ = static_cast<const volatile uint32_t*>(*at);
  return code;
}

int KeptLock::on_unmap(sqlite3_file* file, int remove) noexcept {
  KeptLock& self = of(file);
  self.release();
  self.index_ = nullptr;
  self.lock_ = none;
  self.size_ = unknown;
  return self.system_->xShmUnmap(file, remove);
}

// SQLite's own takes a mutex of the whole process, too, for compilers that it does not know.
void KeptLock::on_barrier(sqlite3_file*) noexcept { __sync_synchronize(); }

// Nobody writes into the file while somebody has the lock of what is written back.
int KeptLock::on_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
  KeptLock& self = of(file);
  if (self.lock_ != first_reader) return self.system_->xFileSize(file, size);
  if (self.size_ == unknown) {
    const int code = self.system_->xFileSize(file, &self.size_);
    if (code != SQLITE_OK) self.size_ = unknown;
    if (code != SQLITE_OK) return code;
  }
  *size = self.size_;
  return SQLITE_OK;
}

int KeptLock::on_close(sqlite3_file* file) noexcept {
  KeptLock& self = of(file);
  self.release();
  file->pMethods = self.system_;
  return self.system_->xClose(file);
}

}  // namespace tl::sqlite
