// Calls through a connection and its pools: deadlines, cancelling, streams, transactions, and sessions that come home.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <thread>

#include "line.hpp"

namespace tl::validation {

using namespace std::chrono_literals;

namespace {

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

bool full_size() { return std::getenv("TRUNKLINE_SOAK") != nullptr; }

}  // namespace

TEST_CASE("a whole result is complete, and its session home, when the call returns") {
  const Line line;
  QueryResult result;
  REQUIRE(line.handle->query(result, rows_of(1000), {}, false, {}).ok());
  CHECK(line.leased() == 0);
  CHECK(result.set().affected == 1000);
  CHECK((*line.rows(rows_of(1000))).size() == 1000);
}

TEST_CASE("values by name, each of them where the text wants it") {
  const Line line;
  const Values values = Values().name("b").integer(2).name("a").integer(1);
  const Result<Table> table = line.rows(*line.handle, "SELECT :a, :b, :a", values, {}, true);
  REQUIRE(table.ok());
  CHECK(*table == Table{{"1", "2", "1"}});
  const Result<Table> missing = line.rows(*line.handle, "SELECT :a, :c", values, {}, true);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().status == Status::misuse);
}

TEST_CASE("a deadline ends a call in time, says so, and the next call is served") {
  const Line line("[connections.db.pool]\nmax = 1\n");
  for (int i = 0; i < 3; ++i) {
    const Instant began = steady_clock().now();
    const Result<Table> late = line.rows(target().endless, {}, within(200ms));
    const Nanos took = steady_clock().now() - began;
    REQUIRE_FALSE(late.ok());
    CHECK(status_name(late.error().status) == "statement_timeout");
    CHECK(late.error().connection == "db");
    CHECK_FALSE(late.error().endpoint.empty());
    CHECK(took >= 190ms);
    CHECK(took < 2s);
    CHECK(line.one("SELECT 1") == "1");
  }
}

TEST_CASE("a cancel ends a call from another thread") {
  const Line line;
  CallOptions options;
  options.ticket = std::make_shared<runtime::Ticket>();
  SUBCASE("while it runs") {
    std::thread other([&] {
      while (line.leased() == 0) std::this_thread::yield();
      options.ticket->cancel();
    });
    const Result<Table> stopped = line.rows(target().endless, {}, options);
    other.join();
    REQUIRE_FALSE(stopped.ok());
    CHECK(status_name(stopped.error().status) == "cancelled");
  }
  SUBCASE("before it began") {
    options.ticket->cancel();
    const Result<Table> stopped = line.rows(target().endless, {}, options);
    REQUIRE_FALSE(stopped.ok());
    CHECK(status_name(stopped.error().status) == "cancelled");
    CHECK(stopped.error().outcome == Outcome::not_sent);
  }
  line.await_home();
  CHECK(line.one("SELECT 1") == "1");
}

TEST_CASE("transaction control as text is misuse that says what to call") {
  const Line line;
  for (const auto& [sql, call] : std::vector<std::pair<std::string, std::string>>{
           {"BEGIN", "begin()"}, {"COMMIT", "commit()"}, {"ROLLBACK", "rollback()"}, {"SAVEPOINT s", "begin()"}}) {
    CAPTURE(sql);
    const Result<Table> refused = line.rows(sql);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().status == Status::misuse);
    CHECK(refused.error().message.find(call) != std::string::npos);
  }
}

TEST_CASE("transactions: committed, rolled back, dropped, with savepoints in them") {
  const Line line;
  line.run("DROP TABLE IF EXISTS account");
  line.run("CREATE TABLE account (a INTEGER)");
  const auto begin = [&](Handle& on) { return on.begin({}, {}).take(); };
  const auto insert = [&](Handle& on, int value) {
    REQUIRE(line.rows(on, "INSERT INTO account VALUES (?)", Values().integer(value)).ok());
  };
  {
    const auto tx = begin(*line.handle);
    insert(*tx, 1);
    REQUIRE(tx->commit({}).ok());
    CHECK(line.rows(*tx, "SELECT 1").error().status == Status::closed);
  }
  {
    const auto tx = begin(*line.handle);
    insert(*tx, 2);
    REQUIRE(tx->rollback({}).ok());
  }
  {
    const auto tx = begin(*line.handle);
    insert(*tx, 3);  // dropped without a word: rolled back
  }
  {
    const auto tx = begin(*line.handle);
    insert(*tx, 4);
    const auto inner = begin(*tx);
    insert(*inner, 5);
    CHECK(line.rows(*tx, "SELECT 1").error().status == Status::busy);
    REQUIRE(inner->rollback({}).ok());
    {
      const auto dropped = begin(*tx);
      insert(*dropped, 6);
    }
    insert(*tx, 7);
    REQUIRE(tx->commit({}).ok());
  }
  line.await_home();
  CHECK(*line.rows("SELECT a FROM account ORDER BY a") == Table{{"1"}, {"4"}, {"7"}});
}

TEST_CASE("a pinned session is the same for every statement, and comes home clean") {
  const Line line("[connections.db.pool]\nmax = 1\n");
  {
    const auto pinned = line.handle->pin({}).take();
    REQUIRE(line.rows(*pinned, target().change).ok());
    CHECK(*line.rows(*pinned, target().tell) == Table{{"1"}});
  }
  line.await_home();
  CHECK(line.one(target().tell) == "0");
}

TEST_CASE("a handle that only reads refuses what is not known to be a read") {
  Line line;
  line.run("DROP TABLE IF EXISTS kept");
  line.run("CREATE TABLE kept (a INTEGER)");
  const auto reader = line.open(routing::Mode::read);
  CHECK(line.rows(*reader, "SELECT count(*) FROM kept").ok());
  for (const char* sql : {"INSERT INTO kept VALUES (1)", "DROP TABLE kept", "WITH x AS (SELECT 1) DELETE FROM kept"}) {
    CAPTURE(sql);
    CHECK(line.rows(*reader, sql).error().status == Status::read_only);
  }
}

TEST_CASE("an answer larger than result_bytes fails, and the next call is served") {
  const Line line("result_bytes = 100000\n");
  const Result<Table> large = line.rows(rows_of(100'000));
  REQUIRE_FALSE(large.ok());
  CHECK(large.error().status == Status::too_large);
  line.await_home();
  CHECK(line.rows(rows_of(100))->size() == 100);
}

TEST_CASE("a stream that is dropped half way gives its session back") {
  const Line line("[connections.db.pool]\nmax = 1\n");
  CallOptions options;
  options.stream = true;
  options.batch = {10, 1 << 20};
  for (int i = 0; i < 5; ++i) {
    QueryResult result;
    REQUIRE(line.handle->query(result, rows_of(100'000), {}, false, options).ok());
    CHECK((*result.next(options))->rows() == 10);
    CHECK(line.leased() == 1);
  }
  line.await_home();
  CHECK(line.one("SELECT 1") == "1");
}

#ifdef __SANITIZE_ADDRESS__
constexpr long kept_aside = 256'000;  // what ASan does not use again at once
#else
constexpr long kept_aside = 0;
#endif

TEST_CASE("ten million rows stream through little memory") {  // a tenth of them but for ./dev soak
  const Line line;
  const int64_t wanted = full_size() ? 10'000'000 : 1'000'000;
  CallOptions options;
  options.stream = true;
  QueryResult result;
  REQUIRE(line.handle->query(result, rows_of(wanted), {}, false, options).ok());
  REQUIRE(result.next(options).ok());
  const long before = peak_kilobytes();
  int64_t rows = 0;
  int64_t first = 0;
  for (;;) {
    auto batch = result.next(options);
    REQUIRE(batch.ok());
    if (*batch == nullptr) break;
    if (rows == 0) first = (*batch)->rows();
    rows += (*batch)->rows();
  }
  CHECK(rows + first >= wanted);
  CHECK(peak_kilobytes() - before < (full_size() ? 40'000 : 100'000) + kept_aside);
}

TEST_CASE("many threads over few sessions: everyone is served, nothing is mixed up") {
  const Line line("[connections.db.pool]\nmax = 3\n");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const int64_t mine = t * 1000 + i;
        const Result<Table> table = line.rows("SELECT ?", Values().integer(mine));
        if (!table || table->front().front() != std::to_string(mine)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(line.leased() == 0);
}

TEST_CASE("a caller that holds every session is told so instead of waiting for itself") {
  const Line line("[connections.db.pool]\nmax = 1\nacquire_timeout = \"20s\"\n");
  CallOptions options;
  options.owner = 42;
  const auto held = line.handle->begin({}, options).take();
  const auto second = line.handle->begin({}, options);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().status == Status::busy);
}

TEST_CASE("a full pool says who holds it") {
  Line line("[connections.db.pool]\nmax = 1\nacquire_timeout = \"100ms\"\n");
  const auto tagged =
      line.handle->derive(std::make_shared<std::string>("nightly report"), routing::Mode::write, {}).take();
  const auto held = tagged->begin({}, {}).take();
  const auto second = line.open(routing::Mode::write)->begin({}, {});
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().status == Status::acquire_timeout);
  CHECK(second.error().message.find("nightly report") != std::string::npos);
}

TEST_CASE("a closed connection says so, and connect() opens it again") {
  const Line line;
  CHECK(line.one("SELECT 1") == "1");
  REQUIRE(line.registry.close(nullptr, std::nullopt).ok());
  CHECK(line.rows("SELECT 1").error().status == Status::closed);
  REQUIRE(line.registry.connect("db", {}).ok());
  CHECK(line.one("SELECT 1") == "1");
}

}  // namespace tl::validation
