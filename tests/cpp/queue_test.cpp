// The queue, and answers that no coroutine waits for.
#include <poll.h>

#include <atomic>
#include <memory>
#include <thread>

#include "async_fixture.hpp"

using namespace std::chrono_literals;
using trunkline::async_connection;
using trunkline::pending;
using trunkline::result;

namespace {

Task add_one(const async_connection& db, int64_t& sum) { sum += (co_await db.query("SELECT 1")).value<int64_t>(); }

}  // namespace

TEST_CASE_FIXTURE(AsyncFixture, "without coroutines an answer is driven to, or called back with") {
  CHECK(db.query("SELECT 7").get().value<int>() == 7);
  CHECK(error_of([&] { static_cast<void>(db.query("SELECT nothing FROM nowhere").get()); }).status() == TL_E_STATEMENT);
  int value = 0;
  auto moved = std::make_unique<int>(8);  // callbacks need not be copied
  db.query("SELECT 8").then([&value, moved = std::move(moved)](pending<result> done) {
    CHECK(done.ready());
    value = done.get().value<int>() - *moved + 1;
  });
  queue.run();
  CHECK(value == 1);
  auto ready = db.query("SELECT 9");
  while (!ready.ready()) queue.run_one();
  std::move(ready).then([&](pending<result> done) { value = done.get().value<int>(); });
  CHECK(value == 9);
}

TEST_CASE_FIXTURE(AsyncFixture, "a host's loop watches the descriptor") {
  int64_t sum = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < 20; ++i) tasks.push_back(add_one(narrow, sum));
  size_t served = 0;
  while (served < 20) {
    pollfd watched{queue.fd(), POLLIN, 0};
    REQUIRE(::poll(&watched, 1, 10'000) == 1);
    served += queue.poll();
  }
  CHECK(served == 20);
  CHECK(sum == 20);
  CHECK(queue.poll() == 0);
}

TEST_CASE_FIXTURE(AsyncFixture, "one answer at a time, and a time to wait for it") {
  CHECK_FALSE(queue.run_one(1ms));
  int64_t sum = 0;
  const Task task = add_one(db, sum);
  CHECK(queue.run_one(10s));
  task.check();
  CHECK_FALSE(queue.run_one(0ms));
}

TEST_CASE_FIXTURE(AsyncFixture, "a wake ends one wait, also one that begins later") {
  queue.wake();
  CHECK_FALSE(queue.run_one());
  std::jthread waiting([&] { CHECK_FALSE(queue.run_one()); });
  queue.wake();
}

TEST_CASE_FIXTURE(AsyncFixture, "shut down, a queue takes nothing new and serves what is left") {
  int64_t sum = 0;
  const Task task = add_one(db, sum);
  queue.shutdown();
  CHECK(error_of([&] { static_cast<void>(db.query("SELECT 1")); }).status() == TL_E_SHUTDOWN);
  queue.run();
  CHECK(sum == 1);
  CHECK_FALSE(queue.run_one());
}

TEST_CASE_FIXTURE(AsyncFixture, "several threads drive one queue") {
  std::atomic<int> served = 0;
  const auto act = [](const async_connection& on, std::atomic<int>& count) -> Task {
    for (int i = 0; i < 20; ++i) {
      co_await on.query("SELECT 1");
      ++count;
    }
  };
  std::vector<Task> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(act(db, served));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&] { queue.run(); });
  }
  CHECK(served == 50 * 20);
  for (const Task& task : tasks) task.check();
}

TEST_CASE_FIXTURE(AsyncFixture, "several threads each drive to answers of their own") {
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 100; ++i) {
          right += static_cast<int>(db.query("SELECT ?", t * 1000 + i).get().value<int>() == t * 1000 + i);
        }
      });
    }
  }
  CHECK(right == 400);
}

TEST_CASE_FIXTURE(AsyncFixture, "an answer that a callback drives to within another") {
  int inner = 0;
  auto outer = db.query("SELECT 1");
  auto later = db.query("SELECT 2");
  std::move(outer).then([&](pending<result>) { inner = later.get().value<int>(); });
  queue.run();
  CHECK(inner == 2);
}

TEST_CASE_FIXTURE(AsyncFixture, "an exception of a callback leaves run, and the others are served then") {
  int served = 0;
  for (int i = 0; i < 4; ++i) {
    db.query("SELECT 1").then([&](pending<result>) {
      if (++served == 2) throw std::logic_error("mine");
    });
  }
  CHECK_THROWS_AS(queue.run(), std::logic_error);
  CHECK(served == 2);
  queue.run();
  CHECK(served == 4);
}

TEST_CASE_FIXTURE(AsyncFixture, "an answer that nobody keeps is cancelled") {
  { const auto dropped = db.query(endless_sql()); }
  auto replaced = db.query(endless_sql());
  replaced = db.query("SELECT 2");
  queue.run();
  CHECK(replaced.get().value<int>() == 2);
  CHECK(leased("db") == 0);
}

TEST_CASE_FIXTURE(AsyncFixture, "a coroutine that is destroyed while it waits is not resumed, and its verb cancelled") {
  bool resumed = false;
  const auto act = [](const async_connection& on, bool& past) -> Task {
    co_await on.query(AsyncFixture::endless_sql());
    past = true;
  };
  {
    const Task task = act(db, resumed);
    CHECK_FALSE(task.done());
  }
  queue.run();
  CHECK_FALSE(resumed);
  CHECK(leased("db") == 0);
}

TEST_CASE_FIXTURE(AsyncFixture, "a transaction whose answer nobody keeps is rolled back") {
  { const auto begun = db.begin(); }
  { const auto pinned = narrow.pin(); }
  queue.run();
  auto tx = db.begin().get();
  tx.query("INSERT INTO people VALUES (1, 'Ada')").get();
  { const auto gone = std::move(tx); }
  registry.on("db").query("INSERT INTO people VALUES (2, 'Emmy')");
  CHECK(people() == 1);
}

TEST_CASE_FIXTURE(AsyncFixture, "a stream may go, or move, before its batch has come") {
  auto stream = std::optional(db.stream({.batch_rows = 10}, numbers_sql(100'000)).get());
  auto batch = stream->next();
  stream.reset();
  CHECK(batch.get()->rows() == 10);
  auto first = db.stream({.batch_rows = 10}, numbers_sql(100'000)).get();
  auto of_first = first.next();
  auto second = std::move(first);
  CHECK(of_first.get()->first() == 1);
  CHECK(second.next().get()->first() == 11);
  { const auto dropped = second.next(); }
}

TEST_CASE_FIXTURE(AsyncFixture, "a queue that goes ends what waits on it, and resumes nobody") {
  auto own = std::make_unique<trunkline::queue>(registry.queue());
  const auto on_own = registry.on(*own, "db");
  int resumed = 0;
  const auto act = [](const async_connection& on, int& past) -> Task {
    co_await on.query(AsyncFixture::endless_sql());
    ++past;
  };
  const Task waiting = act(on_own, resumed);
  auto answer = on_own.query(endless_sql());
  on_own.query(endless_sql()).then([&](pending<result>) { ++resumed; });
  auto stream = on_own.stream(numbers_sql(10)).get();
  own.reset();
  CHECK(answer.ready());
  CHECK(error_of([&] { static_cast<void>(answer.get()); }).status() == TL_E_SHUTDOWN);
  CHECK(error_of([&] { static_cast<void>(on_own.query("SELECT 1")); }).status() == TL_E_SHUTDOWN);
  CHECK(error_of([&] { static_cast<void>(stream.next()); }).status() == TL_E_SHUTDOWN);
  CHECK_FALSE(waiting.done());
  CHECK(resumed == 0);
}

TEST_CASE_FIXTURE(AsyncFixture, "a queue is moved with what is under way") {
  auto own = registry.queue();
  const auto on_own = registry.on(own, "db");
  auto answer = on_own.query("SELECT 1");
  trunkline::queue moved = std::move(own);
  moved.run();
  CHECK(answer.ready());
  CHECK(answer.get().value<int>() == 1);
  moved = registry.queue();
  CHECK(error_of([&] { static_cast<void>(on_own.query("SELECT 1")); }).status() == TL_E_SHUTDOWN);
}

TEST_CASE_FIXTURE(AsyncFixture, "an answer is awaited by one") {
  auto answer = db.query("SELECT 1");
  const auto act = [](pending<result>& of) -> Task { co_await of; };
  const Task first = act(answer);
  const Task second = act(answer);
  CHECK(error_of([&] { second.check(); }).status() == TL_E_MISUSE);
  queue.run();
  first.check();
}
