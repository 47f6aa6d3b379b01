// Server processes that stand still: while a session is checked, and while an answer is read.
#include <signal.h>

#include <fstream>
#include <vector>

#include "faults.hpp"

namespace faults {

namespace {

// Stands still as long as this lives.
class Frozen {
 public:
  explicit Frozen(int64_t process) : process_(static_cast<pid_t>(process)) { REQUIRE(kill(process_, SIGSTOP) == 0); }
  // True as soon as somebody has asked it to stop its statement, which it takes up when it goes on.
  [[nodiscard]] bool interrupted_within(std::chrono::seconds patience) const {
    const Clock::time_point began = Clock::now();
    while (Clock::now() - began < patience) {
      std::ifstream status("/proc/" + std::to_string(process_) + "/status");
      for (std::string name, value; status >> name >> value; std::getline(status, value)) {
        if (name == "ShdPnd:" && (std::stoull(value, nullptr, 16) >> (SIGINT - 1) & 1) != 0) return true;
      }
      std::this_thread::sleep_for(1ms);
    }
    return false;
  }
  ~Frozen() { kill(process_, SIGCONT); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  const pid_t process_;
};

struct Db {
  explicit Db(const std::string& pool, const std::string& lines = "")
      : registry(trunkline::registry::parse(connection(by_socket() + lines, pool))) {}

  [[nodiscard]] int64_t process() const { return db.query("SELECT pg_backend_pid()::int8").value<int64_t>(); }
  [[nodiscard]] int64_t figure(const std::string& name) const {
    auto pools = registry.inspect("pools");
    return pools.next()->get<int64_t>(0, pools.index(name));
  }

  trunkline::registry registry;
  trunkline::connection db = registry.on("db");
};

// Four rows at once, a fifth after ten minutes; wide, so that the server does not keep them back.
constexpr const char* stalls =
    "SELECT i, repeat('x', 100000), CASE WHEN i = 5 THEN pg_sleep(600)::text END FROM generate_series(1, 10) i";

}  // namespace

TEST_CASE("a call whose time is up while a session is checked costs the pool that session at most") {
  const Db db("max = 4\npre_ping = true\ndestroy_timeout = \"500ms\"\n");
  {
    std::vector<trunkline::connection> pinned;
    for (int i = 0; i < 4; ++i) pinned.push_back(db.db.pin(20s));
  }
  REQUIRE(db.figure("idle") == 4);
  {
    const Frozen frozen(db.process());
    const Failed late = failed_by([&] { db.db.query({.timeout = 300ms}, "SELECT 1"); });
    CHECK(late.error.status_name() == std::string("acquire_timeout"));
    CHECK(late.error.outcome() == trunkline::outcome::not_sent);
    CHECK(late.took >= 290ms);
    CHECK(late.took < 3s);
    CHECK(db.figure("idle") == 3);
    CHECK(db.db.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
  }
  CHECK(db.figure("opened") - db.figure("closed") >= 3);
}

TEST_CASE("a session that does not answer its check in time is left behind, and the call is served by another") {
  const Db db("max = 2\npre_ping = true\ncreate_timeout = \"300ms\"\ndestroy_timeout = \"500ms\"\n");
  const Frozen frozen(db.process());
  const Clock::time_point began = Clock::now();
  CHECK(db.db.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
  CHECK(Clock::now() - began < 5s);
}

TEST_CASE("a cancel is heard while a session is checked, and the statement is not sent") {
  const Db db("max = 1\npre_ping = true\n");
  const trunkline::operation operation = db.registry.operation();
  const Frozen frozen(db.process());
  const int64_t acquired = db.figure("acquired");
  std::thread other([&] {
    while (db.figure("acquired") == acquired) std::this_thread::yield();
    operation.cancel();
  });
  const Failed stopped = failed_by([&] { db.db.query({.cancel_by = &operation}, "SELECT 1"); });
  other.join();
  CHECK(stopped.error.status_name() == std::string("cancelled"));
  CHECK(stopped.error.outcome() == trunkline::outcome::not_sent);
  CHECK(stopped.took < 10s);
}

TEST_CASE("a statement that its cancel came too early for is cancelled again, and the session is kept") {
  const Db db("max = 1\ndestroy_timeout = \"60s\"\n");
  const std::string sleeps = "SELECT pg_sleep(?::float8)";
  (void)db.db.query({.timeout = 20s}, sleeps, 0.0);  // prepared: it begins as soon as it arrives
  {
    const Frozen frozen(db.process());
    const Failed late = failed_by([&] { db.db.query({.timeout = 300ms}, sleeps, 600.0); });
    CHECK(late.error.status_name() == std::string("statement_timeout"));
    CHECK(late.took < 10s);
    REQUIRE(frozen.interrupted_within(20s));  // and that before it has begun with the statement
  }
  CHECK(db.db.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
  CHECK(db.figure("opened") == 1);
}

TEST_CASE("a replica that says nothing passes its reads on to the primary") {
  const Port silent(Port::Does::keep_silent);
  const Db db("acquire_timeout = \"500ms\"\ncreate_timeout = \"500ms\"\n",
              "replicas = { read = [{ host = \"127.0.0.1\", port = " + std::to_string(silent.number()) + " }] }\n");
  const Clock::time_point began = Clock::now();
  for (int i = 0; i < 2; ++i) CHECK(db.db.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
  CHECK(Clock::now() - began < 10s);
}

TEST_CASE("each read of a stream has the time that its statement had, and a stream that failed says so for ever") {
  const auto reads = [](trunkline::result result) {
    const auto read_on = [&] {
      while (result.next()) {
      }
    };
    const Failed late = failed_by(read_on);
    CHECK(late.error.status_name() == std::string("statement_timeout"));
    CHECK(late.took >= 290ms);
    CHECK(late.took < 10s);
    CHECK(failed_by(read_on).error.status_name() == std::string("statement_timeout"));
    CHECK(failed_by([&] { result.next_set(); }).error.status_name() == std::string("statement_timeout"));
  };
  SUBCASE("said with the call") {
    const Db db("max = 1\n");
    reads(db.db.query({.timeout = 300ms, .stream = true, .batch_rows = 2}, stalls));
    CHECK(db.db.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
  }
  SUBCASE("said by the connection") {
    const Db db("max = 1\n", "call_timeout = \"300ms\"\n");
    reads(db.db.query({.stream = true, .batch_rows = 2}, stalls));
    CHECK(db.db.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
  }
}

}  // namespace faults
