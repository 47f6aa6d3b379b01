// Every verb through every state it can wait in, told everything that can be told there.
#include <thread>

#include "fake_case.hpp"

namespace tl::driver {
namespace {

std::vector<Ready> without(Ready bit) {
  std::vector<Ready> out;
  for (const Ready got : every_ready()) {
    if (!has(got, bit)) out.push_back(got);
  }
  return out;
}

// Reads one answer to its end; the values of all its sets.
std::vector<int64_t> read_all(Desk& desk, const Run& first, FetchLimits limits) {
  std::vector<int64_t> out;
  Then then = first.reply.then;
  while (then != Then::end) {
    if (then == Then::rows) {
      const auto fetch = desk.session.fetch(limits);
      desk.session.submit(*fetch);
      REQUIRE(fetch->succeeded());
      for (const int64_t value : values(*fetch->batch)) out.push_back(value);
      then = fetch->then;
    } else {
      const auto next = desk.session.next_set();
      desk.session.submit(*next);
      REQUIRE(next->succeeded());
      then = next->reply.then;
    }
  }
  return out;
}

// Takes a verb that has just been submitted through one pause of each kind. The pauses of `every_pause`.
const std::vector<Pause> every_pause = {Pause::for_answer(), Pause::to_send(), Pause::for_worker(),
                                        Pause::for_timer(1h), Pause::for_answer()};

void through_every_pause(Desk& desk, Operation& operation) {
  const int fd = desk.session.wire().client_fd();
  stays_waiting(desk.session, operation, On::socket, every_ready());
  CHECK(desk.session.waiting().wait.fd == fd);
  CHECK(desk.session.waiting().wait.want == Ready::readable);

  desk.session.wire().stop_reading();
  desk.session.wire().answer();
  CHECK(desk.session.pump(Ready::readable).wait.want == Ready::writable);
  stays_waiting(desk.session, operation, On::socket, every_ready());

  desk.session.wire().read_on();
  CHECK(desk.session.pump(Ready::writable).wait.on == On::worker);
  stays_waiting(desk.session, operation, On::worker, without(Ready::worker));

  CHECK(desk.session.pump(Ready::worker).wait.on == On::timer);
  CHECK_FALSE(desk.session.waiting().wait.deadline.is_never());
  stays_waiting(desk.session, operation, On::timer, every_ready());
}

}  // namespace

TEST_CASE("a statement that needs nothing is done at once") {
  Desk desk;
  desk.script("SELECT 1") = answering({}, {41, 42});
  const auto run = desk.run("SELECT 1");
  CHECK_FALSE(run->finished());
  desk.session.submit(*run);
  REQUIRE(run->succeeded());
  CHECK(desk.session.depth() == 0);
  CHECK(desk.session.waiting().is == Step::Is::done);
  REQUIRE(run->reply.schema != nullptr);
  CHECK((*run->reply.schema)[0].name == "n");
  CHECK(run->reply.then == Then::rows);
  CHECK(desk.session.state() == State::answering);
  CHECK(read_all(desk, *run, {10, 1000}) == std::vector<int64_t>{41, 42});
  CHECK(desk.session.state() == State::idle);
}

TEST_CASE("a verb waits in each state for what it waits for, whatever else it is told") {
  Desk desk;
  Script script = answering(every_pause, {1, 2});
  script.sets.push_back(script.sets[0]);
  desk.script("S") = script;
  desk.script("PING").pauses = every_pause;
  desk.script("RESET").pauses = every_pause;
  std::unique_ptr<Operation> operation;
  SUBCASE("run") { operation = desk.run("S"); }
  SUBCASE("ping") { operation = desk.session.ping(); }
  SUBCASE("reset") { operation = desk.session.reset(); }
  desk.session.submit(*operation);
  through_every_pause(desk, *operation);
}

TEST_CASE("fetch and next_set wait in each state too") {
  Desk desk;
  Script script = answering({}, {1});
  script.sets.push_back(script.sets[0]);
  script.fetch_pauses = every_pause;
  SUBCASE("fetch") {
    desk.script("S") = script;
    const auto run = desk.run("S");
    desk.session.submit(*run);
    const auto fetch = desk.session.fetch({1, 1});
    desk.session.submit(*fetch);
    through_every_pause(desk, *fetch);
  }
  SUBCASE("next_set") {
    script.sets[0].has_column = false;
    desk.script("S") = script;
    const auto run = desk.run("S");
    desk.session.submit(*run);
    CHECK(run->reply.then == Then::set);
    const auto next = desk.session.next_set();
    desk.session.submit(*next);
    through_every_pause(desk, *next);
  }
}

TEST_CASE("a timer ends when its moment has come") {
  Desk desk;
  desk.script("S") = answering({Pause::for_timer(5ms)});
  const auto run = desk.run("S");
  desk.session.submit(*run);
  CHECK(desk.session.waiting().wait.on == On::timer);
  const Deadline until = desk.session.waiting().wait.deadline;
  while (!until.passed(steady_clock().now())) std::this_thread::yield();
  CHECK(desk.session.pump(Ready::timer).is == Step::Is::done);
  CHECK(run->succeeded());
}

TEST_CASE("rows come in batches that end at rows or bytes, and the last tells what follows") {
  Desk desk;
  desk.script("S") = answering({}, {1, 2, 3, 4, 5});
  const auto run = desk.run("S");
  desk.session.submit(*run);
  FetchLimits limits;
  SUBCASE("rows") { limits = {2, 1'000'000}; }
  SUBCASE("bytes") { limits = {1'000'000, 16}; }
  std::vector<size_t> sizes;
  Then then = Then::rows;
  while (then == Then::rows) {
    const auto fetch = desk.session.fetch(limits);
    desk.session.submit(*fetch);
    REQUIRE(fetch->succeeded());
    sizes.push_back(static_cast<size_t>(fetch->batch->rows()));
    then = fetch->then;
  }
  CHECK(sizes == std::vector<size_t>{2, 2, 1});
  CHECK(then == Then::end);
}

TEST_CASE("a request that asks for its first rows gets them with the head") {
  Desk desk;
  desk.script("S") = answering({}, {1, 2, 3});
  Request request = statement("S");
  SUBCASE("all of them: the answer is complete") {
    request.first = {3, 1000};
    const auto run = desk.session.run(request);
    desk.session.submit(*run);
    REQUIRE(run->succeeded());
    CHECK(values(*run->reply.batch) == std::vector<int64_t>{1, 2, 3});
    CHECK(run->reply.then == Then::end);
    CHECK(desk.session.state() == State::idle);
  }
  SUBCASE("some: the others are fetched") {
    request.first = {2, 1000};
    const auto run = desk.session.run(request);
    desk.session.submit(*run);
    REQUIRE(run->succeeded());
    CHECK(values(*run->reply.batch) == std::vector<int64_t>{1, 2});
    CHECK(run->reply.then == Then::rows);
    CHECK(read_all(desk, *run, {10, 1000}) == std::vector<int64_t>{3});
  }
  SUBCASE("or the failure among them") {
    desk.script("S").sets[0].error = refused("division by zero");
    request.first = {10, 1000};
    const auto run = desk.session.run(request);
    desk.session.submit(*run);
    REQUIRE(run->failure() != nullptr);
    CHECK(run->failure()->message == "division by zero");
    CHECK(desk.session.state() == State::idle);
  }
}

TEST_CASE("several sets, with columns and without") {
  Desk desk;
  Script script = answering({}, {1, 2});
  FakeSet update;
  update.has_column = false;
  update.affected = 7;
  script.sets.push_back(update);
  FakeSet last;
  last.rows = {3};
  last.affected = 1;
  script.sets.push_back(last);
  desk.script("S") = script;
  const auto run = desk.run("S");
  desk.session.submit(*run);
  const auto fetch = desk.session.fetch({10, 1000});
  desk.session.submit(*fetch);
  CHECK(fetch->then == Then::set);

  const auto second = desk.session.next_set();
  desk.session.submit(*second);
  CHECK(second->reply.schema == nullptr);
  CHECK(second->reply.affected == 7);
  CHECK(second->reply.then == Then::set);
  CHECK(desk.session.state() == State::answering);

  const auto third = desk.session.next_set();
  desk.session.submit(*third);
  CHECK(read_all(desk, *third, {1, 1}) == std::vector<int64_t>{3});
  CHECK(desk.session.state() == State::idle);
}

TEST_CASE("a statement that is not plain leaves the session changed until it is reset") {
  Desk desk;
  const auto plain = desk.run("SELECT 1");
  desk.session.submit(*plain);
  CHECK_FALSE(desk.session.changed());
  const auto set = desk.run("SET x = 1", false);
  desk.session.submit(*set);
  CHECK(desk.session.changed());
  const auto ping = desk.session.ping();
  desk.session.submit(*ping);
  CHECK(desk.session.changed());
  const auto reset = desk.session.reset();
  desk.session.submit(*reset);
  CHECK(reset->succeeded());
  CHECK_FALSE(desk.session.changed());
}

TEST_CASE("reset drops a pending answer and a transaction") {
  Desk desk;
  desk.script("BEGIN").leaves = State::in_transaction;
  const auto begin = desk.run("BEGIN");
  desk.session.submit(*begin);
  CHECK(desk.session.state() == State::in_transaction);
  desk.script("S") = answering({}, {1, 2});
  const auto run = desk.run("S");
  desk.session.submit(*run);
  CHECK(desk.session.state() == State::answering);
  const auto reset = desk.session.reset();
  desk.session.submit(*reset);
  CHECK(desk.session.state() == State::idle);
}

TEST_CASE("a failure") {
  Desk desk;
  SUBCASE("of a statement, after its pauses") {
    Script& script = desk.script("S");
    script.pauses = {Pause::for_answer()};
    script.error = refused("no such table");
    script.leaves = State::in_failed;
    const auto run = desk.run("S");
    desk.session.submit(*run);
    CHECK_FALSE(run->finished());
    desk.session.wire().answer();
    CHECK(desk.session.pump(Ready::readable).is == Step::Is::done);
    CHECK(run->finished());
    CHECK_FALSE(run->succeeded());
    REQUIRE(run->failure() != nullptr);
    CHECK(run->failure()->message == "no such table");
    CHECK(run->failure()->outcome == Outcome::refused);
    CHECK(desk.session.state() == State::in_failed);
    const Failure taken = run->take_failure();
    CHECK(taken->status == Status::statement);
  }
  SUBCASE("among the rows") {
    Script script = answering({}, {1, 2, 3});
    script.sets[0].error = refused("division by zero");
    desk.script("S") = script;
    const auto run = desk.run("S");
    desk.session.submit(*run);
    const auto first = desk.session.fetch({2, 1000});
    desk.session.submit(*first);
    CHECK(first->succeeded());
    const auto second = desk.session.fetch({2, 1000});
    desk.session.submit(*second);
    CHECK(second->finished());
    REQUIRE(second->failure() != nullptr);
    CHECK(second->failure()->message == "division by zero");
    CHECK(desk.session.state() == State::idle);
  }
  SUBCASE("of a ping breaks the session") {
    desk.script("PING").error = refused();
    const auto ping = desk.session.ping();
    desk.session.submit(*ping);
    CHECK_FALSE(ping->succeeded());
    CHECK(desk.session.state() == State::broken);
    CHECK_FALSE(desk.session.looks_alive());
  }
}

TEST_CASE("a server that hangs up in the middle: outcome unknown, the session broken") {
  Desk desk;
  CHECK(desk.session.looks_alive());
  desk.script("S") = answering({Pause::for_answer(), Pause::for_answer()});
  const auto run = desk.run("S");
  desk.session.submit(*run);
  desk.session.wire().answer();
  desk.session.pump(Ready::readable);
  desk.session.wire().hang_up();
  CHECK(desk.session.pump(Ready::readable).is == Step::Is::done);
  REQUIRE(run->failure() != nullptr);
  CHECK(run->failure()->status == Status::unavailable);
  CHECK(run->failure()->outcome == Outcome::unknown);
  CHECK(desk.session.state() == State::broken);
  CHECK_FALSE(desk.session.looks_alive());
}

TEST_CASE("cancelling at the server from another thread") {
  Desk desk;
  desk.script("S") = answering({Pause::for_answer()});
  const auto run = desk.run("S");
  desk.session.submit(*run);
  const auto canceller = desk.session.canceller();
  CHECK_FALSE(canceller->blocks());
  Dial dial(Deadline::never());
  std::thread([&] { canceller->cancel(dial); }).join();
  desk.session.pump(Ready::readable);
  REQUIRE(run->failure() != nullptr);
  CHECK(run->failure()->status == Status::cancelled);
  CHECK(desk.session.state() == State::idle);
}

TEST_CASE("a canceller outlives its session harmlessly") {
  std::shared_ptr<Canceller> canceller;
  {
    Desk desk;
    canceller = desk.session.canceller();
  }
  Dial dial(Deadline::never());
  canceller->cancel(dial);
}

TEST_CASE("an idle session looks dead once the server hung up or sent something unasked") {
  Desk desk;
  SUBCASE("hung up") { desk.session.wire().hang_up(); }
  SUBCASE("unasked") { desk.session.wire().answer(); }
  CHECK_FALSE(desk.session.looks_alive());
}

TEST_CASE("sessions have numbers of their own") {
  Desk one;
  Desk two;
  CHECK(one.session.number() != two.session.number());
  CHECK(one.session.backend_id() != two.session.backend_id());
}

TEST_CASE("the intent to cancel is only an intent") {
  Desk desk;
  desk.script("S") = answering({Pause::for_answer()});
  const auto run = desk.run("S");
  desk.session.submit(*run);
  CHECK_FALSE(run->cancel_requested());
  run->request_cancel();
  CHECK(run->cancel_requested());
  CHECK_FALSE(run->finished());
  desk.session.wire().answer();
  desk.session.pump(Ready::readable);
  CHECK(run->succeeded());
}

}  // namespace tl::driver
