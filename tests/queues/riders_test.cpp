// Callers who share a session: what becomes of the others, and of the server, when some of them leave or it is lost.
#include <map>

#include "queues.hpp"

namespace queues {
namespace {

const std::string sleeps = "SELECT 1 /* victim */ FROM pg_sleep(?::float8)";
const std::string asks = "SELECT ?::int8";

// A pool of one session, on which both statements are prepared.
struct Line {
  Line() {
    loop.query(desk.raw(), {}, sleeps, 0.0);
    CHECK(loop.next_done().status() == TL_OK);
    loop.query(desk.raw(), {}, asks, int64_t{1});
    CHECK(loop.next_done().status() == TL_OK);
    backend = desk.db.query(postgresql().backend).value<int64_t>();
  }
  // At the head of the line, or behind it.
  tl_op sleep(uint64_t user, double seconds, Millis timeout = 0ms) const {
    const tl_op op = desk.new_op();
    loop.query(desk.raw(), {.user = user, .op = op, .timeout = timeout}, sleeps, seconds);
    return op;
  }
  void ask(uint64_t user) const { loop.query(desk.raw(), {.user = user}, asks, static_cast<int64_t>(user)); }
  void await_active(int64_t n) const {
    await([&] { return watcher.db.query(postgresql().active).value<int64_t>() == n; });
  }
  void expect_next(uint64_t user, tl_status status) const {
    const Done done = loop.next_done();
    CHECK(done.user() == user);
    CHECK_MESSAGE(done.status() == status, done.told());
  }
  // Soon the session is back, unharmed, and nothing runs at the server.
  void check_kept() const {
    await_active(0);
    await([&] { return desk.figure("leased") == 0; });
    CHECK(desk.db.query(postgresql().backend).value<int64_t>() == backend);
  }

  const Desk desk{postgresql(), "max = 1\n"};
  const Desk watcher{postgresql()};
  const Loop loop{desk};
  int64_t backend = 0;
};

}  // namespace

TEST_CASE("two long reads of one session are cancelled one after the other, and those behind them get their answers") {
  const Line line;
  const tl_op first = line.sleep(1, 600);
  const tl_op second = line.sleep(2, 600);
  line.ask(3);
  line.await_active(1);
  line.desk.cancel(first);
  line.expect_next(1, TL_E_CANCELLED);
  line.await_active(1);
  line.desk.cancel(second);
  // In either order: where a cancel of the first has hit the second one, that has begun again behind the third.
  std::map<uint64_t, Done> both;
  for (int i = 0; i < 2; ++i) {
    Done done = line.loop.next_done();
    both[done.user()] = std::move(done);
  }
  CHECK(both[2].status() == TL_E_CANCELLED);
  const int32_t outcome = both[2].outcome();
  CHECK((outcome == TL_ROLLED_BACK || outcome == TL_NOT_SENT));  // the server has said so, or it had yet to begin again
  CHECK(both[3].status() == TL_OK);
  line.check_kept();
}

TEST_CASE("a long read that is cancelled before its turn does not hold up those behind it") {
  const Line line;
  const tl_op first = line.sleep(1, 600);
  const tl_op second = line.sleep(2, 600);
  line.ask(3);
  line.await_active(1);
  line.desk.cancel(second);
  line.expect_next(2, TL_E_CANCELLED);
  line.desk.cancel(first);
  line.expect_next(1, TL_E_CANCELLED);
  line.expect_next(3, TL_OK);
  line.check_kept();
}

TEST_CASE("nothing that the callers of a shared session have given up goes on at the server") {
  const Line line;
  for (uint64_t user = 1; user <= 4; ++user) line.sleep(user, 600, 300ms);
  for (int i = 0; i < 4; ++i) CHECK(line.loop.next_done().status() == TL_E_STATEMENT_TIMEOUT);
  line.check_kept();
}

TEST_CASE("a read that was quick and runs away is stopped for the sake of those whose answers it hides") {
  const Line line;
  line.sleep(1, 0);
  line.expect_next(1, TL_OK);  // on a shared session: it is known as quick
  line.ask(1);
  line.sleep(2, 600, 300ms);
  line.ask(3);
  line.expect_next(2, TL_E_STATEMENT_TIMEOUT);
  line.expect_next(1, TL_OK);
  line.expect_next(3, TL_OK);
  line.check_kept();
}

TEST_CASE("a read that is cancelled before its queue is driven is not sent") {
  const Line line;
  for (const uint64_t victim : {1U, 2U, 3U}) {
    tl_op op = 0;
    for (uint64_t user = 1; user <= 3; ++user) user == victim ? (void)(op = line.sleep(user, 600)) : line.ask(user);
    line.desk.cancel(op);
    for (int i = 0; i < 3; ++i) {
      const Done done = line.loop.next_done();
      CHECK_MESSAGE(done.status() == (done.user() == victim ? TL_E_CANCELLED : TL_OK), done.told());
      if (done.user() == victim) CHECK(done.outcome() == TL_NOT_SENT);
    }
    line.check_kept();
  }
}

TEST_CASE("a statement that fails on a shared session fails for its caller alone") {
  constexpr uint64_t callers = 64;
  const Desk desk(postgresql(), "max = 4\n");
  const Loop loop(desk);
  const std::string divide = "SELECT 100 / ?::int8";
  const auto by = [](uint64_t user) { return static_cast<int64_t>(user % 7); };
  for (uint64_t user = 0; user < callers; ++user) loop.query(desk.raw(), {.user = user}, divide, by(user));
  for (uint64_t asked = callers, answered = 0; answered < asked; ++answered) {
    Done done = loop.next_done();
    const uint64_t user = done.user();
    if (by(user) == 0) {
      CHECK_MESSAGE(done.status() == TL_E_DATA, done.told());
    } else {
      CHECK_MESSAGE(done.status() == TL_OK, done.told());
      CHECK(done.value<int64_t>() == 100 / by(user));
    }
    if (asked < 5000) loop.query(desk.raw(), {.user = asked}, divide, by(asked)), ++asked;
  }
  CHECK(loop.take(0ms).empty());
  CHECK(desk.figure("leased") == 0);
}

TEST_CASE("sessions that the server ends under their callers fail each of these once, and the pool recovers") {
  constexpr uint64_t callers = 64;
  const Desk desk(postgresql(), "max = 10\n");
  const Desk admin(postgresql());
  const Loop loop(desk);
  const std::string all_but_one =
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%* victim%' AND pid <> "
      "pg_backend_pid()";
  int lost = 0, answered = 0;
  for (int round = 0; round < (in_soak() ? 200 : 20); ++round) {
    CAPTURE(round);
    std::map<uint64_t, int> seen;
    const auto collect = [&](uint64_t n) {
      for (uint64_t i = 0; i < n; ++i) {
        Done done = loop.next_done();
        CHECK(++seen[done.user()] == 1);
        if (done.status() == TL_OK) {
          CHECK(done.value<int64_t>() == 1);
          ++answered;
        } else {
          CHECK_MESSAGE(done.status() == TL_E_UNAVAILABLE, done.told());
          CHECK(done.outcome() != TL_REFUSED);
          ++lost;
        }
      }
    };
    for (uint64_t user = 0; user < callers; ++user) loop.query(desk.raw(), {.user = user}, sleeps, 0.005);
    collect(callers / 4);
    CHECK(admin.db.query(all_but_one).value<int64_t>() > 0);
    collect(callers - callers / 4);
    CHECK(seen.size() == callers);
    CHECK(loop.take(0ms).empty());
    await([&] { return desk.figure("leased") == 0; });
  }
  MESSAGE("lost: ", lost, ", answered: ", answered);
  CHECK(lost > 0);
  for (uint64_t user = 0; user < callers; ++user) loop.query(desk.raw(), {.user = user}, asks, int64_t{7});
  for (uint64_t user = 0; user < callers; ++user) CHECK(loop.next_done().value<int64_t>() == 7);
}

}  // namespace queues
