// Looking at a primary and its replica, and waiting for the replica.
#include "replicas.hpp"
#include "ticket.hpp"

namespace tl::validation {

namespace {

Position write(Asking& ask) {
  ask.wants_position = true;
  ask.run("CREATE TABLE IF NOT EXISTS waited_for (a INTEGER)");
  ask.run("INSERT INTO waited_for VALUES (1)");
  return ask->written();
}

}  // namespace

TEST_CASE("a primary and its replica tell an ordinary user what they are and how far they have come") {
  Asking primary = at("TL_PRIMARY");
  Asking replica = at("TL_REPLICA");
  const Position written = write(primary);
  REQUIRE_FALSE(written.empty());
  REQUIRE(has_come(replica, written));
  const Sight first = seen(primary);
  CHECK(first.role == ServerRole::primary);
  CHECK(first.is_certain == on_postgresql());
  CHECK_FALSE(first.lag);
  CHECK(standing(first.position, written) == Standing::there);
  const Sight second = seen(replica);
  CHECK(second.role == ServerRole::replica);
  CHECK(second.is_certain);
  CHECK(second.lag.has_value() == on_postgresql());
  CHECK(standing(second.position, written) == Standing::there);
  CHECK(replica.one("SELECT 1") == "1");
}

TEST_CASE("a user who may read the server's state learns all of it") {
  Asking primary = at("TL_PRIMARY", "TL_MONITORING");
  Asking replica = at("TL_REPLICA", "TL_MONITORING");
  const Sight first = seen(primary);
  CHECK(first.role == ServerRole::primary);
  CHECK(first.is_certain);
  const Sight second = seen(replica);
  CHECK(second.role == ServerRole::replica);
  CHECK(second.is_certain);
  REQUIRE(second.lag);
  CHECK(*second.lag < 120s);
}

TEST_CASE("a replica that is behind is waited for, until it has come or the deadline, and is of use afterwards") {
  Asking primary = at("TL_PRIMARY");
  Asking replica = at("TL_REPLICA");
  REQUIRE(has_come(replica, write(primary)));
  Paused paused;
  const Position behind = write(primary);
  CHECK(standing(seen(replica).position, behind) == Standing::behind);
  for (const Nanos limit : {Nanos(0ms), Nanos(1ms), Nanos(20ms), Nanos(300ms)}) {
    CAPTURE(limit.count());
    const Instant began = steady_clock().now();
    const auto reach = replica->reach(behind);
    reach->deadline = Deadline::after(began, limit);
    const auto ended = runtime::run(*replica, *reach, nullptr);
    const Nanos took = steady_clock().now() - began;
    if (ended != runtime::Ended::finished) {
      CHECK(limit < 50ms);  // the answer was on its way
      REQUIRE(runtime::finish(*replica, *reach, Deadline::after(steady_clock().now(), 60s)));
    } else {
      CHECK(took >= limit - 30ms);
    }
    REQUIRE(reach->succeeded());
    CHECK_FALSE(reach->reached);
    CHECK(replica->state() == State::idle);
    CHECK_FALSE(replica->changed());
    CHECK(replica.one("SELECT 1") == "1");
  }
  std::thread later([&] {
    std::this_thread::sleep_for(50ms);
    paused.resume();
  });
  const Result<bool> reached = replica.reach(behind);
  later.join();
  REQUIRE(reached.ok());
  CHECK(*reached);
  CHECK(standing(seen(replica).position, behind) == Standing::there);
}

TEST_CASE("waiting for a replica is cancelled at once") {
  Asking primary = at("TL_PRIMARY");
  Asking replica = at("TL_REPLICA");
  const Paused paused;
  const auto reach = replica->reach(write(primary));
  reach->deadline = Deadline::after(steady_clock().now(), 60s);
  runtime::Ticket ticket;
  std::thread canceller([&] {
    std::this_thread::sleep_for(100ms);
    ticket.cancel();
  });
  const Instant began = steady_clock().now();
  CHECK(runtime::run(*replica, *reach, &ticket) == runtime::Ended::cancelled);
  driver::Dial dial(Deadline::after(steady_clock().now(), 30s));
  replica->canceller()->cancel(dial);
  CHECK(runtime::finish(*replica, *reach, Deadline::after(steady_clock().now(), 30s)));
  CHECK(steady_clock().now() - began < 20s);
  canceller.join();
  REQUIRE_FALSE(reach->succeeded());
  CHECK(status_name(reach->failure()->status) == "cancelled");
  CHECK(replica->state() == State::idle);
  CHECK(replica.one("SELECT 1") == "1");
}

TEST_CASE("what no server of this kind can reach is not waited for") {
  Asking replica = at("TL_REPLICA");
  const Instant began = steady_clock().now();
  Position foreign{on_postgresql() ? Position::Kind::mariadb : Position::Kind::postgresql, 1, 1, {{0, 1, 1}}};
  CHECK_FALSE(has_come(replica, foreign));
  if (on_postgresql()) {
    Position other = seen(replica).position;
    ++other.system;
    CHECK_FALSE(has_come(replica, other));
  }
  CHECK(steady_clock().now() - began < 20s);
  CHECK(has_come(replica, {}));
}

}  // namespace tl::validation
