// Keeping the write-ahead log short.
#include <algorithm>
#include <ctime>

#include "sqlite_session.hpp"

namespace tl::sqlite {
namespace {

constexpr int pages_before_checkpoint = 1000;  // SQLite's own
constexpr int pages_before_restart = 16'384;   // 64 MiB with pages of the usual size
constexpr int pages_between_restarts = 4'096;  // where readers that stay long stand in the way
constexpr Nanos restart_patience = std::chrono::milliseconds(100);
constexpr timespec pause_for_readers{0, 300'000};

}  // namespace

// After each commit. SQLite's own checkpoint waits for nobody, and as long as there always is a reader the log is never
// begun anew: with 8 processes that write and read it grew by a gigabyte a minute. One that waits keeps other writers
// off meanwhile, but no reader.
int SqliteSession::on_log(void* self, sqlite3* db, const char* name, int pages) noexcept {
  if (pages < pages_before_checkpoint) return SQLITE_OK;
  auto& session = *static_cast<SqliteSession*>(self);
  if (pages < pages_before_restart) session.next_restart_ = pages_before_restart;
  if (pages < session.next_restart_) {
    sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    return SQLITE_OK;
  }
  session.restart_until_ = Deadline::after(steady_clock().now(), restart_patience);
  sqlite3_busy_handler(db, on_readers, self);
  sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  sqlite3_busy_handler(db, on_busy, self);
  // One that did not even wait met the checkpoint of somebody else, which is soon over.
  if (session.restart_until_.passed(steady_clock().now())) session.next_restart_ = pages + pages_between_restarts;
  return SQLITE_OK;
}

// The transaction is committed: whoever is in a hurry need not wait.
int SqliteSession::on_readers(void* self, int) noexcept {
  auto& session = *static_cast<SqliteSession*>(self);
  session.rest();
  if (session.should_stop() || session.restart_until_.passed(steady_clock().now())) return 0;
  nanosleep(&pause_for_readers, nullptr);
  return 1;
}

}  // namespace tl::sqlite
