// Another connection serves what no server of a name can: reads, and what else it is told to.
#include <condition_variable>
#include <mutex>

#include "proxied.hpp"

namespace faults {

namespace {

using trunkline::event;
using trunkline::event_kind;

// "db", whose server does not answer, and "standby", a file with one row that says where it is.
class Down {
 public:
  explicit Down(const std::string& lines = "fallback = \"standby\"\n", const std::string& more = "")
      : registry(trunkline::registry::parse(
            "[connections.db]\ndriver = \"postgresql\"\n" +
            std::string(lines.find("retry") == std::string::npos ? "retry.attempts = 1\n" : "") +
            at_port(port_.number()) + lines + "[connections.standby]\ndriver = \"sqlite\"\n" +
            line("database", folder() + "/standby.db") + more)) {
    const auto standby = registry.on("standby");
    standby.query("DROP TABLE IF EXISTS place");
    standby.query("CREATE TABLE place (name TEXT)");
    standby.query("INSERT INTO place VALUES ('standby')");
  }

  [[nodiscard]] int64_t places() const {
    return registry.on("standby").query("SELECT COUNT(*) FROM place").value<int64_t>();
  }

 private:
  const Port port_{Port::Does::refuse};

 public:
  const trunkline::registry registry;
  const trunkline::connection db = registry.on("db");
};

class Heard {
 public:
  explicit Heard(const trunkline::registry& registry)
      : heard_(registry.subscribe(event_kind::fallback, [this](const event& happened) {
          const std::lock_guard lock(mutex_);
          events_.push_back(happened);
          changed_.notify_all();
        })) {}
  event first() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 30s, [&] { return !events_.empty(); }));
    return events_.front();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<event> events_;
  const trunkline::subscription heard_;
};

std::string served_by(const trunkline::connection& db) {
  try {
    return std::string(db.query({.timeout = 20s}, "SELECT 1").connection());
  } catch (const trunkline::error& error) {
    return "an error of " + std::string(error.connection());
  }
}

const std::string read = "SELECT name FROM place";
const std::string write = "INSERT INTO place VALUES ('other')";

}  // namespace

TEST_CASE("reads are served by the fallback: the result and an event tell") {
  const Down down;
  Heard heard(down.registry);
  auto result = down.db.query(read);
  CHECK(result.connection() == "standby");
  CHECK(result.endpoint().find("standby.db") != std::string::npos);
  CHECK(result.value<std::string>() == "standby");
  const event told = heard.first();
  CHECK(told.connection == "db");
  CHECK(told.status == "unavailable");
  CHECK(told.statement == read);
  CHECK(told.message.find("\"standby\"") != std::string::npos);

  auto streamed = down.db.query({.stream = true}, read);
  CHECK(streamed.connection() == "standby");
  CHECK(streamed.next().has_value());
  CHECK(down.db.query("SELECT name FROM place WHERE name = :name", trunkline::named("name", "standby"))
            .value<std::string>() == "standby");
}

TEST_CASE("writes are not, unless that is said") {
  const Down down;
  CHECK(failed_by([&] { down.db.query(write); }).error.status() == TL_E_UNAVAILABLE);
  CHECK(failed_by([&] { down.db.query({.intent = trunkline::intent::write}, read); }).error.connection() == "db");
  CHECK(failed_by([&] { down.registry.on("db", trunkline::mode::write).query(read); }).error.connection() == "db");
  CHECK(failed_by([&] {
          (void)down.db.load("place", {"name"}, std::vector<std::tuple<std::string>>{{"a"}});
        }).error.status() == TL_E_UNAVAILABLE);
  CHECK(down.places() == 1);

  const Down open("fallback = \"standby\"\nfallback_writes = true\n");
  CHECK(open.db.query(write).connection() == "standby");
  CHECK(open.db.load("place", {"name"}, std::vector<std::tuple<std::string>>{{"a"}, {"b"}}) == 2);
  CHECK(open.places() == 4);
}

TEST_CASE("nothing of a transaction or a pinned session is") {
  const Down down("fallback = \"standby\"\nfallback_writes = true\n");
  CHECK(failed_by([&] { (void)down.db.begin(); }).error.connection() == "db");
  CHECK(failed_by([&] { (void)down.db.begin({.read_only = true}); }).error.connection() == "db");
  CHECK(failed_by([&] { (void)down.db.pin(); }).error.connection() == "db");
}

TEST_CASE("a call may name it") {
  const Down down("");
  CHECK(failed_by([&] { down.db.query(read); }).error.status() == TL_E_UNAVAILABLE);
  CHECK(down.db.query({.fallback = "standby"}, read).connection() == "standby");
  CHECK(failed_by([&] { down.db.query({.fallback = "db"}, read); }).error.status() == TL_E_MISUSE);
  CHECK(failed_by([&] { down.db.query({.fallback = ""}, read); }).error.status() == TL_E_MISUSE);
  const Failed unknown = failed_by([&] { down.db.query({.fallback = "standbye"}, read); });
  CHECK(unknown.error.status() == TL_E_NOT_FOUND);
  CHECK(std::string(unknown.error.what()).find("\"standby\"?") != std::string::npos);
}

TEST_CASE("what a statement comes to there is told as the fallback's") {
  const Down down;
  const Failed failed = failed_by([&] { down.db.query("SELECT name FROM not_there"); });
  CHECK(failed.error.connection() == "standby");
  CHECK(failed.error.status() != TL_E_UNAVAILABLE);
}

TEST_CASE("a fallback that refuses without running the statement hides nothing, and ends no retries") {
  const Down down("fallback = \"standby\"\nretry = { attempts = 3, delay = \"1ms\" }\n");
  const auto is_of_db = [&](const Failed& failed) {
    CHECK(failed.error.connection() == "db");
    CHECK(failed.error.status() == TL_E_UNAVAILABLE);
  };
  is_of_db(failed_by([&] { down.db.query("SELECT pg_is_in_recovery()"); }));
  is_of_db(failed_by([&] { down.db.query("SELECT name FROM place WHERE name = $1", "standby"); }));
}

TEST_CASE("who waits for himself is told so, and not served by other data") {
  const auto registry = trunkline::registry::parse(
      "[connections.db]\ndriver = \"postgresql\"\nfallback = \"standby\"\n" + by_socket() +
      "[connections.db.pool]\nmax = 1\n[connections.standby]\ndriver = \"sqlite\"\ndatabase = \":memory:\"\n");
  const auto db = registry.on("db");
  const auto held = db.pin();
  CHECK(failed_by([&] { db.query("SELECT 1"); }).error.status() == TL_E_BUSY);
}

TEST_CASE("where neither serves, both are told, and nobody else is asked") {
  const Down down("fallback = \"next\"\n",
                  "[connections.next]\ndriver = \"postgresql\"\nhost = \"127.0.0.1\"\nport = 1\n"
                  "fallback = \"standby\"\nretry.attempts = 1\n");
  const Failed failed = failed_by([&] { down.db.query(read); });
  CHECK(failed.error.connection() == "db");
  CHECK(failed.error.status() == TL_E_UNAVAILABLE);
  CHECK(std::string(failed.error.what()).find("\"next\" does not serve") != std::string::npos);
}

TEST_CASE("a fallback that was closed or removed is told beside the failure") {
  const Down down;
  down.registry.close("standby", 20s);
  CHECK(std::string(failed_by([&] { down.db.query(read); }).error.what()).find("\"standby\" is closed") !=
        std::string::npos);
  CHECK(down.registry.remove("standby"));
  const Failed failed = failed_by([&] { down.db.query(read); });
  CHECK(failed.error.connection() == "db");
  CHECK(failed.error.status() == TL_E_UNAVAILABLE);
  CHECK(std::string(failed.error.what()).find("no connection \"standby\"") != std::string::npos);
  CHECK(down.registry.patch("db", "pool.max = 3"));  // which has nothing to do with it
}

TEST_CASE("a pool that has no session in time has its reads served, too") {
  const auto registry =
      trunkline::registry::parse("[connections.db]\ndriver = \"postgresql\"\nfallback = \"standby\"\n" + by_socket() +
                                 "[connections.db.pool]\nmax = 1\nacquire_timeout = \"1s\"\n"
                                 "[connections.standby]\ndriver = \"sqlite\"\ndatabase = \":memory:\"\n");
  const auto db = registry.on("db");
  CHECK(db.query("SELECT 1").connection() == "db");
  {
    const auto held = db.pin();
    std::thread([&] { CHECK(db.query("SELECT 1").connection() == "standby"); }).join();
  }
  CHECK(db.query("SELECT 1").connection() == "db");
}

TEST_CASE("reads that are to find what the handle has written are not served by another database") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Proxied to(server, "disable",
                     "max = 3\n[connections.standby]\ndriver = \"sqlite\"\ndatabase = \":memory:\"\n",
                     "consistency = \"session\"\nretry.attempts = 1\nreplicas.read = [{}]\nfallback = \"standby\"\n");
    to.db.query("DROP TABLE IF EXISTS written");
    to.proxy->plan_all({.from_server = {.then = Does::close}});
    const auto other = to.registry.on("db");
    const Clock::time_point began = Clock::now();
    while (served_by(other) != "standby") REQUIRE(Clock::now() - began < 30s);  // sessions that were there go first
    CHECK(served_by(to.db) == "an error of db");
  }
}

}  // namespace faults
