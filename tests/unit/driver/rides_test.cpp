// Several callers' statements in one line: each is sent at once and reads its own answer.
#include "fake_case.hpp"

namespace tl::driver {
namespace {

using Log = std::vector<std::string>;

Request read(std::string text, uint32_t rows = 100) {
  auto parsed = std::make_shared<sql::Statement>();
  parsed->text = std::move(text);
  parsed->plain = true;
  parsed->kind = sql::Kind::read;
  return {std::move(parsed), {}, {rows, 1 << 20}};
}

// Who has finished, in order.
class Noting final : public Operation::Listener {
 public:
  void finished(Operation& operation) noexcept override { of.push_back(&operation); }
  std::vector<const Operation*> of;
};

// Rides in one line, answering 1, 2, 3 ….
struct Rides : Desk {
  explicit Rides(size_t n) {
    for (size_t i = 0; i < n; ++i) {
      script(name(i)) = answering({Pause::for_answer()}, {int64_t(i) + 1});
      submit(session.ride(read(name(i))));
    }
    server->resumed.clear();
  }
  static std::string name(size_t i) { return std::string(1, static_cast<char>('A' + i)); }
  void submit(std::unique_ptr<Run> ride) {
    ride->listener = &told;
    rides.push_back(std::move(ride));
    session.submit(*rides.back());
  }
  Step answer(size_t n) {
    session.wire().answer(n);
    return session.pump(Ready::readable);
  }

  Noting told;
  std::vector<std::unique_ptr<Run>> rides;
};

int64_t only_value(const Run& run) {
  REQUIRE(run.succeeded());
  REQUIRE(run.reply.batch != nullptr);
  return values(*run.reply.batch).at(0);
}

// Says when it goes.
class Counted final : public Operation {
 public:
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  ~Counted() override { --alive_; }
  Step resume(Ready got) noexcept override { return got == Ready::turn ? Step::done() : Step::waits({}); }

 private:
  int& alive_;
};

}  // namespace

TEST_CASE("a ride may be submitted to an idle session and behind other rides, and nowhere else") {
  Desk desk;
  desk.script("A") = answering({Pause::for_answer()});
  CHECK(desk.session.rides(read("A")));
  CHECK_FALSE(desk.session.rides(read("A", 0)));
  CHECK_FALSE(desk.session.rides(statement("A")));  // not known as a read
  CHECK_FALSE(desk.session.rides(read("unknown")));
  SUBCASE("behind a ride") {
    const auto a = desk.session.ride(read("A"));
    desk.session.submit(*a);
    CHECK(desk.session.rides(read("A")));
    const auto b = desk.run("A");
    desk.session.submit(*b);
    CHECK_FALSE(desk.session.rides(read("A")));
    desk.session.wire().answer(2);
    desk.session.pump(Ready::readable);
    CHECK_FALSE(desk.session.rides(read("A")));  // b's rows are to be fetched
  }
  SUBCASE("behind a run") {
    const auto a = desk.run("A");
    desk.session.submit(*a);
    CHECK_FALSE(desk.session.rides(read("A")));
    desk.session.wire().answer();
    desk.session.pump(Ready::readable);
  }
  SUBCASE("in a transaction") {
    desk.script("BEGIN").leaves = State::in_transaction;
    const auto begin = desk.run("BEGIN");
    desk.session.submit(*begin);
    CHECK_FALSE(desk.session.rides(read("A")));
  }
  SUBCASE("on a changed session") {
    const auto set = desk.run("SET", false);
    desk.session.submit(*set);
    CHECK_FALSE(desk.session.rides(read("A")));
  }
}

TEST_CASE("rides are sent when they are submitted, answered in order, and told to their listeners") {
  Rides line(3);
  CHECK(line.session.head() == line.rides[0].get());
  SUBCASE("one by one") {
    for (size_t i = 0; i < 3; ++i) {
      line.answer(1);
      CHECK(line.told.of.size() == i + 1);
    }
  }
  SUBCASE("at once") {
    CHECK(line.answer(3).is == Step::Is::done);
    CHECK(line.server->resumed == Log{"A: readable", "B: turn", "C: turn"});
  }
  for (size_t i = 0; i < 3; ++i) {
    CHECK(only_value(*line.rides[i]) == int64_t(i) + 1);
    CHECK(line.rides[i]->reply.then == Then::end);
    CHECK(line.told.of.at(i) == line.rides[i].get());
  }
  CHECK(line.session.depth() == 0);
  CHECK(line.session.head() == nullptr);
  CHECK(line.session.state() == State::idle);
}

TEST_CASE("an error of one ride is its own") {
  Rides line(1);
  Script& failing = line.script("B");
  failing.pauses = {Pause::for_answer()};
  failing.error = refused("B failed");
  SUBCASE("for good") {}
  SUBCASE("to be run again") { failing.stale = true; }
  line.submit(line.session.ride(read("B")));
  line.script("C") = answering({Pause::for_answer()}, {3});
  line.submit(line.session.ride(read("C")));
  CHECK(line.answer(3).is == Step::Is::done);
  CHECK(only_value(*line.rides[0]) == 1);
  REQUIRE(line.rides[1]->failure() != nullptr);
  CHECK(line.rides[1]->failure()->message == "B failed");
  CHECK(line.rides[1]->again == failing.stale);
  CHECK(only_value(*line.rides[2]) == 3);
}

TEST_CASE("a ride reads its answer whole, in batches, up to its bound") {
  Desk desk;
  std::vector<int64_t> rows(25);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = int64_t(i);
  desk.script("A") = answering({Pause::for_answer()}, rows);
  Request request = read("A", 10);
  SUBCASE("within it") {
    const auto a = desk.session.ride(request);
    desk.session.submit(*a);
    desk.session.wire().answer();
    desk.session.pump(Ready::readable);
    REQUIRE(a->succeeded());
    REQUIRE(a->reply.more.size() == 2);
    std::vector<int64_t> all = values(*a->reply.batch);
    for (const auto& batch : a->reply.more) {
      for (const int64_t value : values(*batch)) all.push_back(value);
    }
    CHECK(all == rows);
  }
  SUBCASE("beyond it") {
    request.whole_bytes = 50;
    const auto a = desk.session.ride(request);
    desk.session.submit(*a);
    desk.session.wire().answer();
    desk.session.pump(Ready::readable);
    REQUIRE(a->failure() != nullptr);
    CHECK(a->failure()->status == Status::too_large);
    CHECK(a->failure()->outcome == Outcome::unknown);
  }
  CHECK(desk.session.state() == State::idle);
}

TEST_CASE("whoever is dropped takes his turn in silence, wherever he stood") {
  Rides line(3);
  size_t gone = 0;
  SUBCASE("the head") { gone = 0; }
  SUBCASE("the middle") { gone = 1; }
  SUBCASE("the last") { gone = 2; }
  line.session.drop(std::move(line.rides[gone]));
  CHECK(line.session.depth() == 3);
  CHECK(line.answer(3).is == Step::Is::done);
  CHECK(line.told.of.size() == 2);
  for (size_t i = 0; i < 3; ++i) {
    if (i != gone) CHECK(only_value(*line.rides[i]) == int64_t(i) + 1);
  }
  CHECK(line.session.depth() == 0);
  CHECK(line.session.state() == State::idle);
}

TEST_CASE("dropping what has finished only destroys it") {
  Rides line(2);
  line.answer(1);
  line.session.drop(std::move(line.rides[0]));
  CHECK(line.session.depth() == 1);
  line.answer(1);
  CHECK(only_value(*line.rides[1]) == 2);
}

TEST_CASE("a hang-up with three in the line fails each that was not answered") {
  Rides line(3);
  line.session.drop(std::move(line.rides[1]));
  line.session.wire().answer();
  line.session.wire().hang_up();
  CHECK(line.session.pump(Ready::readable).is == Step::Is::done);
  CHECK(only_value(*line.rides[0]) == 1);
  REQUIRE(line.rides[2]->failure() != nullptr);
  CHECK(line.rides[2]->failure()->outcome == Outcome::unknown);
  CHECK(line.session.state() == State::broken);
  CHECK(line.session.depth() == 0);
}

TEST_CASE("what was dropped goes when its turn is over, or with its session") {
  int alive = 0;
  auto desk = std::make_unique<Desk>();
  desk->script("A") = answering({Pause::for_answer()});
  auto a = desk->run("A");
  desk->session.submit(*a);
  for (int i = 0; i < 3; ++i) {
    std::unique_ptr<Operation> operation = std::make_unique<Counted>(alive);
    desk->session.submit(*operation);
    desk->session.drop(std::move(operation));
  }
  CHECK(alive == 3);
  SUBCASE("its turn") {
    desk->session.wire().answer();
    desk->session.pump(Ready::readable);
    CHECK(alive == 0);
    CHECK(desk->session.depth() == 0);
  }
  SUBCASE("its session") {
    desk->session.drop(std::move(a));
    desk.reset();
    CHECK(alive == 0);
  }
}

TEST_CASE("what a ride behind the head could not send makes the line wait for the socket to take it") {
  Rides line(1);
  CHECK(line.session.waiting().wait.want == Ready::readable);
  line.session.wire().stop_reading();
  line.script("B") = answering({Pause::for_answer()}, {2});
  line.submit(line.session.ride(read("B")));
  CHECK(line.session.waiting().wait.want == (Ready::readable | Ready::writable));
  line.answer(1);
  CHECK(line.session.waiting().wait.want == (Ready::readable | Ready::writable));
  line.session.wire().read_on();
  CHECK(line.session.pump(Ready::writable).wait.want == Ready::readable);
  line.session.wire().await_sent();
  line.answer(1);
  CHECK(only_value(*line.rides[1]) == 2);
}

}  // namespace tl::driver
