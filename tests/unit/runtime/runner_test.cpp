// Running one operation on the caller's own thread: its waits, its deadline, and its end from another thread.
#include "runner.hpp"

#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <thread>

#include "fake.hpp"

namespace tl::runtime {
namespace {

using namespace std::chrono_literals;
using driver::On;
using driver::Operation;
using driver::Pause;
using driver::Ready;
using driver::Step;

Deadline in(Nanos budget) { return Deadline::after(steady_clock().now(), budget); }

Nanos thread_time() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + Nanos(spent.tv_nsec);
}

struct Desk {
  std::unique_ptr<driver::Run> run(const std::string& text, std::vector<Pause> pauses) {
    server->scripts[text].pauses = std::move(pauses);
    auto parsed = std::make_shared<sql::Statement>();
    parsed->text = text;
    return session.run({std::move(parsed), {}});
  }
  driver::FakeWire& wire() { return session.wire(); }

  std::shared_ptr<driver::FakeServer> server = std::make_shared<driver::FakeServer>();
  driver::FakeSession session{server};
};

// Waits for a descriptor that is always ready, and is never satisfied.
class Chatter final : public Operation {
 public:
  Chatter() : fd_(eventfd(1, EFD_CLOEXEC)) {}
  ~Chatter() override { close(fd_); }
  Step resume(Ready) noexcept override {
    if (enough) return Step::done();
    return Step::waits({On::socket, fd_, Ready::readable, {}});
  }
  bool enough = false;

 private:
  int fd_;
};

// Computes on a worker and notes where that was.
class Computing final : public Operation {
 public:
  Step resume(Ready got) noexcept override {
    if (!has(got, Ready::worker)) return Step::waits({On::worker, -1, Ready::start, {}});
    computed_on = std::this_thread::get_id();
    saw_cancel = cancel_requested();
    return Step::done();
  }
  std::thread::id computed_on;
  bool saw_cancel = false;
};

}  // namespace

TEST_CASE("an operation runs to its end through every kind of wait") {
  Desk desk;
  Ticket ticket;
  Ticket* with = nullptr;
  SUBCASE("without a ticket") {}
  SUBCASE("with a ticket") { with = &ticket; }
  const auto op = desk.run(
      "S", {Pause::to_send(), Pause::for_answer(), Pause::for_worker(), Pause::for_timer(2ms), Pause::for_answer()});
  std::thread server([&] {
    desk.wire().await_sent();
    desk.wire().answer(2);
  });
  CHECK(run(desk.session, *op, with) == Ended::finished);
  server.join();
  CHECK(op->succeeded());
  CHECK(desk.session.depth() == 0);
}

TEST_CASE("a worker's step is taken on the caller's thread, which need not have a descriptor") {
  Desk desk;
  Computing op;
  CHECK(run(desk.session, op, nullptr) == Ended::finished);
  CHECK(op.computed_on == std::this_thread::get_id());
}

TEST_CASE("a failed operation has finished") {
  Desk desk;
  const auto op = desk.run("S", {Pause::for_answer()});
  SUBCASE("because the server hung up") { desk.wire().hang_up(); }
  SUBCASE("because the server cancelled it") { desk.wire().cancel(); }
  CHECK(run(desk.session, *op, nullptr) == Ended::finished);
  CHECK_FALSE(op->succeeded());
  CHECK(op->failure() != nullptr);
}

TEST_CASE("at its deadline the operation is left in the line, and can be finished later") {
  Desk desk;
  Ticket ticket;
  Ticket* with = nullptr;
  SUBCASE("without a ticket") {}
  SUBCASE("with a ticket") { with = &ticket; }
  const auto op = desk.run("S", {Pause::for_answer()});
  const Instant began = steady_clock().now();
  op->deadline = Deadline::after(began, 20ms);
  CHECK(run(desk.session, *op, with) == Ended::deadline);
  const Nanos took = steady_clock().now() - began;
  CHECK(took >= 20ms);
  CHECK(took < 5s);
  CHECK_FALSE(op->finished());
  CHECK(desk.session.depth() == 1);

  CHECK_FALSE(finish(desk.session, *op, in(5ms)));
  CHECK(desk.session.depth() == 1);
  std::thread server([&] { desk.wire().answer(); });
  CHECK(finish(desk.session, *op, Deadline::never()));
  server.join();
  CHECK(op->succeeded());
}

TEST_CASE("a deadline that has passed still lets count what is there, and waits for nothing") {
  Desk desk;
  const auto op = desk.run("S", {Pause::for_answer()});
  op->deadline = in(-1s);
  SUBCASE("nothing") { CHECK(run(desk.session, *op, nullptr) == Ended::deadline); }
  SUBCASE("the answer") {
    desk.wire().answer();
    CHECK(run(desk.session, *op, nullptr) == Ended::finished);
    CHECK(op->succeeded());
  }
}

TEST_CASE("a server that talks without end does not outtalk the deadline or the caller") {
  Desk desk;
  Chatter op;
  Ticket ticket;
  SUBCASE("the deadline") {
    op.deadline = in(20ms);
    CHECK(run(desk.session, op, nullptr) == Ended::deadline);
    CHECK_FALSE(finish(desk.session, op, in(5ms)));
  }
  SUBCASE("the caller") {
    std::thread caller([&] { ticket.cancel(); });
    CHECK(run(desk.session, op, &ticket) == Ended::cancelled);
    caller.join();
  }
  op.enough = true;
  CHECK(finish(desk.session, op, in(10s)));
}

TEST_CASE("an operation behind another is run by running the one before it") {
  Desk desk;
  const auto first = desk.run("A", {Pause::for_answer()});
  const auto second = desk.run("B", {Pause::for_answer()});
  desk.session.submit(*first);
  std::thread server([&] { desk.wire().answer(2); });
  CHECK(run(desk.session, *second, nullptr) == Ended::finished);
  server.join();
  CHECK(first->succeeded());
  CHECK(second->succeeded());
}

TEST_CASE("cancelled before it began: submitted, asked to stop, and left in the line") {
  Desk desk;
  Ticket ticket;
  ticket.cancel();
  const auto op = desk.run("S", {Pause::for_answer()});
  CHECK(run(desk.session, *op, &ticket) == Ended::cancelled);
  CHECK(op->cancel_requested());
  CHECK_FALSE(op->finished());
  desk.wire().cancel();
  CHECK(finish(desk.session, *op, in(10s)));
  REQUIRE(op->failure() != nullptr);
  CHECK(op->failure()->status == Status::cancelled);
}

TEST_CASE("cancelled before it began, but needing no wait: it has finished, and that is told") {
  Desk desk;
  Ticket ticket;
  ticket.cancel();
  const auto op = desk.run("S", {});
  CHECK(run(desk.session, *op, &ticket) == Ended::finished);
}

TEST_CASE("an operation that computes sees for itself that it was cancelled") {
  Desk desk;
  Ticket ticket;
  ticket.cancel();
  Computing op;
  CHECK(run(desk.session, op, &ticket) == Ended::finished);
  CHECK(op.saw_cancel);
}

TEST_CASE("cancelled from another thread while it waits") {
  Desk desk;
  Ticket ticket;
  const auto op = desk.run("S", {Pause::to_send(), Pause::for_answer()});
  std::thread other([&] {
    desk.wire().await_sent();
    ticket.cancel();
  });
  CHECK(run(desk.session, *op, &ticket) == Ended::cancelled);
  other.join();
  CHECK(desk.session.depth() == 1);
  desk.wire().answer();
  CHECK(finish(desk.session, *op, in(10s)));  // deaf to the cancel, which stays requested
  CHECK(op->succeeded());
}

TEST_CASE("a thread that could once get no descriptor can be cancelled when there are some again") {
  std::thread([] {
    Desk desk;
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{3, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    Ticket first;
    const auto deaf = desk.run("first", {Pause::for_timer(1ms)});
    CHECK(run(desk.session, *deaf, &first) == Ended::finished);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);

    Ticket ticket;
    const auto operation = desk.run("second", {Pause::to_send(), Pause::for_answer()});
    operation->deadline = in(10s);
    std::thread other([&] {
      desk.wire().await_sent();
      ticket.cancel();
    });
    CHECK(run(desk.session, *operation, &ticket) == Ended::cancelled);
    other.join();
    desk.wire().answer();
    CHECK(finish(desk.session, *operation, in(10s)));
  }).join();
}

TEST_CASE("cancelled after it has finished: nothing, and nothing for the next on this thread") {
  Desk desk;
  for (int i = 0; i < 3; ++i) {
    Ticket ticket;
    const auto op = desk.run("S", {Pause::for_answer()});
    desk.wire().answer();
    CHECK(run(desk.session, *op, &ticket) == Ended::finished);
    ticket.cancel();
    CHECK_FALSE(op->cancel_requested());
    CHECK(ticket.cancelled());
  }
}

TEST_CASE("a wake left over from one run is not taken for the next") {
  Desk desk;
  Ticket first;
  first.cancel();
  const auto cancelled = desk.run("S", {Pause::for_answer()});
  CHECK(run(desk.session, *cancelled, &first) == Ended::cancelled);
  desk.wire().answer();
  CHECK(finish(desk.session, *cancelled, in(10s)));

  Ticket second;
  const auto op = desk.run("S", {Pause::for_answer()});
  const Nanos computed = thread_time();
  op->deadline = in(100ms);
  CHECK(run(desk.session, *op, &second) == Ended::deadline);
  CHECK(thread_time() - computed < 50ms);  // it waited, and did not spin
  CHECK_FALSE(op->cancel_requested());
  desk.wire().answer();
  CHECK(finish(desk.session, *op, in(10s)));
}

TEST_CASE("cancels that race with the end reach the operation of their ticket or none") {
  Desk desk;
  for (int i = 0; i < 500; ++i) {
    Ticket ticket;
    const auto op = desk.run("S", {Pause::to_send(), Pause::for_answer()});
    std::thread other([&] {
      desk.wire().answer();
      ticket.cancel();
    });
    const Ended ended = run(desk.session, *op, &ticket);
    if (ended == Ended::cancelled) CHECK(finish(desk.session, *op, in(10s)));
    CHECK(op->succeeded());
    other.join();
    desk.wire().read_on();
  }
}

}  // namespace tl::runtime
