// Verbs by co_await.
#include <thread>

#include "async_fixture.hpp"

using namespace std::chrono_literals;
using trunkline::async_connection;
using trunkline::outcome;

namespace {

// The error that a coroutine ends with.
trunkline::error error_in(const Task& task) {
  return error_of([&] { task.check(); });
}

}  // namespace

TEST_CASE_FIXTURE(AsyncFixture, "each verb is awaited, and gives what the blocking one returns") {
  const auto act = [](AsyncFixture& at) -> Task {
    co_await at.registry.connect(at.queue, "db", 10s);
    co_await at.registry.connect(at.queue);
    auto inserted = co_await at.db.query("INSERT INTO people VALUES (?, ?)", 1, "Ada");
    CHECK(inserted.affected() == 1);
    const std::vector rows{std::tuple{2, "Emmy"}, std::tuple{3, "Grace"}};
    CHECK((co_await at.db.execute_many("INSERT INTO people VALUES (?, ?)", rows)).affected() == 2);
    const std::vector<std::string_view> columns{"id", "name"};
    const std::vector more{std::tuple{4, std::string("Hedy")}};  // gcc 12 refuses lists in braces behind co_await
    CHECK(co_await at.db.load("people", columns, more) == 1);
    auto found = co_await at.db.query({.timeout = 10s, .intent = trunkline::intent::read},
                                      "SELECT id, name FROM people WHERE id >= ? ORDER BY id", 3);
    CHECK(found.all<int, std::string>() == std::vector<std::tuple<int, std::string>>{{3, "Grace"}, {4, "Hedy"}});

    const auto pin = co_await at.db.tag("async").mode(trunkline::mode::write).pin();
    auto tx = co_await pin.begin({.isolation = trunkline::isolation::serializable});
    co_await tx.query("DELETE FROM people");
    co_await tx.rollback();
    CHECK(tx.ended());
    auto again = co_await pin.begin();
    auto savepoint = co_await again.begin();
    co_await savepoint.query("DELETE FROM people WHERE id = 1");
    co_await savepoint.rollback();
    co_await again.query("DELETE FROM people WHERE id = 2");
    co_await again.commit();
    CHECK((co_await pin.query("SELECT count(*) FROM people")).value<int>() == 3);

    auto leases = co_await at.registry.inspect(at.queue, "leases", "db");
    CHECK(leases.next()->get<std::string>(0, leases.index("tag")) == "async");
    CHECK((co_await at.registry.inspect(at.queue, "prometheus")).value<std::string>().size() > 0);
  };
  const Task task = act(*this);
  queue.run();
  task.check();

  const auto closing = [](AsyncFixture& at) -> Task {
    co_await at.registry.close(at.queue, "narrow", 10s);
    co_await at.registry.close(at.queue);
    co_await at.db.query("SELECT 1");
  };
  const Task closed = closing(*this);
  queue.run();
  CHECK(error_in(closed).status() == TL_E_CLOSED);
}

TEST_CASE_FIXTURE(AsyncFixture, "a coroutine catches what the blocking verb would have thrown") {
  const auto act = [](const async_connection& on) -> Task {
    co_await on.query("INSERT INTO people VALUES (1, 'Ada')");
    try {
      co_await on.query("INSERT INTO people VALUES (?, ?)", 2, "Ada");
      FAIL("nothing was thrown");
    } catch (const trunkline::error& e) {
      CHECK(e.status() == TL_E_UNIQUE);
      CHECK(e.connection() == "db");
      CHECK_FALSE(e.phase().empty());
      CHECK(contains(e.what(), "Ada") == (AsyncFixture::target() == "mariadb"));
    }
    co_await on.query("SELECT nothing FROM nowhere");
  };
  const Task task = act(db);
  queue.run();
  CHECK(error_in(task).status() == TL_E_STATEMENT);
}

TEST_CASE_FIXTURE(AsyncFixture, "what is wrong with a call itself is thrown by the call") {
  const std::vector<std::string_view> columns{"id", "name"};
  CHECK(error_of([&] { static_cast<void>(db.load({}, "people", columns, trunkline::parameters(), 1)); }).outcome() ==
        outcome::not_sent);
  CHECK(error_of([&] { static_cast<void>(db.query({.stream = true}, "SELECT 1")); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { static_cast<void>(registry.on(queue, "nobody")); }).status() == TL_E_NOT_FOUND);
  queue.run();
}

TEST_CASE_FIXTURE(AsyncFixture, "200 coroutines share two sessions on one thread") {
  const auto act = [](const async_connection& on, int number, int64_t& to) -> Task {
    for (int i = 0; i < 5; ++i) to += (co_await on.query("SELECT ?", number)).value<int64_t>();
  };
  int64_t sum = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < 200; ++i) tasks.push_back(act(narrow, i, sum));
  queue.run();
  for (const Task& task : tasks) task.check();
  CHECK(sum == 5 * 199 * 100);
  CHECK(leased("narrow") == 0);
}

TEST_CASE_FIXTURE(AsyncFixture, "what was begun together runs together") {
  auto first = db.query("SELECT 1");
  auto second = db.query("SELECT 2");
  const auto act = [](trunkline::pending<trunkline::result>& a, trunkline::pending<trunkline::result>& b) -> Task {
    CHECK((co_await b).value<int>() == 2);
    CHECK((co_await std::move(a)).value<int>() == 1);
    CHECK_FALSE(a.valid());
  };
  const Task task = act(first, second);
  queue.run();
  task.check();
}

TEST_CASE_FIXTURE(AsyncFixture, "an exception that takes its transaction along rolls back") {
  const auto act = [](const async_connection& on) -> Task {
    auto tx = co_await on.begin();
    co_await tx.query("INSERT INTO people VALUES (1, 'Ada')");
    co_await tx.query("INSERT INTO people VALUES (1, 'Ada')");
    co_await tx.commit();
  };
  const Task task = act(db);
  queue.run();
  CHECK(error_in(task).status() == TL_E_UNIQUE);
  CHECK(people() == 0);
  CHECK(registry.on("db").begin().query("SELECT 1").value<int>() == 1);
}

TEST_CASE_FIXTURE(AsyncFixture, "a stream is read batch by batch, and frees its session at its end") {
  const auto act = [](const AsyncFixture& at, int64_t& seen) -> Task {
    auto stream = co_await at.db.stream({.batch_rows = 100}, AsyncFixture::numbers_sql(1000));
    CHECK(stream.column_count() == 1);
    CHECK(stream.columns()[0].name == "i");
    CHECK(stream.index("i") == 0);
    CHECK_FALSE(stream.endpoint().empty());
    int64_t batches = 0;
    while (const auto batch = co_await stream.next(10s)) {
      CHECK(batch->first() == seen + 1);
      for (auto [i] : batch->as<int64_t>()) CHECK(i == ++seen);
      CHECK_THROWS_AS(static_cast<void>(batch->as<int, int>()), trunkline::error);
      ++batches;
    }
    CHECK(batches >= 10);
    CHECK_FALSE(co_await stream.next_set());
    CHECK(at.leased("db") == 0);
  };
  int64_t rows = 0;
  const Task task = act(*this, rows);
  queue.run();
  task.check();
  CHECK(rows == 1000);
}

TEST_CASE_FIXTURE(AsyncFixture, "each set of a stream begins anew") {
  if (target() == "sqlite") return;  // gives the last set alone
  const auto act = [](const async_connection& on) -> Task {
    const auto pin = co_await on.pin();
    auto stream = co_await pin.stream("SELECT 1; SELECT 2");
    while (co_await stream.next()) continue;
    CHECK(co_await stream.next_set());
    const auto second = co_await stream.next();
    CHECK(second->first() == 1);
    CHECK(second->get<int>(0, 0) == 2);
  };
  const Task task = act(db);
  queue.run();
  task.check();
}

TEST_CASE_FIXTURE(AsyncFixture, "a stream that nobody reads on gives its session back") {
  const auto act = [](const async_connection& on) -> Task {
    for (int i = 0; i < 6; ++i) {
      auto stream = co_await on.stream({.timeout = 10s, .batch_rows = 10}, AsyncFixture::numbers_sql(100'000));
      CHECK((co_await stream.next())->rows() == 10);
    }
  };
  const Task task = act(narrow);
  queue.run();
  task.check();
}

TEST_CASE_FIXTURE(AsyncFixture,
                  "cancelled while it runs, by the operation and by the answer; the session is used again") {
  const auto act = [](const async_connection& on, const trunkline::options& how) -> Task {
    co_await on.query(how, AsyncFixture::endless_sql());
  };
  const auto operation = registry.operation();
  const Task task = act(narrow, {.cancel_by = &operation});
  std::jthread canceller([&] {
    await_leased("narrow");
    operation.cancel();
  });
  queue.run();
  CHECK(error_in(task).status() == TL_E_CANCELLED);
  operation.cancel();

  auto answer = narrow.query(endless_sql());
  answer.cancel();
  CHECK(error_of([&] { answer.get(); }).status() == TL_E_CANCELLED);
  CHECK_FALSE(answer.valid());
  CHECK(narrow.query("SELECT 1").get().value<int>() == 1);
}

TEST_CASE_FIXTURE(AsyncFixture, "a deadline passes while it waits and while it runs") {
  const auto act = [](const async_connection& on, const std::string& sql) -> Task {
    co_await on.query({.timeout = 50ms}, sql);
  };
  const Task running = act(narrow, endless_sql());
  queue.run();
  CHECK(error_in(running).status() == TL_E_STATEMENT_TIMEOUT);

  std::vector<async_connection> all;
  while (all.size() < (target() == "sqlite" ? 1U : 2U)) all.push_back(narrow.pin(10s).get());  // SQLite has one writer
  const Task waiting = act(narrow, "DELETE FROM people");
  queue.run();
  CHECK(error_in(waiting).status() == TL_E_ACQUIRE_TIMEOUT);
}
