// Ends of transactions that a PostgreSQL server does not confirm in time, as a stopped backend brings them about.
#include <signal.h>

#include <fstream>

#include "book.hpp"

namespace tl::validation {
namespace {

// Stops a backend. What is sent to it waits, and so does a cancel.
class Stopped {
 public:
  explicit Stopped(const Book& book, Handle& on)
      : pid_(std::stoi(book.rows(on, "SELECT pg_backend_pid()").take().front().front())) {
    const Instant began = steady_clock().now();
    while (field("State:").find('S') == std::string::npos) {  // only what it reads after this counts
      if (steady_clock().now() - began > 10s) FAIL("the backend does not come to rest");
      std::this_thread::yield();
    }
    REQUIRE(kill(pid_, SIGSTOP) == 0);
  }
  ~Stopped() {
    kill(pid_, SIGCONT);
    if (waking_.joinable()) waking_.join();
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  // Wakes it as soon as the cancel has come: the caller's time is up by then, and the cancel confirmed right after.
  void wake_when_cancelled() {
    waking_ = std::thread([this] {
      const Instant began = steady_clock().now();
      while (!interrupted() && steady_clock().now() - began < 10s) std::this_thread::sleep_for(1ms);
      kill(pid_, SIGCONT);
    });
  }

 private:
  // Of what the kernel says about the backend.
  [[nodiscard]] std::string field(std::string_view name) const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(name)) return line.substr(name.size());
    }
    return "";
  }
  [[nodiscard]] bool interrupted() const {
    const uint64_t pending = std::stoull(field("SigPnd:"), nullptr, 16) | std::stoull(field("ShdPnd:"), nullptr, 16);
    return (pending >> (SIGINT - 1) & 1) != 0;
  }

  const pid_t pid_;
  std::thread waking_;
};

// Runs `verb` on a stopped backend that wakes to hear the cancel.
template <class Verb>
Result<void> stalled(const Book& book, Handle& on, const Verb& verb) {
  Stopped stopped(book, on);
  stopped.wake_when_cancelled();
  return verb();
}

// Whether the session is lost, because a busy machine was too slow to confirm the cancel.
bool lost(const Result<void>& result) {
  return !result && (result.error().outcome == Outcome::unknown || result.error().status == Status::closed);
}

// Until `test` answers that the session was not lost.
template <class Test>
void try_until_confirmed(const Test& test) {
  for (int i = 0; i < 20; ++i) {
    if (test(Book())) return;
  }
  FAIL("no cancel was ever confirmed in time");
}

}  // namespace

TEST_CASE("ends that a slow server brings about after their time: told as done") {
  for (const bool commit : {false, true}) {
    CAPTURE(commit);
    try_until_confirmed([commit](const Book& book) {
      const auto pinned = book.pin();
      const auto tx = Book::begin(*pinned);
      REQUIRE(book.insert(*tx, 1).ok());
      const Result<void> late =
          stalled(book, *tx, [&] { return commit ? tx->commit(within(20ms)) : tx->rollback(within(20ms)); });
      const Result<void> next = book.insert(*pinned, 2);
      if (lost(late) || lost(next)) return false;
      CHECK(told(late) == "ok");
      CHECK(told(next) == "ok");
      CHECK(told(tx->rollback({})) == "closed/not_sent");
      const Table kept = commit ? Table{{"1"}, {"2"}} : Table{{"2"}};
      CHECK(book.rows(*pinned, "SELECT a FROM book ORDER BY a").take() == kept);
      return true;
    });
  }
}

TEST_CASE("savepoints that a slow server begins or ends after their time: told as done") {
  for (const bool commit : {false, true}) {
    CAPTURE(commit);
    try_until_confirmed([commit](const Book& book) {
      const auto tx = Book::begin(*book.handle);
      std::shared_ptr<Handle> inner;
      const Result<void> begun = stalled(book, *tx, [&]() -> Result<void> {
        auto late = tx->begin({}, within(20ms));
        if (!late) return late.take_error();
        inner = late.take();
        return {};
      });
      if (!begun) return false;
      if (lost(book.insert(*inner, 1))) return false;
      const Result<void> late =
          stalled(book, *inner, [&] { return commit ? inner->commit(within(20ms)) : inner->rollback(within(20ms)); });
      const Result<void> done = tx->commit({});
      if (lost(late) || lost(done)) return false;
      CHECK(told(late) == "ok");
      CHECK(told(done) == "ok");
      CHECK(book.left() == (commit ? Table{{"1"}} : Table{}));
      return true;
    });
  }
}

TEST_CASE("a commit that is stopped while its deferred triggers run has rolled back, and the session goes on") {
  try_until_confirmed([](const Book& book) {
    book.run(
        "CREATE OR REPLACE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_sleep(600); RETURN NULL; END$$");
    book.run(
        "CREATE CONSTRAINT TRIGGER lingers AFTER INSERT ON book DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (NEW.a = 1) EXECUTE FUNCTION linger()");
    const auto pinned = book.pin();
    const auto tx = Book::begin(*pinned);
    REQUIRE(book.insert(*tx, 1).ok());
    const Result<void> late = tx->commit(within(50ms));
    const Result<void> next = book.insert(*pinned, 2);
    if (lost(late) || lost(next)) return false;
    CHECK(told(late) == "statement_timeout/rolled_back");
    CHECK(told(next) == "ok");
    CHECK(book.rows(*pinned, "SELECT a FROM book").take() == Table{{"2"}});
    return true;
  });
}

TEST_CASE(
    "a procedure that commits before it fails is not told to have had no effect; for many rows it cannot commit") {
  const Book book;
  book.run(
      "CREATE OR REPLACE PROCEDURE fill(a int) LANGUAGE plpgsql AS "
      "$$ BEGIN INSERT INTO book VALUES (a); COMMIT; RAISE 'too late'; END $$");
  CHECK(told(book.rows(*book.handle, "CALL fill(1)")) == "statement/unknown");
  CHECK(book.left() == Table{{"1"}});
  CHECK(told(book.rows(*book.handle, "DO $$ BEGIN INSERT INTO book VALUES (2); COMMIT; RAISE 'too late'; END $$")) ==
        "statement/unknown");
  CHECK(book.left() == Table{{"1"}, {"2"}});
  QueryResult none;
  const Values two = Values().integer(3).integer(4);
  CHECK(told(book.handle->execute_many(none, "CALL fill(?)", two.params(), 2, false, {})) == "statement/rolled_back");
  CHECK(book.left() == Table{{"1"}, {"2"}});
}

TEST_CASE("a commit that was sent and never confirmed is unknown, and the handle has lost its session") {
  const Book book;
  const auto pinned = book.pin();
  const auto tx = Book::begin(*pinned);
  REQUIRE(book.insert(*tx, 1).ok());
  {
    const Stopped stopped(book, *tx);
    CHECK(told(tx->commit(within(20ms))) == "statement_timeout/unknown");
    CHECK(told(book.insert(*pinned, 2)) == "closed/not_sent");
  }
  CHECK(book.left() == Table{{"1"}});  // it had been committed
}

}  // namespace tl::validation
