// Several callers' statements on one session at once, in libpq's pipeline.
#include <doctest/doctest.h>
#include <poll.h>

#include <deque>
#include <thread>

#include "asking.hpp"
#include "left_out.hpp"

namespace tl::validation {

using columnar::Type;
using driver::Ready;
using driver::State;
using driver::Then;
using namespace std::literals;

namespace {

constexpr driver::FetchLimits limits{1000, 1 << 20};
const left_out_behind_proxy no_rides("what is not prepared does not ride");
const std::string divide = "SELECT 100 / ?::int8";
const std::string sleeps = "SELECT 1 FROM pg_sleep(?::float8)";

// One session whose line is ridden, as a reactor would: whoever waits reads for all.
struct Riding {
  explicit Riding(const std::string& more = "") : ask(more) {}

  [[nodiscard]] driver::Request request(const std::string& sql, const Values& values) {
    auto statement = ask.statement(sql);
    REQUIRE(statement.ok());
    return {statement.take(), values.params(), limits};
  }
  [[nodiscard]] bool may(const std::string& sql, const Values& values = {}) { return ask->rides(request(sql, values)); }

  // Answers its place in `rides`.
  size_t ride(const std::string& sql, const Values& values = {}, uint64_t whole_bytes = UINT64_MAX) {
    driver::Request asked = request(sql, values_.emplace_back(values));
    asked.whole_bytes = whole_bytes;
    REQUIRE(ask->rides(asked));
    rides.push_back(ask->ride(std::move(asked)));
    ask->submit(*rides.back());
    return rides.size() - 1;
  }
  // What goes together when the socket is next waited for.
  void send() { ask->pump(Ready::writable); }
  // Makes it ridable first.
  void prepare(const std::string& sql, const Values& values = {}) { REQUIRE(ask.rows(sql, values).ok()); }

  void finish() {
    const Instant began = steady_clock().now();
    while (ask->depth() > 0) {
      step();
      if (steady_clock().now() - began > 30s) FAIL("the line does not end");
    }
  }
  void finish_one() {
    for (const size_t before = ask->depth(); ask->depth() == before;) step();
  }
  [[nodiscard]] Table table(size_t i) {
    const driver::Run& run = *rides[i];
    REQUIRE(run.finished());
    Table answer;
    if (!run.succeeded()) return {{std::string(status_name(run.failure()->status)) + ' ' + run.failure()->sqlstate}};
    CHECK(run.reply.then == Then::end);
    if (run.reply.batch != nullptr) append_rows(answer, *run.reply.batch);
    for (const auto& batch : run.reply.more) append_rows(answer, *batch);
    return answer;
  }
  [[nodiscard]] std::string value(size_t i) { return table(i).at(0).at(0); }
  void check_of_use() {
    CHECK(ask->state() == State::idle);
    CHECK_FALSE(ask->changed());
    CHECK(ask->looks_alive());
    CHECK(ask.one("SELECT 'of use'") == "of use");
  }

  Asking ask;
  std::vector<std::unique_ptr<driver::Run>> rides;

 private:
  std::deque<Values> values_;  // of the rides

  void step() {
    const driver::Wait wait = ask->waiting().wait;
    REQUIRE(wait.on == driver::On::socket);
    const auto events = has(wait.want, Ready::writable) ? POLLIN | POLLOUT : POLLIN;
    pollfd fd{wait.fd, static_cast<short>(events), 0};
    REQUIRE(poll(&fd, 1, 30000) == 1);
    Ready got = Ready::start;
    if ((fd.revents & ~POLLOUT) != 0) got = got | Ready::readable;
    if ((fd.revents & POLLOUT) != 0) got = got | Ready::writable;
    ask->pump(got);
  }
};

// Keeps a table locked, so that the ride that reads it stands where it is.
class Locked {
 public:
  explicit Locked(Riding& riding, const std::string& change = "LOCK TABLE held") {
    Asking maker;
    maker.run("DROP TABLE IF EXISTS held");
    maker.run("CREATE TABLE held (a int)");
    maker.run("INSERT INTO held VALUES (1)");
    riding.prepare("SELECT * FROM held");
    riding.prepare(divide, Values().integer(1));
    pid_ = riding.ask->backend_id();
    holder_.run("BEGIN");
    holder_.run(change);
  }
  void await_blocked() {
    const Instant began = steady_clock().now();
    while (asker_.one("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " + pid_) != "true") {
      REQUIRE(steady_clock().now() - began < 20s);
      std::this_thread::yield();
    }
  }
  void lock(const std::string& another) { holder_.run("LOCK TABLE " + another); }
  void release() { holder_.run("COMMIT"); }
  void terminate() { CHECK(asker_.one("SELECT pg_terminate_backend(" + pid_ + ", 10000)") == "true"); }

 private:
  Asking holder_;
  Asking asker_;
  std::string pid_;
};

}  // namespace

TEST_CASE("rides: who may" * no_rides) {
  Riding line;
  CHECK_FALSE(line.may("SELECT 41"));  // not prepared
  line.prepare("SELECT 41");
  CHECK(line.may("SELECT 41"));
  line.prepare(divide, Values().integer(1));
  CHECK(line.may(divide, Values().integer(7)));
  CHECK_FALSE(line.may(divide, Values().text("7")));  // not of the type that it was prepared for
  CHECK_FALSE(line.may(divide));                      // no value
  line.prepare("SELECT inet '10.0.0.1'");
  CHECK(line.may("SELECT inet '10.0.0.1'"));
  line.prepare("SELECT pg_advisory_lock_shared(7)");  // leaves something behind
  CHECK_FALSE(line.may("SELECT pg_advisory_lock_shared(7)"));
  CHECK_FALSE(line.may("SELECT 41"));  // so does the session
  REQUIRE(line.ask.reset().ok());
  CHECK(line.may("SELECT 41"));
  line.ask.run("BEGIN");
  CHECK_FALSE(line.may("SELECT 41"));
  line.ask.run("ROLLBACK");
  line.ask.run("CREATE TABLE IF NOT EXISTS changing (a int)");
  line.ask.run("INSERT INTO changing VALUES (1)");
  CHECK_FALSE(line.may("INSERT INTO changing VALUES (1)"));
  CHECK_FALSE(line.may("SELECT 1; SELECT 2"));
  Result<driver::Reply> open = line.ask.begin("SELECT 41");
  REQUIRE(open.ok());
  CHECK_FALSE(line.may("SELECT 41"));  // an answer is pending
  REQUIRE(line.ask.rest(*open).ok());
  CHECK(line.may("SELECT 41"));
  Riding unprepared("statement_cache = 0\n");
  unprepared.prepare("SELECT 41");
  CHECK_FALSE(unprepared.may("SELECT 41"));
}

TEST_CASE("rides: each gets its own answer" * no_rides) {
  Riding line;
  line.prepare(divide, Values().integer(1));
  line.prepare("SELECT inet '10.0.0.1' WHERE ?", Values().boolean(true));
  for (int round = 0; round < 3; ++round) {
    line.rides.clear();
    for (int i = 1; i <= 16; ++i) line.ride(divide, Values().integer(i));
    const size_t text = line.ride("SELECT inet '10.0.0.1' WHERE ?", Values().boolean(true));
    const size_t none = line.ride("SELECT inet '10.0.0.1' WHERE ?", Values().boolean(false));
    CHECK(line.ask->depth() == 18);
    line.finish();
    for (size_t i = 0; i < 16; ++i) CHECK(line.value(i) == std::to_string(100 / (i + 1)));
    CHECK(line.value(text) == "10.0.0.1");
    CHECK(line.table(none).empty());
    CHECK(line.rides[none]->reply.affected == 0);
  }
  line.check_of_use();
}

TEST_CASE("rides: one that comes while others are answered gets its answer behind them" * no_rides) {
  Riding line;
  line.prepare(divide, Values().integer(1));
  for (int i = 1; i <= 100; ++i) {
    line.ride(divide, Values().integer(i));
    if (i % 3 == 0) line.finish_one();
  }
  line.finish();
  for (size_t i = 0; i < 100; ++i) CHECK(line.value(i) == std::to_string(100 / (i + 1)));
  line.check_of_use();
}

TEST_CASE("rides: an error is its own ride's, and those that were sent with it are to be run again" * no_rides) {
  Riding line;
  line.prepare(divide, Values().integer(1));
  line.prepare("SELECT 10 / (3 - i) FROM generate_series(1, ?::int8) i", Values().integer(1));
  line.ride(divide, Values().integer(1));
  SUBCASE("at its start") { line.ride(divide, Values().integer(0)); }
  SUBCASE("after rows") { line.ride("SELECT 10 / (3 - i) FROM generate_series(1, ?::int8) i", Values().integer(5)); }
  line.ride(divide, Values().integer(2));
  line.ride(divide, Values().integer(0));
  line.send();
  line.ride(divide, Values().integer(5));
  line.finish();
  CHECK(line.value(0) == "100");
  CHECK(line.value(1) == "data 22012");
  CHECK_FALSE(line.rides[1]->again);
  for (const size_t unrun : {2, 3}) {
    CHECK_FALSE(line.rides[unrun]->succeeded());
    CHECK(line.rides[unrun]->again);
  }
  CHECK(line.value(4) == "20");
  line.check_of_use();
}

TEST_CASE("rides: a value that cannot be sent fails alone" * no_rides) {
  Riding line;
  line.prepare("SELECT ?::text", Values().text("a"));
  for (const std::string_view value : {"before"sv, "a\0b"sv, "behind"sv, "a\0b"sv}) {
    line.ride("SELECT ?::text", Values().text(value));
  }
  line.finish();
  CHECK(line.value(0) == "before");
  CHECK(line.value(2) == "behind");
  for (const size_t wrong : {1, 3}) {
    CHECK(line.value(wrong) == "data ");
    CHECK(line.rides[wrong]->failure()->outcome == Outcome::not_sent);
    CHECK_FALSE(line.rides[wrong]->again);
  }
  line.check_of_use();
}

TEST_CASE("rides: what is given up before it is sent is not sent" * no_rides) {
  enum class How : uint8_t { cancelled, dropped, late };
  Riding line;
  line.prepare(divide, Values().integer(1));
  line.prepare(sleeps, Values().real(0));
  for (const size_t gone : {0UL, 1UL, 2UL}) {
    for (const How how : {How::cancelled, How::dropped, How::late}) {
      line.rides.clear();
      for (size_t i = 0; i < 3; ++i) {
        i == gone ? line.ride(sleeps, Values().real(600)) : line.ride(divide, Values().integer(int64_t(i) + 1));
      }
      if (how == How::cancelled) line.rides[gone]->request_cancel();
      if (how == How::dropped) line.ask->drop(std::move(line.rides[gone]));
      if (how == How::late) line.rides[gone]->deadline = {steady_clock().now()};
      line.finish();  // soon
      for (size_t i = 0; i < 3; ++i) {
        if (i != gone) CHECK(line.value(i) == std::to_string(100 / (i + 1)));
      }
      if (how != How::dropped) CHECK(line.rides[gone]->failure()->outcome == Outcome::not_sent);
      if (how != How::dropped) CHECK_FALSE(line.rides[gone]->was_sent);
      line.check_of_use();
    }
  }
}

TEST_CASE("rides: values and answers that are larger than the sockets' buffers, in both directions at once" *
          no_rides) {
  Riding line;
  const std::string echo = "SELECT ?::text";
  line.prepare(echo, Values().text("a"));
  constexpr size_t size = size_t{768} << 10;
  for (int i = 0; i < 16; ++i) {
    line.ride(echo, Values().text(std::string(size, static_cast<char>('a' + i))));
    if (i == 7) line.send();
    if (i >= 7) CHECK(has(line.ask->waiting().wait.want, Ready::writable));  // the rest of the first batch
  }
  line.finish();
  for (size_t i = 0; i < 16; ++i) {
    CHECK((line.value(i) == std::string(size, static_cast<char>('a' + i))));
  }
  line.check_of_use();
}

TEST_CASE("rides: values that are too much when sent together make the session one that is not kept" * no_rides) {
  Riding line;
  const std::string length = "SELECT length(?::text)";
  line.prepare(length, Values().text("a"));
  const std::string megabyte(1 << 20, 'a');
  for (int i = 0; i < 40; ++i) {
    line.ride(length, Values().text(megabyte));
    line.finish();
  }
  line.check_of_use();
  line.rides.clear();
  for (int i = 0; i < 40; ++i) line.ride(length, Values().text(megabyte));
  line.finish();
  for (size_t i = 0; i < 40; ++i) CHECK(line.value(i) == "1048576");
  CHECK(line.ask->changed());
  CHECK_FALSE(line.ask.reset().ok());
}

TEST_CASE("rides: an answer of many batches is read whole, and one beyond its bound is dropped" * no_rides) {
  Riding line;
  const std::string series = "SELECT i FROM generate_series(1, ?::int8) i";
  line.prepare(series, Values().integer(1));
  line.prepare(divide, Values().integer(1));
  const size_t whole = line.ride(series, Values().integer(20000));
  const size_t large = line.ride(series, Values().integer(200000), 500000);
  const size_t exact = line.ride(series, Values().integer(2000));
  const size_t behind = line.ride(divide, Values().integer(4));
  line.finish();
  REQUIRE(line.table(whole).size() == 20000);
  CHECK(line.table(whole)[12345] == Texts{"12346"});
  CHECK(line.rides[whole]->reply.more.size() == 19);
  CHECK(line.value(large) == "too_large ");
  CHECK(line.rides[large]->failure()->outcome == Outcome::unknown);
  CHECK(line.rides[exact]->reply.more.size() == 1);
  CHECK(line.table(exact).size() == 2000);
  CHECK(line.value(behind) == "25");
  line.check_of_use();
}

TEST_CASE("rides: whoever leaves is not missed" * no_rides) {
  for (const size_t gone : {0UL, 1UL, 2UL, 3UL}) {
    CAPTURE(gone);
    Riding line;
    Locked table(line);
    line.ride(divide, Values().integer(1));
    line.ride("SELECT * FROM held");
    line.ride(divide, Values().integer(2));
    line.ride(divide, Values().integer(0));
    line.send();
    line.ask->drop(std::move(line.rides[gone]));
    table.await_blocked();
    CHECK(line.ask->depth() == 4);
    table.release();
    line.finish();
    const std::vector<std::string> answers = {"100", "1", "50", "data 22012"};
    for (size_t i = 0; i < 4; ++i) {
      if (i != gone) CHECK(line.value(i) == answers[i]);
    }
    line.check_of_use();
  }
}

TEST_CASE("rides: a session that goes takes along what was dropped" * no_rides) {
  Riding line;
  Locked table(line);
  line.ride("SELECT * FROM held");
  line.ride(divide, Values().integer(1));
  line.send();
  line.ride(divide, Values().integer(1));
  for (auto& ride : line.rides) line.ask->drop(std::move(ride));
  table.await_blocked();
  line.ask.close();
  table.release();
}

TEST_CASE("rides: a run or a reset behind them waits for its turn; one that left by then is not sent" * no_rides) {
  Riding line;
  Locked table(line);
  Asking other;
  line.ask.run("CREATE TABLE IF NOT EXISTS left_alone (a int)");
  other.run("DELETE FROM left_alone");
  line.ride("SELECT * FROM held");
  auto insert = line.ask->run(line.request("INSERT INTO left_alone VALUES (1)", {}));
  line.ask->submit(*insert);
  line.ask->drop(std::move(insert));
  auto run = line.ask->run(line.request("SELECT 7", {}));
  line.ask->submit(*run);
  CHECK_FALSE(line.may(divide, Values().integer(1)));
  const auto reset = line.ask->reset();
  line.ask->submit(*reset);
  table.release();
  line.finish();
  CHECK(line.value(0) == "1");
  CHECK(run->succeeded());
  CHECK(reset->succeeded());
  CHECK(other.one("SELECT count(*) FROM left_alone") == "0");
  line.check_of_use();
}

TEST_CASE("rides: a table that has changed fails what reads it, and that is to be run again, as what was sent with it" *
          no_rides) {
  Riding line;
  Locked table(line, "ALTER TABLE held ADD COLUMN b int");
  line.ride(divide, Values().integer(1));
  line.ride("SELECT * FROM held");
  line.ride(divide, Values().integer(2));
  line.send();
  table.await_blocked();
  table.release();
  line.finish();
  CHECK(line.value(0) == "100");
  CHECK(line.value(1) == "unsupported 0A000");
  CHECK(line.rides[1]->again);
  CHECK(line.rides[2]->again);
  CHECK_FALSE(line.may("SELECT * FROM held"));
  CHECK(*line.ask.rows("SELECT * FROM held") == Table{{"1", "NULL"}});
  const size_t anew = line.ride("SELECT * FROM held");
  line.finish();
  CHECK(line.table(anew) == Table{{"1", "NULL"}});
  line.check_of_use();
}

TEST_CASE("rides: a statement that the server has lost is to be run again" * no_rides) {
  Riding line;
  line.prepare("SELECT 41");
  line.ask.run("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
  REQUIRE(line.ask.reset().ok());
  line.ride("SELECT 41");
  line.ride("SELECT 41");
  line.finish();
  CHECK(line.rides[0]->again);
  CHECK(line.rides[1]->again);
  CHECK(line.ask.one("SELECT 41") == "41");
  line.ride("SELECT 41");
  line.finish();
  CHECK(line.value(2) == "41");
  line.check_of_use();
}

TEST_CASE("rides: one that takes long does not keep back the answers before it" * no_rides) {
  Riding line;
  Locked table(line);
  line.ride(divide, Values().integer(1));
  line.ride("SELECT * FROM held");
  line.finish_one();
  CHECK(line.value(0) == "100");
  CHECK(line.ask->depth() == 1);
  table.release();
  line.finish();
  CHECK(line.value(1) == "1");
  line.check_of_use();
}

TEST_CASE("rides: one that was quick and is slow keeps back the answers before it, once" * no_rides) {
  Riding line;
  line.prepare(divide, Values().integer(1));
  line.prepare(sleeps, Values().real(0));
  line.ride(sleeps, Values().real(0));
  line.finish();
  for (const bool is_first : {true, false}) {
    line.rides.clear();
    line.ride(divide, Values().integer(4));
    line.ride(sleeps, Values().real(0.2));
    line.ride(divide, Values().integer(5));
    line.send();
    CHECK(line.ask->unwanted() == nullptr);
    line.rides[1]->request_cancel();
    CHECK((line.ask->unwanted() == line.rides[1].get()) == is_first);  // it may be what runs
    line.finish_one();
    CHECK((line.ask->depth() == 2) == !is_first);
    line.finish();
    CHECK(line.value(0) == "25");
    CHECK(line.value(1) == "1");
    CHECK(line.value(2) == "20");
  }
  line.check_of_use();
}

TEST_CASE("rides: a deadlock that only reads of one batch can come to is none of theirs" * no_rides) {
  Riding line;
  Asking other;
  other.run("DROP TABLE IF EXISTS held_before");
  other.run("CREATE TABLE held_before (a int)");
  line.prepare("SELECT * FROM held_before");
  Locked table(line);
  line.ride("SELECT * FROM held_before");
  line.ride("SELECT * FROM held");
  line.send();
  table.await_blocked();
  std::thread closing([&] { table.lock("held_before"); });
  line.finish();
  closing.join();
  CHECK(line.table(0).empty());
  CHECK(line.rides[1]->failure()->sqlstate == "40P01");
  CHECK(line.rides[1]->again);
  table.release();
  CHECK(line.ask.one("SELECT * FROM held") == "1");
  line.check_of_use();
}

TEST_CASE("rides: a cancel hits the one that runs" * no_rides) {
  Riding line;
  Locked table(line);
  line.ride(divide, Values().integer(1));
  line.ride("SELECT * FROM held");
  line.ride(divide, Values().integer(2));
  line.send();
  table.await_blocked();
  driver::Dial dial(Deadline::after(steady_clock().now(), 30s));
  line.ask->canceller()->cancel(dial);
  line.finish();
  CHECK(line.value(0) == "100");
  CHECK(line.rides[1]->failure()->sqlstate == "57014");
  CHECK_FALSE(line.rides[1]->again);
  CHECK(line.rides[2]->again);
  table.release();
  line.check_of_use();
}

TEST_CASE("rides: a session that the server ends answers those that it has answered and fails the others" * no_rides) {
  Riding line;
  Locked table(line);
  line.ride(divide, Values().integer(1));
  for (int i = 0; i < 3; ++i) line.ride("SELECT * FROM held");
  line.send();
  table.await_blocked();
  SUBCASE("all are there") {}
  SUBCASE("one has left") { line.ask->drop(std::move(line.rides[2])); }
  SUBCASE("the first answer was read before") { line.finish_one(); }
  table.terminate();
  line.finish();
  CHECK(line.value(0) == "100");
  for (const size_t lost : {1UL, 2UL, 3UL}) {
    if (line.rides[lost] == nullptr) continue;
    REQUIRE(line.rides[lost]->failure() != nullptr);
    // The server has told the one that it was running.
    CHECK(line.rides[lost]->failure()->outcome == (lost == 1 ? Outcome::rolled_back : Outcome::unknown));
    CHECK(status_name(line.rides[lost]->failure()->status) == "unavailable");
    CHECK_FALSE(line.rides[lost]->failure()->message.empty());
  }
  CHECK(line.ask->state() == State::broken);
  CHECK_FALSE(line.may(divide, Values().integer(1)));
}

TEST_CASE("rides: answers that came whole with the news that the server is gone are told" * no_rides) {
  Riding line;
  const std::string series = "SELECT i FROM generate_series(1, ?::int8) i";
  line.prepare(series, Values().integer(1));
  Locked table(line);
  line.ride(series, Values().integer(5000));
  line.ride(divide, Values().integer(1));
  line.ride("SELECT * FROM held");
  line.send();
  table.await_blocked();
  table.terminate();
  line.finish();
  CHECK(line.table(0).size() == 5000);
  CHECK(line.value(1) == "100");
  CHECK(line.value(2) == "unavailable 57P01");
}

}  // namespace tl::validation
