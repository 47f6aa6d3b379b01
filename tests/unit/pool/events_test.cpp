// What a pool tells of its sessions, and counts.
#include <string>

#include "pool_fixture.hpp"

namespace tl::pool {
namespace {

using observe::Event;
using observe::Kind;

// Notes events, and whether the pool's lock was free when they were told.
class Notes final : public observe::Listener {
 public:
  explicit Notes(Pool& pool) : pool_(pool) {}
  bool event(const std::shared_ptr<const Event>& event) noexcept override {
    (void)pool_.leased();  // would wait for ever with the lock held
    events.push_back(*event);
    return true;
  }
  [[nodiscard]] std::string told() const {
    std::string text;
    for (const Event& event : events) text += std::string(text.empty() ? "" : " ") + std::string(kind_name(event.kind));
    return text;
  }
  std::vector<Event> events;

 private:
  Pool& pool_;
};

std::shared_ptr<Notes> listen(Desk& desk) {
  auto notes = std::make_shared<Notes>(desk.pool);
  desk.hub->subscribe(notes, observe::all_kinds);
  return notes;
}

}  // namespace

TEST_CASE("a session is told of at each loan, with who borrowed it, for how long, and when it goes") {
  Desk desk(lasting());
  const auto notes = listen(desk);
  Lease lease = desk.lease({.tag = "web", .statement = "SELECT 1"});
  const uint64_t number = lease.session().number();
  desk.clock.advance(3s);
  lease.give_back(Fate::keep);
  desk.lease({.tag = "job"}).give_back(Fate::destroy);
  CHECK(notes->told() == "checkout checkin checkout checkin disconnect");
  for (const Event& event : notes->events) {
    CHECK(event.session == number);
    CHECK(event.backend_id == "backend-" + std::to_string(number));
    CHECK(event.connection == "main");
    CHECK(event.endpoint == "127.0.0.1:5432/app");
  }
  CHECK(notes->events[0].tag == "web");
  CHECK(notes->events[0].statement == "SELECT 1");
  CHECK(notes->events[1].tag == "web");
  CHECK(notes->events[1].duration == 3s);
  CHECK(notes->events[3].tag == "job");
  CHECK(notes->events[4].duration == 3s);
}

TEST_CASE("a caller that waited is told of before it goes on, and how long it did") {
  config::Pool settings = lasting();
  settings.max = settings.max_idle = 1;
  Desk desk(settings);
  Lease first = desk.lease();
  const auto notes = listen(desk);
  NotingWaiter waiter;
  REQUIRE(desk.pool.enqueue(waiter, {.tag = "second"}).ok());
  desk.clock.advance(40ms);
  first.give_back(Fate::keep);
  REQUIRE(waiter.grants == 1);
  CHECK(notes->told() == "checkin checkout");
  CHECK(notes->events[1].tag == "second");
  CHECK(notes->events[1].duration == 40ms);
  const observe::Histogram::Seen waits = desk.source.counters().waits.look();
  CHECK(waits.count() == desk.pool.figures().waited);
  CHECK(waits.sum == 40ms);
  waiter.take().take().give_back(Fate::keep);
  CHECK(desk.source.counters().leases.look().count() == 2);
  CHECK(desk.source.counters().leases.look().sum == 40ms);
}

TEST_CASE("a caller that got nothing in time is told of with the reason") {
  config::Pool settings = lasting();
  settings.max = settings.max_idle = 1;
  Desk desk(settings);
  const Lease only = desk.lease({.tag = "holder"});
  const auto notes = listen(desk);
  const Failure failure = desk.pool.exhausted(30s, {.tag = "late", .statement = "SELECT 2"});
  REQUIRE(notes->told() == "timeout");
  CHECK(notes->events[0].status == Status::acquire_timeout);
  CHECK(notes->events[0].duration == 30s);
  CHECK(notes->events[0].tag == "late");
  CHECK(notes->events[0].statement == "SELECT 2");
  CHECK(notes->events[0].message == failure->message);
}

TEST_CASE("sessions that idled out, or are closed with their pool, are told of") {
  config::Pool settings;
  settings.idle_timeout = 1s;
  Desk desk(settings);
  { const auto leases = desk.leases(2); }
  const auto notes = listen(desk);
  desk.let_pass(3s);
  CHECK(notes->told() == "disconnect disconnect");
  desk.lease().give_back(Fate::keep);
  desk.pool.close();
  CHECK(notes->told() == "disconnect disconnect checkout checkin disconnect");
}

}  // namespace tl::pool
