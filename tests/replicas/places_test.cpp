// Statements that want to know where what they have written is.
#include <memory>

#include "proxy.hpp"
#include "replicas.hpp"

namespace tl::validation {

namespace {

// The place is behind what was written: where a replica has come there, it shows it.
void check_shown(Asking& ask, const std::string& count) {
  Asking replica = at("TL_REPLICA");
  const Position written = ask->written();
  REQUIRE_FALSE(written.empty());
  REQUIRE(has_come(replica, written));
  CHECK(replica.one("SELECT COUNT(*) FROM wishes") == count);
}

void begin_anew(Asking& ask) {
  ask.wants_position = true;
  ask.run("DROP TABLE IF EXISTS wishes");
  ask.run("CREATE TABLE wishes (a INTEGER, b INTEGER)");
  check_shown(ask, "0");
}

Rows numbers(int64_t n) {
  Rows rows;
  for (int64_t i = 0; i < n; ++i) rows.values.integer(i).integer(i);
  rows.count = static_cast<size_t>(n);
  return rows;
}

}  // namespace

TEST_CASE("every way of writing tells where it has written to") {
  for (const char* more : {"", "statement_cache = 0\n"}) {
    CAPTURE(more);
    Asking ask = at("TL_PRIMARY", "TL_ORDINARY", more);
    begin_anew(ask);
    for (int i = 1; i <= 3; ++i) {
      ask.run("INSERT INTO wishes VALUES (?, 1)", Values().integer(i));
      check_shown(ask, std::to_string(i));
    }
    CHECK(ask.rows("INSERT INTO wishes VALUES (4, 1) RETURNING a")->size() == 1);
    check_shown(ask, "4");
    ask.run("BEGIN");
    const Position before = ask->written();
    ask.run("INSERT INTO wishes VALUES (5, 1)");
    CHECK(ask->written() == before);
    CHECK(ask->state() == State::in_transaction);
    ask.run("COMMIT");
    check_shown(ask, "5");
    ask.run("INSERT INTO wishes VALUES (6, 1); INSERT INTO wishes VALUES (7, 1)");
    while (ask->state() == State::answering) REQUIRE(ask.next_set().ok());
    check_shown(ask, "7");
    REQUIRE(ask.many("INSERT INTO wishes VALUES (?, ?)", numbers(100)).ok());
    check_shown(ask, "107");
    REQUIRE(ask.load("wishes", {"a", "b"}, numbers(50)).ok());
    check_shown(ask, "157");
    CHECK(ask.rows("SELECT a FROM wishes")->size() == 157);
    CHECK(ask->state() == State::idle);
    check_shown(ask, "157");
    ask.run("DELETE FROM wishes");
    check_shown(ask, "0");
  }
}

TEST_CASE("an answer that is read bit by bit tells at its end") {
  Asking ask = at("TL_PRIMARY");
  begin_anew(ask);
  REQUIRE(ask.many("INSERT INTO wishes VALUES (?, ?)", numbers(3000)).ok());
  const Position before = ask->written();
  Result<driver::Reply> reply = ask.begin(on_postgresql() ? "UPDATE wishes SET b = 7 RETURNING a"
                                                          : "DELETE FROM wishes WHERE a > 10 RETURNING a");
  REQUIRE(reply.ok());
  CHECK(ask->state() == State::answering);
  CHECK(ask.rest(*reply, {100, 1 << 20})->size() == (on_postgresql() ? 3000 : 2989));
  CHECK(ask->state() == State::idle);
  CHECK(standing(before, ask->written()) == Standing::behind);
  check_shown(ask, on_postgresql() ? "3000" : "11");
}

TEST_CASE("a statement that fails fails as ever, and the session goes on") {
  Asking ask = at("TL_PRIMARY");
  begin_anew(ask);
  CHECK(status_name(ask.failure("INSERT INTO no_wishes VALUES (1)")->status) == "statement");
  CHECK(ask->state() == State::idle);
  ask.run("BEGIN");
  (void)ask.failure("INSERT INTO there_is_none VALUES (1)");
  ask.run(on_postgresql() ? "COMMIT" : "ROLLBACK");
  CHECK(ask->state() == State::idle);
  ask.run("INSERT INTO wishes VALUES (1, 1)");
  check_shown(ask, "1");
}

TEST_CASE("on a replica there is nothing to tell, and nothing fails for it") {
  Asking replica = at("TL_REPLICA");
  Asking ask = at("TL_PRIMARY");
  begin_anew(ask);
  REQUIRE(has_come(replica, ask->written()));
  replica.wants_position = true;
  for (int i = 0; i < 3; ++i) {
    CHECK(replica.one("SELECT COUNT(*) FROM wishes") == "0");
    CHECK(status_name(replica.failure("INSERT INTO wishes VALUES (1, 1)")->status) == "read_only");
    CHECK(replica->state() == State::idle);
  }
  CHECK(replica->written().empty());
}

TEST_CASE("a transaction that is chained to another keeps the snapshot that it takes itself") {
  if (!on_postgresql()) return;
  Asking ask = at("TL_PRIMARY");
  begin_anew(ask);
  Asking other = at("TL_PRIMARY");
  ask.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  ask.run("INSERT INTO wishes VALUES (1, 1)");
  ask.run("COMMIT AND CHAIN");
  CHECK(ask->state() == State::in_transaction);
  CHECK(ask->written().empty());
  other.run("INSERT INTO wishes VALUES (2, 2)");
  CHECK(ask.one("SELECT COUNT(*) FROM wishes") == "2");
  ask.run("COMMIT");
  check_shown(ask, "2");
}

TEST_CASE("commits that are answered before they are flushed have their place, too") {
  if (!on_postgresql()) return;
  Asking ask = at("TL_PRIMARY");
  begin_anew(ask);
  for (int i = 1; i <= 5; ++i) {
    ask.run("BEGIN");
    ask.run("SET LOCAL synchronous_commit = off");
    ask.run("INSERT INTO wishes VALUES (1, 1)");
    ask.run("COMMIT");
    check_shown(ask, std::to_string(i));
  }
  ask.run("SET synchronous_commit = off");
  ask.run("INSERT INTO wishes VALUES (1, 1)");
  check_shown(ask, "6");
}

TEST_CASE("a place that begins a page of the log is reached though nothing follows") {
  if (!on_postgresql()) return;
  Asking owner = at("TL_PRIMARY", "TL_OWNER");
  Asking replica = at("TL_REPLICA");
  owner.wants_position = true;
  owner.run("SET synchronous_commit = off");
  owner.run("SELECT pg_switch_wal()");
  owner.run("SELECT pg_switch_wal()");
  CHECK(has_come(replica, owner->written(), 30s));
}

namespace {

// The primary, behind a proxy that counts.
class Counted {
 public:
  Counted() {
    const std::string lines = std::getenv("TL_PRIMARY");
    const std::string key = "port = ";
    const size_t from = lines.find(key) + key.size();
    const size_t to = lines.find('\n', from);
    setenv("TL_COUNTED", (lines.substr(0, from) + std::to_string(proxy.port()) + lines.substr(to)).c_str(), 1);
  }
  // What passes while it is done, once what has to be prepared is.
  template <class Act>
  [[nodiscard]] faults::Traffic traffic_of(bool wanting, const Act& act) {
    ask().wants_position = wanting;
    act();
    const faults::Traffic before = proxy.traffic();
    act();
    const faults::Traffic after = proxy.traffic();
    return {0, after.exchanges - before.exchanges, after.client_bytes - before.client_bytes, 0};
  }
  [[nodiscard]] Asking& ask() {
    if (ask_ == nullptr) ask_.reset(new Asking(at("TL_COUNTED")));
    return *ask_;
  }

  faults::Proxy proxy{std::atoi(std::getenv("TL_PRIMARY_PORT"))};

 private:
  std::unique_ptr<Asking> ask_;
};

constexpr const char* insert = "INSERT INTO wishes VALUES (1, ?)";
constexpr const char* returning = "INSERT INTO wishes VALUES (1, ?) RETURNING a";

}  // namespace

TEST_CASE("a look is one round trip") {
  Counted counted;
  CHECK(counted.traffic_of(false, [&] { (void)seen(counted.ask()); }).exchanges == 1);
}

TEST_CASE("PostgreSQL is asked before it has answered the statement") {
  if (!on_postgresql()) return;
  Counted counted;
  Asking& ask = counted.ask();
  begin_anew(ask);
  const auto check = [&](const auto& act) {
    const uint64_t needed = counted.traffic_of(true, act).client_bytes;
    CHECK(needed > counted.traffic_of(false, act).client_bytes);
    ask.wants_position = true;
    const uint64_t before = counted.proxy.traffic().client_bytes;
    counted.proxy.plan_all({.from_server = {.then = faults::Does::stall}});
    std::thread caller(act);
    const Instant began = steady_clock().now();
    while (counted.proxy.traffic().client_bytes - before < needed && steady_clock().now() - began < 20s) {
      std::this_thread::sleep_for(1ms);
    }
    CHECK(counted.proxy.traffic().client_bytes - before == needed);
    counted.proxy.plan_all({});
    caller.join();
    CHECK_FALSE(ask->written().empty());
  };
  check([&] { ask.run(insert, Values().integer(1)); });
  check([&] { ask.run(returning, Values().integer(1)); });
  check([&] { (void)ask.many(insert, {Values().integer(1).integer(2), 2}); });
}

TEST_CASE("MariaDB tells by itself where it has written to, but for statements that give rows") {
  if (on_postgresql()) return;
  Counted counted;
  Asking& ask = counted.ask();
  begin_anew(ask);
  const auto extra = [&](const auto& act) {
    const auto with = static_cast<int64_t>(counted.traffic_of(true, act).exchanges);
    return with - static_cast<int64_t>(counted.traffic_of(false, act).exchanges);
  };
  CHECK(extra([&] { ask.run(insert, Values().integer(1)); }) == 0);
  CHECK(extra([&] { (void)ask.rows("SELECT a FROM wishes"); }) == 0);
  CHECK(extra([&] {
          ask.run("BEGIN");
          ask.run(returning, Values().integer(1));
          ask.run("COMMIT");
        }) == 0);
  CHECK(extra([&] { ask.run(returning, Values().integer(1)); }) == 1);
}

}  // namespace tl::validation
