// Many rows that take too long: stopped by a limit or by another thread, before all of them have been sent.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "asking.hpp"

namespace tl::validation {

using driver::State;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 200ms;
constexpr auto in_time = 8s;  // on a machine that is busy

enum class By { caller, limit, session };

void make_table(Asking& ask) {
  ask.run("DROP TABLE IF EXISTS many");
  ask.run("CREATE TABLE many (id INTEGER PRIMARY KEY, t " + target().text_type + ")");
}

// Some 26 MB: more than the sockets between us and a server that has stopped reading hold.
const Rows& large() {
  static const Rows made = [] {
    Rows rows;
    const std::string text(size_t{64} << 10, 'x');
    while (rows.count < 400) rows.values.integer(static_cast<int64_t>(++rows.count)).text(text);
    return rows;
  }();
  return made;
}

template <class Act>
void check_stopped(By by, const Act& act) {
  runtime::Ticket ticket;
  std::jthread canceller;
  if (by == By::caller) {
    canceller = std::jthread([&] {
      std::this_thread::sleep_for(patience);
      ticket.cancel();
    });
  }
  const Instant began = steady_clock().now();
  const Result<ManyDone> done = act(&ticket, by == By::limit ? Nanos(patience) : Nanos(60s));
  CHECK(steady_clock().now() - began < in_time);
  if (canceller.joinable()) canceller.join();
  REQUIRE_FALSE(done.ok());
  const Status status = done.error().status;
  CAPTURE(done.error().message);
  CHECK((status == Status::cancelled || status == Status::statement_timeout));
  CHECK(done.error().outcome != Outcome::unknown);
  CHECK(done.error().outcome != Outcome::not_sent);
}

// Nothing of the rows stays, and of what their transaction did before.
void check_undone(Asking& ask) {
  const State state = ask->state();
  const bool over = state == State::idle && !target().ends_transaction.empty();
  CHECK((over || state == State::in_transaction || state == State::in_failed));
  if (!over) ask.run("ROLLBACK");
  CHECK(ask->state() == State::idle);
  for (int i = 0; i < 3; ++i) CHECK(ask.one("SELECT " + std::to_string(i)) == std::to_string(i));
  CHECK(ask.one("SELECT count(*) FROM many WHERE id <> 200") == "0");
}

const std::string limited = "statement_timeout = \"200ms\"\n";

}  // namespace

TEST_CASE("many rows: one that takes for ever is stopped, and nothing stays once its transaction is rolled back") {
  for (const By by : {By::caller, By::limit, By::session}) {
    CAPTURE(static_cast<int>(by));
    Asking ask(by == By::session ? limited : "");
    make_table(ask);
    ask.run("DROP TABLE IF EXISTS heap");
    ask.run("CREATE TABLE heap (id INTEGER)");
    ask.run(ask.driver().begin_text({}));
    ask.run("INSERT INTO many VALUES (1, 'before')");
    check_stopped(by, [&](runtime::Ticket* ticket, Nanos limit) {
      return ask.many("INSERT INTO heap SELECT ? FROM (" + target().endless_rows + ") AS endless",
                      {Values().integer(1).integer(2), 2}, ticket, limit);
    });
    check_undone(ask);
    CHECK(ask.one("SELECT count(*) FROM heap") == "0");
  }
}

TEST_CASE("many rows that are all quick, but too many, are stopped") {
  for (const By by : {By::caller, By::limit}) {
    CAPTURE(static_cast<int>(by));
    Asking ask;
    make_table(ask);
    ask.run("DROP TABLE IF EXISTS heap");
    ask.run("CREATE TABLE heap (id INTEGER)");
    Rows rows;
    while (rows.count < 3'000'000) rows.values.integer(static_cast<int64_t>(++rows.count));
    ask.run(ask.driver().begin_text({}));
    check_stopped(by, [&](runtime::Ticket* ticket, Nanos limit) {
      return ask.many("INSERT INTO heap VALUES (?)", rows, ticket, limit);
    });
    check_undone(ask);
    ask.run(ask.driver().begin_text({}));
    check_stopped(by,
                  [&](runtime::Ticket* ticket, Nanos limit) { return ask.load("heap", {"id"}, rows, ticket, limit); });
    check_undone(ask);
    CHECK(ask.one("SELECT count(*) FROM heap") == "0");
  }
}

TEST_CASE("many rows: one that waits for another session's lock is stopped while those behind it are being sent") {
  if (!target().many_sessions) return;
  const Rows& rows = large();  // made before the clock runs
  for (const bool loads : {false, true}) {
    for (const By by : {By::caller, By::limit, By::session}) {
      CAPTURE(loads);
      CAPTURE(static_cast<int>(by));
      Asking other;
      make_table(other);
      Asking ask(by == By::session ? limited : "");
      const auto begun = [&](Asking& on) { on.run(on.driver().begin_text({})); };
      const auto act = [&](runtime::Ticket* ticket, Nanos limit) {
        return loads ? ask.load("many", {"id", "t"}, rows, ticket, limit)
                     : ask.many("INSERT INTO many VALUES (?, ?)", rows, ticket, limit);
      };
      begun(other);
      other.run("INSERT INTO many VALUES (200, 'locked')");
      begun(ask);
      check_stopped(by, act);
      check_undone(ask);
      if (ask.driver().runs_many_as_one(sql::Statement())) {
        check_stopped(by, act);
        CHECK(ask->state() == State::idle);
        CHECK(ask.one("SELECT count(*) FROM many") == "0");
      }
      other.run("COMMIT");
      CHECK(ask.one("SELECT count(*) FROM many") == "1");
      other.run("DELETE FROM many");
      const auto done = act(nullptr, 60s);
      if (by != By::session) CHECK_MESSAGE(done.ok(), (done ? "" : done.error().message));
    }
  }
}

}  // namespace tl::validation
