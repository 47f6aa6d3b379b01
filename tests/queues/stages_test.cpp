// A cancel, or a deadline, at every stage of a call on a queue: one completion, in time, and nothing goes on elsewhere.
#include "faults.hpp"
#include "proxy.hpp"
#include "queues.hpp"

namespace queues {
namespace {

using faults::Port;

Database silent_server(const Port& port) {
  return {.name = "silent",
          .lines = "driver = \"postgresql\"\nhost = \"127.0.0.1\"\nport = " + std::to_string(port.number()) +
                   "\ndatabase = \"some\"\nuser = \"some\"\n"};
}

// How a call is ended: by its id, or by its time, from when it has got so far.
enum class By : uint8_t { cancel, deadline };

struct Ending {
  Ending(const Desk& to_desk, By how) : desk(to_desk), by(how), op(desk.new_op()) {}
  [[nodiscard]] How how(uint64_t user) const {
    return {.user = user, .op = op, .timeout = by == By::deadline ? Millis(300) : Millis(0), .flags = TL_CALL_WRITE};
  }
  void now() const {
    if (by == By::cancel) desk.cancel(op);
  }
  void check(const Done& done, tl_status late = TL_E_STATEMENT_TIMEOUT) const {
    CHECK_MESSAGE(done.status() == (by == By::cancel ? TL_E_CANCELLED : late), done.told());
  }
  const Desk& desk;
  const By by;
  const tl_op op;
};

void check_well(const Desk& desk, const Loop& loop) {
  CHECK(loop.take(0ms).empty());
  await([&] { return desk.figure("leased") == 0; });
  CHECK(desk.db.query("SELECT 7").value<int64_t>() == 7);
}

}  // namespace

TEST_CASE("ended while its statement runs: the server has stopped, and the session is kept") {
  for (const Database& database : databases()) {
    for (const By by : {By::cancel, By::deadline}) {
      CAPTURE(database.name);
      const Desk desk(database, "max = 1\n"), watcher(database);
      const Loop loop(desk);
      const auto active = [&] { return watcher.db.query(database.active).value<int64_t>(); };
      const Ending ending(desk, by);
      loop.query(desk.raw(), ending.how(1), database.endless);
      if (!database.active.empty() && by == By::cancel) await([&] { return active() == 1; });
      ending.now();
      const Done done = loop.next_done();
      ending.check(done);
      if (!database.active.empty()) await([&] { return active() == 0; });
      check_well(desk, loop);
      if (!database.active.empty()) CHECK(desk.figure("opened") == 1);
    }
  }
}

TEST_CASE("ended while it waits for a session, or before it began: nothing is sent") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, "max = 1\n");
    const Loop loop(desk);
    for (const By by : {By::cancel, By::deadline}) {
      std::optional<trunkline::connection> pin(desk.db.pin());
      const Ending ending(desk, by);
      loop.query(desk.raw(), ending.how(1), database.endless);
      await([&] { return desk.figure("waiting") == 1; });
      ending.now();
      const Done done = loop.next_done();
      ending.check(done, TL_E_ACQUIRE_TIMEOUT);
      CHECK(done.outcome() == TL_NOT_SENT);
      CHECK(desk.figure("waiting") == 0);
    }
    const Ending before(desk, By::cancel);
    before.now();
    loop.query(desk.raw(), before.how(2), database.endless);
    const Done done = loop.next_done();
    before.check(done);
    CHECK(done.outcome() == TL_NOT_SENT);
    check_well(desk, loop);
  }
}

TEST_CASE("ended while the server that it dials keeps silent") {
  const Port port(Port::Does::keep_silent);
  const Desk desk(silent_server(port));
  const Loop loop(desk);
  for (const By by : {By::cancel, By::deadline}) {
    const Ending ending(desk, by);
    const Clock::time_point began = Clock::now();
    loop.query(desk.raw(), ending.how(1), "SELECT 1");
    await([&] { return desk.figure("dialling") == 1; });
    ending.now();
    const Done done = loop.next_done();
    ending.check(done, TL_E_CONNECT_TIMEOUT);
    CHECK(done.outcome() == TL_NOT_SENT);
    CHECK(Clock::now() - began < bound(500ms));
  }
}

TEST_CASE("ended between two batches of a stream, or while one is read") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, "max = 1\n"), watcher(database);
    const Loop loop(desk);
    const Ending ending(desk, By::cancel);
    loop.query(desk.raw(), {.user = 1, .op = ending.op, .flags = TL_CALL_STREAM, .batch_rows = 10}, database.stream);
    std::unique_ptr<tl_result, Release> result(loop.next_done().result());
    for (int i = 0; i < 3; ++i) {
      loop.next(result.get(), {.user = 2});
      CHECK(std::unique_ptr<tl_batch, Release>(loop.next_done().batch()) != nullptr);
    }
    ending.now();
    tl_status status = TL_OK;
    for (int i = 0; status == TL_OK && i < 100000; ++i) {  // what has arrived by then may still come
      loop.next(result.get(), {.user = 3});
      status = loop.next_done().status();
    }
    CHECK(status == TL_E_CANCELLED);
    result.reset();
    check_well(desk, loop);
  }
}

TEST_CASE("a stream on a queue is not read before it is asked for") {
  faults::Proxy proxy(std::stoi(variable("TL_PG_PORT")));
  const Database through{.name = "postgresql",
                         .lines = "driver = \"postgresql\"\nhost = \"127.0.0.1\"\nsslmode = \"disable\"\nport = " +
                                  std::to_string(proxy.port()) + "\ndatabase = \"" + variable("TL_PG_DATABASE") +
                                  "\"\nuser = \"" + variable("TL_PG_SCRAM_USER") + "\"\npassword = \"" +
                                  variable("TL_PG_SCRAM_PASSWORD") + "\"\n"};
  const Desk desk(through);
  const Loop loop(desk);
  const How how{.user = 1, .flags = TL_CALL_STREAM, .batch_rows = 100};
  loop.query(desk.raw(), how, postgresql().stream);
  const std::unique_ptr<tl_result, Release> result(loop.next_done().result());
  const auto sent = [&] { return proxy.traffic().server_bytes; };
  const auto await_quiet = [&] {
    for (uint64_t before = 0, now = sent(); before != now; now = sent()) {
      before = now;
      CHECK(loop.take(200ms).empty());
    }
  };
  await_quiet();
  const uint64_t at_first = sent();
  CHECK(at_first < 32U << 20);  // the sockets' buffers are full
  for (int i = 0; i < 100; ++i) {
    loop.next(result.get(), {.user = 2});
    CHECK(std::unique_ptr<tl_batch, Release>(loop.next_done().batch()) != nullptr);
  }
  await_quiet();
  CHECK(sent() - at_first < 16U << 20);  // of some 1.2 MB that were asked for, and nothing else
}

TEST_CASE("an id whose call has ended, or that never was one, is harmless") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const Desk desk(database, "max = 1\n");
    const Loop loop(desk);
    for (int round = 0; round < 100; ++round) {
      const tl_op op = desk.new_op();
      loop.query(desk.raw(), {.user = 1, .op = op}, "SELECT 1");
      CHECK(loop.next_done().value<int64_t>() == 1);
      loop.query(desk.raw(), {.user = 2}, "SELECT 2");
      desk.cancel(op);
      desk.cancel(op + (uint64_t{1} << 32));
      CHECK(loop.next_done().value<int64_t>() == 2);
    }
    check_well(desk, loop);
  }
}

}  // namespace queues
