// What the pool tells people: who holds what, how many wait, why nothing comes.
#include <map>

#include "pool_fixture.hpp"

namespace tl::pool {
namespace {

std::map<std::string, std::string> details(const Failure& failure) {
  return {failure->details.begin(), failure->details.end()};
}

}  // namespace

TEST_CASE("a full pool says how many are leased, to whom, since when, and how many wait") {
  config::Pool settings = lasting();
  settings.max = 2;
  Desk desk(settings);
  const Lease report = desk.lease({.tag = "report", .statement = "SELECT *\n  FROM sales\n\tWHERE year = ?"});
  desk.clock.advance(12s);
  const Lease other = desk.lease();
  desk.clock.advance(300ms);
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());

  const Failure failure = desk.pool.exhausted(30s, {});
  CHECK(failure->status == Status::acquire_timeout);
  CHECK(failure->phase == Phase::acquire);
  CHECK(failure->outcome == Outcome::not_sent);
  CHECK(failure->endpoint == "127.0.0.1:5432/app");
  CHECK(failure->message ==
        "no session of \"127.0.0.1:5432/app\" within 30 s: 2 of 2 leased (tag \"report\" for 12.3 s: SELECT * FROM "
        "sales WHERE year = ?; untagged for 300 ms), 1 waiting");
  auto told = details(failure);
  CHECK(told["leased"] == "2");
  CHECK(told["max"] == "2");
  CHECK(told["waiting"] == "1");
  CHECK(told["holders"].find("tag \"report\" for 12.3 s") == 0);
  CHECK(told.count("last_dial") == 0);
  CHECK(desk.pool.figures().acquire_timeouts == 1);
  CHECK(desk.pool.exhausted(250ms, {})->message.find("within 250 ms:") != std::string::npos);
  CHECK(desk.pool.abandon(waiter));
}

TEST_CASE("of many holders the five that hold longest are told") {
  config::Pool settings = lasting();
  settings.max = 7;
  Desk desk(settings);
  const std::vector<std::string> tags = {"a", "b", "c", "d", "e", "f", "g"};
  std::vector<Lease> held(7);
  for (int i = 6; i >= 0; --i) {
    held[i] = desk.lease({.tag = tags[i]});
    desk.clock.advance(1min);
  }
  const std::string message = desk.pool.exhausted(30s, {})->message;
  CHECK(
      message.find("7 of 7 leased (tag \"g\" for 7 min; tag \"f\" for 6 min; tag \"e\" for 5 min; tag \"d\" for 4 min; "
                   "tag \"c\" for 3 min; and 2 more), 0 waiting") != std::string::npos);
}

TEST_CASE("without a session the last dial's error is told") {
  config::Pool settings = lasting();
  settings.max_overflow = 3;
  Desk desk(settings);
  const Lease lease = desk.lease();
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  desk.dial_fails(Status::unavailable, "too many clients already");
  desk.let_pass(100ms);
  CHECK(desk.pool.abandon(waiter));
  const Failure failure = desk.pool.exhausted(30s, {});
  CHECK(failure->message.find("1 of 10 and 3 overflow leased") != std::string::npos);
  CHECK(failure->message.find(", 1 being opened, 0 waiting; last dial: too many clients already") != std::string::npos);
  CHECK(details(failure)["last_dial"] == "too many clients already");
  CHECK(desk.pool.figures().last_dial_error == "too many clients already");
}

TEST_CASE("a wait that only the server held up ends as its dial would have") {
  config::Pool settings = lasting();
  settings.max_overflow = 3;
  Desk desk(settings);
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());

  SUBCASE("no session at all, and a dial without an answer") {
    desk.clock.advance(30s);
    REQUIRE(desk.pool.abandon(waiter));
    const Failure failure = desk.pool.exhausted(30s, {});
    CHECK(failure->status == Status::connect_timeout);
    CHECK(failure->phase == Phase::connect);
    CHECK(failure->outcome == Outcome::not_sent);
    CHECK(failure->endpoint == "127.0.0.1:5432/app");
    CHECK(failure->message ==
          "\"127.0.0.1:5432/app\" has let no session in within 30 s: 0 of 10 and 3 overflow leased, 1 being opened, 0 "
          "waiting");
    CHECK(details(failure)["dialling"] == "1");
    CHECK(desk.pool.figures().acquire_timeouts == 1);
  }
  SUBCASE("a session that others hold might have come back") {
    desk.dial_succeeds();
    const Lease lease = waiter.take().take();
    NotingWaiter second;
    REQUIRE(desk.pool.enqueue(second, {}).ok());
    CHECK(desk.supply.dials == 2);
    REQUIRE(desk.pool.abandon(second));
    CHECK(desk.pool.exhausted(30s, {})->status == Status::acquire_timeout);
  }
  SUBCASE("an attempt without an answer, and none since") {
    desk.dial_fails(Status::connect_timeout, "no answer");
    REQUIRE(waiter.grants == 1);
    const Failure failure = desk.pool.exhausted(30s, {});
    CHECK(details(failure)["dialling"] == "0");
    CHECK(failure->status == Status::connect_timeout);
  }
  SUBCASE("an attempt that failed, and none since: the server did answer") {
    NotingWaiter second;
    desk.dial_fails();
    desk.clock.advance(100ms);
    REQUIRE(desk.pool.enqueue(second, {}).ok());
    desk.dial_fails();
    const Failure failure = desk.pool.exhausted(30s, {});
    CHECK(failure->status == Status::acquire_timeout);
    CHECK(details(failure)["last_dial"] == "connection refused");
  }
}

TEST_CASE("a wait whose time had passed before it began is not told as a negative one") {
  Desk desk(lasting());
  const std::string message = desk.pool.exhausted(-400us, {})->message;
  CHECK(message.find(" within 0 ms: ") != std::string::npos);
}

TEST_CASE("statements are told shortened, at a character's end") {
  Desk desk;
  std::string statement = "SELECT '";
  for (int i = 0; i < 200; ++i) statement += "ä";
  const Lease lease = desk.lease({.tag = "t", .statement = statement, .owner = 9});
  const auto leases = desk.pool.leases();
  REQUIRE(leases.size() == 1);
  std::string expected = "SELECT '";
  for (int i = 0; i < 72; ++i) expected += "ä";
  CHECK(leases[0].statement == expected + "…");

  SUBCASE("one of just that length is whole") {
    const std::string whole(80, 'x');
    const Lease second = desk.lease({.statement = whole});
    CHECK(desk.pool.leases()[1].statement == whole);
  }
}

TEST_CASE("leases and sessions are told with what is known of them") {
  Desk desk(lasting());
  Lease lease = desk.lease({.tag = "job", .statement = "SELECT 1", .owner = 42});
  Lease idle = desk.lease();
  const uint64_t leased_number = lease.session().number();
  const uint64_t idle_number = idle.session().number();
  idle.give_back(Fate::keep);
  desk.clock.advance(5s);

  const auto leases = desk.pool.leases();
  REQUIRE(leases.size() == 1);
  CHECK(leases[0].tag == "job");
  CHECK(leases[0].statement == "SELECT 1");
  CHECK(leases[0].owner == 42);
  CHECK(leases[0].held == 5s);
  CHECK(leases[0].session == leased_number);
  CHECK(leases[0].backend_id == "backend-" + std::to_string(leased_number));
  CHECK(fake(lease).asked_for_backend_id == 1);  // when it was dialled, never while it is leased

  const auto sessions = desk.pool.sessions();
  REQUIRE(sessions.size() == 2);
  CHECK(sessions[0].leased);
  CHECK(sessions[0].quiet == 0s);
  CHECK_FALSE(sessions[1].leased);
  CHECK(sessions[1].session == idle_number);
  CHECK(sessions[1].quiet == 5s);
  CHECK(sessions[1].age == 5s);
  CHECK(sessions[1].backend_id == "backend-" + std::to_string(idle_number));

  lease.give_back(Fate::keep);
  CHECK(desk.pool.leases().empty());
}

TEST_CASE("figures count what happened") {
  config::Pool settings = lasting();
  settings.max = 2;
  settings.max_overflow = 1;
  Desk desk(settings);
  auto held = desk.leases(2);
  NotingWaiter waiter, left;
  REQUIRE(desk.pool.enqueue(waiter, {}).ok());
  REQUIRE(desk.pool.enqueue(left, {}).ok());
  Figures figures = desk.pool.figures();
  CHECK(figures.leased == 2);
  CHECK(figures.waiting == 2);
  CHECK(figures.dialling == 1);
  CHECK(figures.max == 2);
  CHECK(figures.max_overflow == 1);
  desk.dial_fails();
  CHECK(desk.pool.abandon(left));
  held[0].give_back(Fate::keep);
  waiter.take().take().give_back(Fate::keep);
  (void)desk.pool.try_acquire({});
  figures = desk.pool.figures();
  CHECK(figures.dial_failures == 1);
  CHECK(figures.dialling == 0);
  CHECK(figures.waiting == 0);
  CHECK(figures.idle == 1);
  CHECK(figures.leased == 1);
  CHECK(figures.opened == 2);
  CHECK(figures.closed == 0);
  CHECK(figures.acquired == 4);
  CHECK(figures.waited == 3);
  CHECK(figures.last_dial_error == "connection refused");
  CHECK(desk.pool.settings().max == 2);
  CHECK(desk.pool.endpoint() == "127.0.0.1:5432/app");
}

}  // namespace tl::pool
