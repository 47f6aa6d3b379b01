// The lock under which a session reads the write-ahead log, kept from one statement to the next.
#pragma once
#include <sqlite3.h>

#include "clock.hpp"

namespace tl::sqlite {

// SQLite takes a lock of the file when a statement begins to read, asks for the size of the file, and leaves the lock
// when the statement ends: three calls of the system, which take longer than a small query. Between SQLite and the file
// stands one of these, which does not leave the lock, and has it already when the next statement wants the same.
// What a statement sees does not change, since SQLite looks anew, at every beginning, at what has been committed.
// Others may wait for the lock, though: whoever begins the log anew, and checkpoints, which write back no further than
// what the lock stands for. And the system drops it, for all sessions of the process, when anything in that closes the
// file: then what begins before the system is asked again has no lock. So it is kept
//  - only where statements follow each other closely, until release() or a statement that wants another;
//  - for less than 200 ms. SQLite asks the system only where no session of the process has the lock: so that they all
//    leave it there are moments, the same for all of them, at which none keeps it;
//  - only where all of the log is written back, or as long as it is short: below half of what SQLite checkpoints at.
// Who locks all of the file, because it leaves the log or takes the file for itself, is not disturbed any more.
// Locks and the beginning of the log's index are as in https://www.sqlite.org/walformat.html.
class KeptLock {
 public:
  // Takes its place at the main file of the handle, which must be closed before it goes.
  void attach(sqlite3* db) noexcept;
  // One thread at a time; while one is inside SQLite with the handle, that one, from its progress and busy handlers.
  [[nodiscard]] bool is_kept() const noexcept { return is_left_; }
  void release() noexcept;

 private:
  static constexpr int none = -1;
  // Of the five locks of readers. Who has this one reads nothing of the log, all of which is written back.
  static constexpr int first_reader = 3;
  static constexpr sqlite3_int64 unknown = -1;

  static KeptLock& of(sqlite3_file* file) noexcept;
  static int on_file_lock(sqlite3_file* file, int level) noexcept;
  static int on_lock(sqlite3_file* file, int first, int count, int what) noexcept;
  static int on_map(sqlite3_file* file, int region, int size, int extend, void volatile** at) noexcept;
  static int on_unmap(sqlite3_file* file, int remove) noexcept;
  static void on_barrier(sqlite3_file* file) noexcept;
  static int on_size(sqlite3_file* file, sqlite3_int64* size) noexcept;
  static int on_close(sqlite3_file* file) noexcept;
  [[nodiscard]] bool may_be_kept(int lock) const noexcept {
    return lock >= first_reader && (lock_ == none || is_left_);
  }
  [[nodiscard]] int take(int lock) noexcept;
  void note_taking(Instant now) noexcept;
  [[nodiscard]] int leave() noexcept;
  [[nodiscard]] int leave_to_system() noexcept;
  [[nodiscard]] bool is_worth_keeping() const noexcept;

  sqlite3_io_methods methods_;  // first: by its address the rest is found
  const sqlite3_io_methods* system_ = nullptr;
  sqlite3_file* file_ = nullptr;
  const volatile uint32_t* index_ = nullptr;  // of the log; null: not mapped
  int lock_ = none;                           // that the system has given
  bool is_left_ = false;                      // as SQLite believes
  bool may_stay_ = false;                     // as for the time
  Instant taken_;                             // from the system
  sqlite3_int64 size_ = unknown;              // of the file, while it cannot change
};

}  // namespace tl::sqlite
