// Many rows and loading at servers that are lost, fall silent or stop reading in the middle of them: the caller hears
// of it in time, all of the rows are there or none, and what is told of them is true.
#include <cstdlib>
#include <tuple>
#include <vector>

#include "proxied.hpp"

namespace faults {

namespace {

std::chrono::milliseconds margin() { return std::getenv("TRUNKLINE_SOAK") != nullptr ? 250ms : 2500ms; }

constexpr auto patience = 300ms;

using Row = std::tuple<int64_t, std::string>;

std::vector<Row> rows_of(int64_t count, size_t bytes) {
  std::vector<Row> rows;
  for (int64_t i = 1; i <= count; ++i) rows.emplace_back(i, std::string(bytes, 'x'));
  return rows;
}

const std::vector<Row>& some() {  // of 1 MB
  static const std::vector<Row> rows = rows_of(1000, 1000);
  return rows;
}

const std::vector<Row>& large() {  // more than the sockets hold between us and a server that has stopped reading
  static const std::vector<Row> rows = rows_of(500, 60'000);
  return rows;
}

// One session through the proxy, and another beside it that sees what has become of the rows.
struct Lost {
  explicit Lost(const Server& server, const std::string& mode = "disable")
      : db(server, mode, "max = 1\ndestroy_timeout = \"2s\"\n"),
        postgresql(server.driver == "postgresql"),
        others(server, "disable", "max = 1\n") {
    others.db.query("DROP TABLE IF EXISTS many_lost");
    others.db.query("CREATE TABLE many_lost (id INTEGER PRIMARY KEY, t TEXT)");
    REQUIRE(db.answers());
    session = number(db, postgresql ? "SELECT pg_backend_pid()::int8" : "SELECT CAST(CONNECTION_ID() AS SIGNED)");
  }

  static int64_t number(const Proxied& on, const std::string& sql) {
    return on.db.query({.timeout = 20s}, sql).value<int64_t>();
  }

  void run(bool loads, const trunkline::options& how, const std::vector<Row>& rows) const {
    if (loads) {
      const int64_t loaded = db.db.load(how, "many_lost", {"id", "t"}, rows);
      CHECK(loaded == static_cast<int64_t>(rows.size()));
    } else {
      db.db.execute_many(how, "INSERT INTO many_lost VALUES (?, ?)", rows);
    }
  }

  // When the session that had them has ended, or has come home.
  [[nodiscard]] int64_t left() const {
    const std::string id = std::to_string(session);
    const std::string sql =
        postgresql ? "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid = " + id
                   : "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Sleep' AND ID = " + id;
    const Clock::time_point began = Clock::now();
    while (db.figure("leased") != 0 || number(others, sql) != 0) {
      REQUIRE(Clock::now() - began < 20s);
      std::this_thread::sleep_for(5ms);
    }
    return number(others, "SELECT count(*) FROM many_lost");
  }

  const Proxied db;
  const bool postgresql;
  const Proxied others;
  int64_t session = 0;
};

// `failed`: null where nothing has.
void check_true(const Lost& lost, const trunkline::error* failed, size_t rows) {
  lost.db.proxy->plan_all({});
  CHECK(lost.db.answers());
  const int64_t left = lost.left();
  CAPTURE(left);
  CHECK((left == 0 || left == static_cast<int64_t>(rows)));
  if (failed == nullptr) {
    CHECK(left == static_cast<int64_t>(rows));
  } else if (failed->outcome() != trunkline::outcome::unknown) {
    CHECK(left == 0);
  }
}

void each(const std::function<void(const Server&, bool loads)>& act) {
  for (const Server& server : servers()) {
    for (const bool loads : {false, true}) {
      CAPTURE(server.driver);
      CAPTURE(loads);
      act(server, loads);
    }
  }
}

}  // namespace

TEST_CASE("a server that is lost in the middle of many rows: all are there or none, and what is told is true") {
  each([](const Server& server, bool loads) {
    for (const Does does : {Does::close, Does::reset}) {
      for (const uint64_t after : {0, 1, 40, 200, 5'000, 70'000, 500'000, 1'000'000}) {
        for (const bool from_client : {true, false}) {
          if (!from_client && after > 5'000) continue;
          CAPTURE(static_cast<int>(does));
          CAPTURE(after);
          CAPTURE(from_client);
          const Lost lost(server);
          const Rule rule{.after = after, .then = does};
          lost.db.proxy->plan_all(from_client ? Plan{.from_client = rule} : Plan{.from_server = rule});
          const Clock::time_point began = Clock::now();
          try {
            lost.run(loads, {.timeout = 20s}, some());
            check_true(lost, nullptr, some().size());
          } catch (const trunkline::error& error) {
            CHECK(error.status_name() == std::string("unavailable"));
            CHECK(Clock::now() - began < 10s);
            check_true(lost, &error, some().size());
          }
        }
      }
    }
  });
}

TEST_CASE("a server that stops reading or answering while many rows are sent: the deadline holds, a cancel is heard") {
  const std::vector<Plan> plans = {
      {.from_client = {.then = Does::stall}},
      {.from_client = {.after = 3'000'000, .then = Does::stall}},
      {.from_server = {.then = Does::stall}},
      {.from_server = {.after = 20, .then = Does::stall}},
  };
  each([&](const Server& server, bool loads) {
    for (size_t plan = 0; plan < plans.size(); ++plan) {
      for (const bool cancels : {false, true}) {
        CAPTURE(plan);
        CAPTURE(cancels);
        const Lost lost(server, plan == 0 ? "verify-full" : "disable");
        lost.db.proxy->plan_all(plans[plan]);
        const trunkline::operation ours = lost.db.registry.operation();
        std::jthread canceller;
        if (cancels) {
          canceller = std::jthread([&] {
            std::this_thread::sleep_for(patience);
            ours.cancel();
          });
        }
        const trunkline::options how =
            cancels ? trunkline::options{.cancel_by = &ours} : trunkline::options{.timeout = patience};
        const Failed failed = failed_by([&] { lost.run(loads, how, large()); });
        CHECK(failed.took >= patience - 10ms);
        CHECK(failed.took < patience + margin());
        CHECK(failed.error.status_name() == std::string(cancels ? "cancelled" : "statement_timeout"));
        check_true(lost, &failed.error, large().size());
      }
    }
  });
}

TEST_CASE("the time is up while a server is reading many rows: none of them stays, and the session is of use") {
  each([](const Server& server, bool loads) {
    const Lost lost(server);
    for (const auto limit : {1ms, 5ms, 20ms, 60ms, 120ms}) {
      CAPTURE(limit.count());
      try {
        lost.run(loads, {.timeout = limit}, large());
        check_true(lost, nullptr, large().size());
      } catch (const trunkline::error& error) {
        check_true(lost, &error, large().size());
      }
      lost.others.db.query("DELETE FROM many_lost");
    }
    lost.run(loads, {.timeout = 60s}, some());
    CHECK(lost.left() == static_cast<int64_t>(some().size()));
  });
}

}  // namespace faults
