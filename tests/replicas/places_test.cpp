// Statements that want to know where what they have written is.
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

TEST_CASE("on PostgreSQL a wish costs no round trip, on MariaDB one where the statement gives rows") {
  const faults::Proxy proxy(std::atoi(std::getenv("TL_PRIMARY_PORT")));
  std::string lines = std::getenv("TL_PRIMARY");
  const std::string port = "port = ";
  const size_t from = lines.find(port) + port.size();
  lines.replace(from, lines.find('\n', from) - from, std::to_string(proxy.port()));
  setenv("TL_PROXIED", lines.c_str(), 1);
  const auto exchanges = [&](const auto& act) {
    const uint64_t before = proxy.traffic().exchanges;
    act();
    return proxy.traffic().exchanges - before;
  };
  Asking ask = at("TL_PROXIED");
  begin_anew(ask);
  const char* const insert = "INSERT INTO wishes VALUES (1, ?)";
  const char* const returning = "INSERT INTO wishes VALUES (1, ?) RETURNING a";
  ask.run(insert, Values().integer(1));
  ask.run(returning, Values().integer(1));
  const auto cost = [&](bool wanting, const auto& act) {
    ask.wants_position = wanting;
    const auto round_trips = static_cast<int64_t>(exchanges(act));
    ask.wants_position = true;
    return round_trips;
  };
  const auto extra = [&](const auto& act) {
    act();  // what has to be prepared is
    return cost(true, act) - cost(false, act);
  };
  CHECK(cost(true, [&] { ask.run(insert, Values().integer(2)); }) == 1);
  CHECK(extra([&] { ask.run(returning, Values().integer(3)); }) == (on_postgresql() ? 0 : 1));
  CHECK(extra([&] { CHECK(ask.many(insert, {Values().integer(1).integer(2), 2}).ok()); }) == 0);
  CHECK(extra([&] {
          ask.run("BEGIN");
          ask.run(insert, Values().integer(2));
          ask.run("COMMIT");
        }) == 0);
  CHECK(extra([&] { (void)ask.rows("SELECT a FROM wishes"); }) == 0);
  (void)seen(ask);
  CHECK(exchanges([&] { (void)seen(ask); }) == 1);
}

}  // namespace tl::validation
