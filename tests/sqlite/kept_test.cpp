// The lock under which the log is read is kept between reads that follow each other closely: nobody else may notice.
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <trunkline/trunkline.hpp>

#include "other_process.hpp"
#include "read_locks.hpp"

namespace processes {
namespace {

using namespace std::chrono_literals;

// Computes for some seconds, and reads no file.
constexpr const char* long_count =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000) SELECT count(*) FROM n";
constexpr const char* endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

struct File {
  File()
      : registry(trunkline::registry::parse("[connections.file]\ndriver = \"sqlite\"\ndatabase = \"" + name + "\"")),
        db(registry.on("file")) {
    db.query("CREATE TABLE t (a)");
    db.query("INSERT INTO t VALUES (0)");
    tell("PRAGMA synchronous = OFF");
  }
  ~File() { registry.close(); }  // before its folder goes
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void tell(const std::string& sql) {
    other.say(sql);
    REQUIRE(other.heard() == "ok");
  }
  [[nodiscard]] static int64_t read(const trunkline::connection& by) {
    return by.query("SELECT a FROM t WHERE rowid = 1").value<int64_t>();
  }
  [[nodiscard]] uintmax_t log_size() const { return std::filesystem::file_size(name + "-wal"); }

  [[nodiscard]] int locks() const { return read_locks(name); }
  // Reads until the session has kept its lock. A test in which it never did would test nothing.
  void read_until_lock_is_kept(const trunkline::connection& by, int first = first_reader, int last = last_reader) {
    const auto until = late();
    do {
      REQUIRE(std::chrono::steady_clock::now() < until);
      for (int i = 0; i < 50; ++i) (void)read(by);
    } while (read_locks(name, first, last) == 0);
  }
  void await_no_lock() const {
    for (const auto until = late(); locks() != 0;) REQUIRE(std::chrono::steady_clock::now() < until);
  }
  [[nodiscard]] static std::chrono::steady_clock::time_point late() { return std::chrono::steady_clock::now() + 60s; }

  const Folder folder;
  const std::string name = folder.file("kept.db");
  trunkline::registry registry;
  trunkline::connection db;
  OtherProcess other{{PLAIN, name}};
};

// Where nobody who commits is in the way of the next.
void check_found_at_once(File& file, const std::function<void(int64_t)>& commit) {
  int kept = 0;
  for (int64_t round = 1; round <= 300; ++round) {
    commit(round);
    for (int i = 0; i < 20; ++i) REQUIRE(File::read(file.db) == round);
    if (round % 10 == 0) kept += file.locks();
  }
  CHECK(kept > 0);
}

}  // namespace

TEST_CASE("a read finds all that others have committed, however closely it follows another") {
  File file;
  check_found_at_once(file, [&](int64_t round) {
    file.tell("UPDATE t SET a = " + std::to_string(round));
    if (round % 60 == 0) file.tell("PRAGMA wal_checkpoint(TRUNCATE)");
    if (round % 60 == 20) file.tell("VACUUM");
  });
}

TEST_CASE("nor does it miss what another session of its process has committed") {
  File file;
  check_found_at_once(file, [&](int64_t round) { file.db.query("UPDATE t SET a = ?", round); });
}

TEST_CASE("who begins the log anew does not wait for sessions that nobody uses") {
  File file;
  for (const bool written_back : {false, true}) {
    CAPTURE(written_back);
    file.tell("UPDATE t SET a = a + 1");
    if (written_back) file.tell("PRAGMA wal_checkpoint(PASSIVE)");
    if (written_back) {
      file.read_until_lock_is_kept(file.db, first_reader, first_reader);
    } else {
      file.read_until_lock_is_kept(file.db, first_reader + 1);
    }
    file.tell("PRAGMA wal_checkpoint(TRUNCATE)");  // waits for a minute
    CHECK(file.log_size() == 0);
    file.await_no_lock();
  }
}

TEST_CASE("nor for those whose statement reads another file, or none, for long") {
  File file;
  file.read_until_lock_is_kept(file.db);
  SUBCASE("and computes") {
    auto count = std::async(std::launch::async, [&] { return file.db.query(long_count).value<int64_t>(); });
    file.await_no_lock();
    CHECK(count.wait_for(0s) == std::future_status::timeout);
    CHECK(count.get() == 10'000'000);
  }
  SUBCASE("and has begun to give rows") {
    auto stream = file.db.query({.stream = true, .batch_rows = 1}, endless);
    file.await_no_lock();
  }
}

TEST_CASE("a session that its caller holds keeps no lock while he does nothing with it") {
  File file;
  const trunkline::connection pinned = file.db.pin();
  for (int i = 0; i < 500; ++i) {
    (void)File::read(pinned);
    REQUIRE(file.locks() == 0);
  }
}

TEST_CASE("sessions share no file where the process has SQLite share them") {
  REQUIRE(sqlite3_enable_shared_cache(1) == SQLITE_OK);
  {
    File file;
    const trunkline::connection reads = file.registry.on("file", trunkline::mode::read);
    const trunkline::connection one = reads.pin();
    const trunkline::connection other = reads.pin();
    for (int i = 0; i < 100; ++i) CHECK(File::read(one) == File::read(other));
  }
  REQUIRE(sqlite3_enable_shared_cache(0) == SQLITE_OK);
}

TEST_CASE("the log stays short while reads never end") {
  File file;
  file.tell("CREATE TABLE long (b)");
  std::atomic<bool> done = false;
  auto reader = std::async(std::launch::async, [&] {
    while (!done) (void)File::read(file.db);
  });
  uintmax_t longest = 0;
  for (int i = 0; i < 4'000; ++i) {  // each of some 6 pages: 96 MB in all
    file.other.say("INSERT INTO long VALUES (randomblob(20000))");
    CHECK(file.other.heard() == "ok");
    longest = std::max(longest, file.log_size());
  }
  done = true;
  reader.get();
  CHECK(longest < 64'000'000);  // SQLite begins to write back at 4
}

}  // namespace processes
