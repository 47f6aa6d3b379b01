// Calls that certainly did not run are tried again; others are not, and nobody waits for what does not fit.
#include <condition_variable>
#include <functional>
#include <mutex>

#include "proxied.hpp"

namespace faults {

namespace {

using trunkline::event;
using trunkline::event_kind;

constexpr const char* often = "retry = { attempts = 1000, delay = \"20ms\", max_delay = \"50ms\" }\n";
constexpr const char* patient = "retry = { attempts = 3, delay = \"10m\", max_delay = \"10m\" }\n";
const Plan gone{.from_server = {.then = Does::close}};

// The attempts after the first ones.
class Retries {
 public:
  explicit Retries(const trunkline::registry& registry)
      : heard_(registry.subscribe(event_kind::retry | event_kind::dial_failed, [this](const event& happened) {
          const std::lock_guard lock(mutex_);
          (happened.kind == event_kind::retry ? retries_ : failed_).push_back(happened);
          changed_.notify_all();
        })) {}

  void await(size_t n) { await(retries_, n); }
  void await_failed_dials(size_t n) { await(failed_, n); }
  [[nodiscard]] std::vector<event> all() {
    const std::lock_guard lock(mutex_);
    return retries_;
  }

 private:
  void await(const std::vector<event>& events, size_t n) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 30s, [&] { return events.size() >= n; }));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<event> retries_;
  std::vector<event> failed_;
  const trunkline::subscription heard_;
};

// At a port where no server is.
struct Nowhere {
  explicit Nowhere(const std::string& lines)
      : registry(trunkline::registry::parse("[connections.db]\ndriver = \"postgresql\"\n" + at_port(port.number()) +
                                            lines)) {}

  const Port port{Port::Does::refuse};
  const trunkline::registry registry;
};

}  // namespace

TEST_CASE("a server that comes back within the call: every kind of call is served, each attempt told") {
  using Act = std::function<void(const trunkline::connection&)>;
  const std::vector<Act> acts = {
      [](const auto& db) { CHECK(db.query({.timeout = 60s}, "SELECT 7").template value<int64_t>() == 7); },
      [](const auto& db) { CHECK(db.query({.timeout = 60s, .stream = true}, "SELECT 7").next().has_value()); },
      [](const auto& db) { (void)db.pin(60s); },
      [](const auto& db) { db.begin({.timeout = 60s}).commit(); },
  };
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    for (const Act& act : acts) {
      const Proxied db(server, "disable", "", often);
      Retries retries(db.registry);
      db.proxy->plan_next(gone);
      std::thread repair([&] {
        retries.await(2);
        db.proxy->plan_next({});
      });
      act(db.db);
      repair.join();
      const event first = retries.all().front();
      CHECK(first.connection == "db");
      CHECK(first.endpoint.find(std::to_string(db.proxy->port())) != std::string::npos);
      CHECK(first.status == "unavailable");
      CHECK(first.duration >= 15ms);
      CHECK_FALSE(first.message.empty());
    }
  }
}

TEST_CASE("attempts are counted, and the statement is told with each") {
  const Nowhere nowhere("retry = { attempts = 4, delay = \"1ms\" }\n");
  Retries retries(nowhere.registry);
  CHECK(failed_by([&] { nowhere.registry.on("db").query("SELECT 1"); }).error.status() == TL_E_UNAVAILABLE);
  retries.await(3);
  CHECK(retries.all().size() == 3);
  for (const event& retry : retries.all()) CHECK(retry.statement == "SELECT 1");
}

TEST_CASE("a statement whose answer is lost is not sent again") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Proxied db(server, "disable", "max = 1\n", often);
    const Proxied watcher(server);
    watcher.db.query("DROP TABLE IF EXISTS sent_once");
    watcher.db.query("CREATE TABLE sent_once (a int)");
    const std::string insert = "INSERT INTO sent_once VALUES (1)";
    db.db.query(insert);  // from now on it is prepared, and one message
    Retries retries(db.registry);
    db.proxy->plan_all({.from_server = {.after = 1, .then = Does::close}});
    const Failed lost = db.failure({.timeout = 60s}, insert);
    CHECK(lost.error.outcome() == trunkline::outcome::unknown);
    const auto rows = [&] { return watcher.db.query("SELECT COUNT(*) FROM sent_once").value<int64_t>(); };
    const Clock::time_point began = Clock::now();
    while (rows() == 1) REQUIRE(Clock::now() - began < 30s);
    CHECK(rows() == 2);
    CHECK(retries.all().empty());
    watcher.db.query("DROP TABLE sent_once");
  }
}

TEST_CASE("a pause that does not fit into the call's time is not begun") {
  const Nowhere nowhere(patient);
  const Failed failed = failed_by([&] { nowhere.registry.on("db").query({.timeout = 60s}, "SELECT 1"); });
  CHECK(failed.error.status() == TL_E_UNAVAILABLE);
  CHECK(failed.took < 30s);
}

TEST_CASE("one attempt: the error comes at once") {
  const Nowhere nowhere("retry = { attempts = 1, delay = \"10m\" }\n");
  const Failed failed = failed_by([&] { nowhere.registry.on("db").query("SELECT 1"); });
  CHECK(failed.error.status() == TL_E_UNAVAILABLE);
  CHECK(failed.took < 30s);
}

TEST_CASE("a pause ends when the connection is closed") {
  const Nowhere nowhere(patient);
  Retries retries(nowhere.registry);
  std::thread closer([&] {
    retries.await_failed_dials(1);
    nowhere.registry.close(30s);
  });
  const Failed failed = failed_by([&] { nowhere.registry.on("db").query("SELECT 1"); });
  closer.join();
  CHECK(failed.took < 60s);
}

TEST_CASE("a pause ends when a server answers again") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Proxied db(server, "disable", "", std::string(patient) + "replicas.read = [{}]\n");
    Retries retries(db.registry);
    db.proxy->plan_next(gone);
    std::thread repair([&] {
      retries.await_failed_dials(2);
      db.proxy->plan_next({});
    });
    CHECK(db.db.query("SELECT 7").value<int64_t>() == 7);
    repair.join();
    CHECK(retries.all().size() <= 2);
  }
}

}  // namespace faults
