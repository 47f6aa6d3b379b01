// Looking at a primary and its replica, and waiting for the replica.
#include "queue.hpp"
#include "replicas.hpp"
#include "ticket.hpp"

namespace tl::validation {

namespace {

class Task final : public runtime::Errand {
 public:
  explicit Task(std::function<void()> body) : body_(std::move(body)) {}
  void run() noexcept override { body_(); }

 private:
  const std::function<void()> body_;
};

// On a fiber of a queue, which this thread drives.
void run_on_queue(std::function<void()> body) {
  auto made = runtime::Queue::make(runtime::Queue::Driver::callers);
  REQUIRE(made.ok());
  const auto queue = made.take();
  std::unique_ptr<runtime::Errand> errand = std::make_unique<Task>(std::move(body));
  REQUIRE(queue->submit(errand).ok());
  runtime::LinkedList<runtime::Errand> ended;
  (void)queue->take(ended, 1, Deadline::after(steady_clock().now(), 60s));
  errand.reset(ended.pop());
  CHECK(errand != nullptr);
  queue->forsake();
}

Position write(Asking& ask) {
  ask.wants_position = true;
  ask.run("CREATE TABLE IF NOT EXISTS waited_for (a INTEGER)");
  ask.run("INSERT INTO waited_for VALUES (1)");
  return ask->written();
}

// Whether it ended when it should; the session is of use either way.
bool check_limit(Asking& replica, const Position& behind, Nanos limit) {
  CAPTURE(limit.count());
  const Instant began = steady_clock().now();
  const auto reach = replica->reach(behind, Deadline::after(began, limit));
  REQUIRE(runtime::run(*replica, *reach, nullptr) == runtime::Ended::finished);
  const Nanos took = steady_clock().now() - began;
  REQUIRE(reach->succeeded());
  CHECK_FALSE(reach->reached);
  CHECK(replica->state() == State::idle);
  CHECK_FALSE(replica->changed());
  CHECK(replica.one("SELECT 1") == "1");
  return took >= limit && took < limit + 20ms;
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
  // On a machine that is busy the last question may be on its way when the time is up, or not be asked at all.
  bool ended_by_itself = false;
  for (const Instant began = steady_clock().now(); !ended_by_itself && steady_clock().now() - began < 60s;) {
    for (const Nanos limit : {Nanos(0ms), Nanos(1ms), Nanos(20ms), Nanos(300ms)}) {
      ended_by_itself = check_limit(replica, behind, limit);  // the longest counts
    }
  }
  CHECK(ended_by_itself);
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

TEST_CASE("a queue's fiber waits for a replica as a thread does") {
  Asking primary = at("TL_PRIMARY");
  Asking replica = at("TL_REPLICA");
  Paused paused;
  const Position behind = write(primary);
  run_on_queue([&] { CHECK_FALSE(has_come(replica, behind, 300ms)); });
  std::thread later([&] {
    std::this_thread::sleep_for(50ms);
    paused.resume();
  });
  run_on_queue([&] { CHECK(has_come(replica, behind)); });
  later.join();
  CHECK(replica->state() == State::idle);
}

TEST_CASE("waiting for a replica is cancelled at once") {
  Asking primary = at("TL_PRIMARY");
  Asking replica = at("TL_REPLICA");
  const Paused paused;
  const auto reach = replica->reach(write(primary), Deadline::after(steady_clock().now(), 60s));
  runtime::Ticket ticket;
  std::thread canceller([&] {
    std::this_thread::sleep_for(100ms);
    ticket.cancel();
  });
  const Instant began = steady_clock().now();
  if (runtime::run(*replica, *reach, &ticket) != runtime::Ended::finished) {  // between questions it ends by itself
    driver::Dial dial(Deadline::after(steady_clock().now(), 30s));
    replica->canceller()->cancel(dial);
    CHECK(runtime::finish(*replica, *reach, Deadline::after(steady_clock().now(), 30s)));
  }
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
