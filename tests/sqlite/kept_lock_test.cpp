// A handle of SQLite's with the lock of its reads kept, as nothing of a session's is in its way.
#include "sqlite_kept_lock.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "read_locks.hpp"

namespace tl::sqlite {
namespace {

struct Kept {
  Kept() {
    std::string made = std::filesystem::temp_directory_path() / "trunkline-kept-XXXXXX";
    REQUIRE(mkdtemp(made.data()) != nullptr);
    folder = made;
    open_it();
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE t (a); PRAGMA wal_checkpoint(TRUNCATE)");
    reopen();
  }
  ~Kept() {
    sqlite3_close(db);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  // Who has made a log has locked all of the file, and keeps nothing.
  void reopen() {
    CHECK(sqlite3_close(db) == SQLITE_OK);
    lock = {};
    open_it();
  }
  void open_it() {
    REQUIRE(sqlite3_open((folder / "kept.db").c_str(), &db) == SQLITE_OK);
    lock.attach(db);
  }
  void run(const std::string& sql) const {
    INFO(sql);
    CHECK(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    CHECK(std::string(sqlite3_errmsg(db)) == "not an error");
  }
  // As a machine that is busy may let some time pass between two reads.
  void read_until_kept() const {
    for (int i = 0; i < 1'000'000 && !lock.is_kept(); ++i) run("SELECT * FROM t");
    REQUIRE(lock.is_kept());
  }
  void insert() const {
    run("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "SELECT randomblob(3000) FROM n");
  }

  std::filesystem::path folder;
  sqlite3* db = nullptr;
  KeptLock lock;
};

}  // namespace

TEST_CASE("who takes the file for himself is not told an old size of it") {
  Kept kept;
  kept.read_until_kept();
  kept.run("PRAGMA locking_mode = EXCLUSIVE");
  for (int i = 0; i < 6; ++i) kept.insert();
  kept.run("PRAGMA wal_checkpoint");
  CHECK(std::filesystem::file_size(kept.folder / "kept.db") > 30'000'000);
  kept.run("PRAGMA locking_mode = NORMAL; SELECT count(*) FROM t");
  kept.insert();
  kept.run("PRAGMA wal_checkpoint(TRUNCATE)");
  CHECK(std::filesystem::file_size(kept.folder / "kept.db") > 36'000'000);
}

TEST_CASE("a file may leave its log and take one again") {
  Kept kept;
  kept.read_until_kept();
  kept.run("PRAGMA journal_mode = DELETE");
  CHECK_FALSE(kept.lock.is_kept());
  kept.insert();
  kept.run("PRAGMA journal_mode = WAL");
  kept.insert();
  kept.run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA integrity_check");
  kept.reopen();
  kept.read_until_kept();
}

// Whoever closes a descriptor of a file drops all of his process's locks on it.
TEST_CASE("a lock that the process has lost is taken again, also by who never stops reading") {
  Kept kept;
  const std::string file = kept.folder / "kept.db";
  struct Session {
    ~Session() { sqlite3_close(db); }
    sqlite3* db = nullptr;
    KeptLock lock;
  };
  std::array<Session, 4> others;  // SQLite asks the system for the first of a process only
  for (Session& other : others) {
    REQUIRE(sqlite3_open(file.c_str(), &other.db) == SQLITE_OK);
    other.lock.attach(other.db);
  }
  kept.read_until_kept();
  kept.lock.release();
  while (read_locks(file) == 0) sqlite3_exec(others[0].db, "SELECT * FROM t", nullptr, nullptr, nullptr);
  close(open((file + "-shm").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(read_locks(file) == 0);
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  do {  // who looks in between would not read all the time
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);
    while (std::chrono::steady_clock::now() < until) {
      for (const Session& other : others) sqlite3_exec(other.db, "SELECT * FROM t", nullptr, nullptr, nullptr);
    }
  } while (read_locks(file) == 0 && std::chrono::steady_clock::now() < late);
  CHECK(read_locks(file) == 1);
}

TEST_CASE("a log that is too long is left to others") {
  Kept kept;
  kept.run("PRAGMA wal_autocheckpoint = 0");
  kept.read_until_kept();
  kept.insert();
  for (int i = 0; i < 1000; ++i) {
    kept.run("SELECT * FROM t LIMIT 1");
    REQUIRE_FALSE(kept.lock.is_kept());
  }
  kept.run("PRAGMA wal_checkpoint");  // all of it is in the file, and the next read reads that
  kept.read_until_kept();
}

TEST_CASE("a database in memory has no lock") {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
  KeptLock lock;
  lock.attach(db);
  CHECK(sqlite3_exec(db, "CREATE TABLE t (a); SELECT * FROM t", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK_FALSE(lock.is_kept());
  sqlite3_close(db);
}

}  // namespace tl::sqlite
