// The line of operations on one session: who is resumed, in which order, with what.
#include "fake_case.hpp"

namespace tl::driver {
namespace {

using Log = std::vector<std::string>;

// Three statements that each need one answer, all in the line.
struct Three {
  Three() {
    for (const char* text : {"A", "B", "C"}) desk.script(text) = answering({Pause::for_answer()});
    a = desk.run("A");
    b = desk.run("B");
    c = desk.run("C");
    for (const auto* operation : {&a, &b, &c}) desk.session.submit(**operation);
    desk.server->resumed.clear();
  }
  Desk desk;
  std::unique_ptr<Run> a, b, c;
};

}  // namespace

TEST_CASE("each operation takes its first step when it is submitted; those behind wait for their turn") {
  Desk desk;
  desk.script("A") = answering({Pause::for_answer()});
  const auto a = desk.run("A");
  const auto b = desk.run("B");
  desk.session.submit(*a);
  CHECK(desk.session.depth() == 1);
  desk.session.submit(*b);
  CHECK(desk.session.depth() == 2);
  CHECK(desk.server->resumed == Log{"A: start", "B: start"});
  // What the session waits for is what its head waits for.
  CHECK(desk.session.waiting().wait.on == On::socket);
  CHECK_FALSE(b->finished());
}

TEST_CASE("the end of one is the turn of the next, without anyone polling") {
  Three line;
  SUBCASE("one answer ends the head alone") {
    line.desk.session.wire().answer();
    CHECK(line.desk.session.pump(Ready::readable).wait.on == On::socket);
    CHECK(line.desk.server->resumed == Log{"A: readable", "B: turn"});
    CHECK(line.desk.session.depth() == 2);
    CHECK(line.a->succeeded());
    CHECK_FALSE(line.b->finished());
  }
  SUBCASE("three answers that came together end all in order") {
    line.desk.session.wire().answer(3);
    CHECK(line.desk.session.pump(Ready::readable).is == Step::Is::done);
    CHECK(line.desk.server->resumed == Log{"A: readable", "B: turn", "C: turn"});
    CHECK(line.desk.session.depth() == 0);
    CHECK(line.c->succeeded());
  }
}

TEST_CASE("told of nothing that happened, the line stays as it is and only its head is resumed") {
  Three line;
  stays_waiting(line.desk.session, *line.a, On::socket, every_ready());
  CHECK(line.desk.session.depth() == 3);
  for (const std::string& entry : line.desk.server->resumed) CHECK(entry.starts_with("A: "));
}

TEST_CASE("a failure in the line is its operation's alone") {
  Desk desk;
  desk.script("A") = answering({Pause::for_answer()});
  desk.script("B").pauses = {Pause::for_answer()};
  desk.script("B").error = refused("B failed");
  desk.script("C") = answering({Pause::for_answer()});
  const auto a = desk.run("A");
  const auto b = desk.run("B");
  const auto c = desk.run("C");
  for (const auto* operation : {&a, &b, &c}) desk.session.submit(**operation);
  desk.session.wire().answer(3);
  CHECK(desk.session.pump(Ready::readable).is == Step::Is::done);
  CHECK(a->succeeded());
  REQUIRE(b->failure() != nullptr);
  CHECK(b->failure()->message == "B failed");
  CHECK(c->succeeded());
}

TEST_CASE("a server that hangs up fails everyone in the line, in order") {
  Three line;
  line.desk.session.wire().answer();
  line.desk.session.wire().hang_up();
  CHECK(line.desk.session.pump(Ready::readable).is == Step::Is::done);
  CHECK(line.a->succeeded());
  for (const auto* lost : {&line.b, &line.c}) {
    REQUIRE((*lost)->failure() != nullptr);
    CHECK((*lost)->failure()->status == Status::unavailable);
  }
  CHECK(line.desk.session.depth() == 0);
}

TEST_CASE("an operation that needs no wait, behind one that does, is done in its turn") {
  Desk desk;
  desk.script("A") = answering({Pause::for_answer()});
  const auto a = desk.run("A");
  const auto b = desk.run("B");
  desk.session.submit(*a);
  desk.session.submit(*b);
  desk.session.wire().answer();
  desk.session.pump(Ready::readable);
  CHECK(b->succeeded());
  CHECK(desk.server->resumed == Log{"A: start", "B: start", "A: readable", "B: turn"});
}

TEST_CASE("an empty line: a pump is done, and the next operation is a head again") {
  Desk desk;
  CHECK(desk.session.pump(Ready::readable).is == Step::Is::done);
  for (int i = 0; i < 3; ++i) {
    const auto a = desk.run("A");
    desk.session.submit(*a);
    CHECK(a->succeeded());
    CHECK(desk.session.depth() == 0);
  }
}

TEST_CASE("what arrives for those behind is kept for their turn") {
  Desk desk;
  desk.script("A") = answering({Pause::for_answer(), Pause::for_worker()});
  desk.script("B") = answering({Pause::for_answer()});
  const auto a = desk.run("A");
  const auto b = desk.run("B");
  desk.session.submit(*a);
  desk.session.submit(*b);
  desk.session.wire().answer(2);
  CHECK(desk.session.pump(Ready::readable).wait.on == On::worker);
  CHECK(desk.session.pump(Ready::worker).is == Step::Is::done);
  CHECK(b->succeeded());
}

namespace {

// Fails its first step, as a verb does whose parameters cannot be sent.
class Stillborn final : public Operation {
 public:
  Step resume(Ready) noexcept override {
    ++resumed;
    return failed(fail(Status::misuse, "cannot be sent"));
  }
  int resumed = 0;
};

}  // namespace

TEST_CASE("an operation that fails its first step leaves the line at once, wherever it stood") {
  Three line;
  Stillborn stillborn;
  SUBCASE("last") {}
  SUBCASE("alone") {
    line.desk.session.wire().answer(3);
    line.desk.session.pump(Ready::readable);
    line.desk.session.submit(stillborn);
    CHECK(stillborn.finished());
    CHECK(line.desk.session.depth() == 0);
    CHECK(line.desk.session.pump(Ready::turn).is == Step::Is::done);
    return;
  }
  line.desk.session.submit(stillborn);
  CHECK(stillborn.finished());
  REQUIRE(stillborn.failure() != nullptr);
  CHECK(line.desk.session.depth() == 3);
  CHECK(line.desk.session.waiting().wait.on == On::socket);

  const auto d = line.desk.run("D");
  line.desk.session.submit(*d);
  line.desk.session.wire().answer(3);
  CHECK(line.desk.session.pump(Ready::readable).is == Step::Is::done);
  CHECK(line.c->succeeded());
  CHECK(d->succeeded());
  CHECK(stillborn.resumed == 1);
}

namespace {

// Notes what its line is told; has no verbs of its own.
class NotingSession final : public Session {
 public:
  [[nodiscard]] std::unique_ptr<Run> run(Request) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<Run> next_set() override { return nullptr; }
  [[nodiscard]] std::unique_ptr<Fetch> fetch(FetchLimits) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<Many> run_many(ManyRequest) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<Operation> ping() override { return nullptr; }
  [[nodiscard]] std::unique_ptr<Operation> reset() override { return nullptr; }
  [[nodiscard]] std::shared_ptr<Canceller> canceller() override { return nullptr; }
  [[nodiscard]] State state() const noexcept override { return State::idle; }
  [[nodiscard]] bool changed() const noexcept override { return false; }
  [[nodiscard]] bool looks_alive() noexcept override { return true; }
  [[nodiscard]] std::string backend_id() const override { return ""; }

  Log log;

 protected:
  void move_bytes(Ready got) noexcept override { log.push_back(has(got, Ready::readable) ? "bytes in" : "bytes"); }
};

class NotingOperation final : public Operation {
 public:
  NotingOperation(Log& log, std::string name) : log_(log), name_(std::move(name)) {}
  Step resume(Ready got) noexcept override {
    log_.push_back(name_);
    return has(got, Ready::readable) || got == Ready::turn ? Step::done() : Step::waits({});
  }

 private:
  Log& log_;
  const std::string name_;
};

}  // namespace

TEST_CASE("bytes are moved once for the whole line, before its head is resumed, and not for a turn") {
  NotingSession session;
  NotingOperation a(session.log, "a");
  NotingOperation b(session.log, "b");
  session.submit(a);
  session.submit(b);
  session.log.clear();
  SUBCASE("readable") {
    session.pump(Ready::readable);
    CHECK(session.log == Log{"bytes in", "a", "b"});
  }
  SUBCASE("something else") {
    session.pump(Ready::writable);
    CHECK(session.log == Log{"bytes", "a"});
  }
  SUBCASE("a turn") {
    session.pump(Ready::turn);
    CHECK(session.log == Log{"a", "b"});
  }
}

}  // namespace tl::driver
