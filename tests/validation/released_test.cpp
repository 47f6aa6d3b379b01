// Outer handles that are released while a verb of an inner one runs on another thread.
#include <atomic>

#include "book.hpp"

namespace tl::validation {
namespace {

// A statement on `on`, inside `outer`, that the database stops after a while.
class Working {
 public:
  Working(const Book& book, std::shared_ptr<Handle> on, Handle& outer) : on_(std::move(on)) {
    thread_ = std::thread([this, &book] { end_ = book.rows(*on_, target().endless).error().status; });
    const Instant began = steady_clock().now();
    while (book.rows(outer, "SELECT 1").error().message != "another statement is running on this session") {
      if (steady_clock().now() - began > 10s) FAIL("the statement did not begin");
      std::this_thread::yield();
    }
  }
  ~Working() {
    if (thread_.joinable()) thread_.join();
  }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;
  // It is not sent at all where the handle was released just before.
  void check_end() {
    thread_.join();
    CHECK((end_ == Status::statement_timeout || end_ == Status::closed));
  }

 private:
  std::shared_ptr<Handle> on_;
  Status end_ = Status::ok;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a transaction released while its savepoint works: the work ends undisturbed, and all of it is undone") {
  const Book book(limited);
  const auto pinned = book.pin();
  auto tx = Book::begin(*pinned);
  const auto inner = Book::begin(*tx);
  REQUIRE(book.insert(*inner, 1).ok());
  Working working(book, inner, *pinned);
  tx.reset();
  working.check_end();
  CHECK(told(book.insert(*inner, 2)) == "closed/not_sent");
  CHECK(told(inner->commit({})) == "closed/not_sent");
  CHECK(told(book.insert(*pinned, 3)) == "ok");
  CHECK(book.rows(*pinned, "SELECT a FROM book").take() == Table{{"3"}});
}

TEST_CASE("a pinned handle released while its transaction works or waits: its session goes home") {
  const Book book(limited);
  auto pinned = book.pin();
  const auto tx = Book::begin(*pinned);
  REQUIRE(book.insert(*tx, 1).ok());
  SUBCASE("works") {
    Working working(book, tx, *pinned);
    pinned.reset();
    working.check_end();
  }
  SUBCASE("waits") { pinned.reset(); }
  CHECK(book.left().empty());
  CHECK(told(book.insert(*tx, 2)) == "closed/not_sent");
}

TEST_CASE("handles released and used by several threads at any moment: nothing abandoned is committed") {
  const Book book;
  const auto pinned = book.pin();
  for (int i = 0; i < 100; ++i) {
    auto tx = Book::begin(*pinned);
    auto outer = Book::begin(*tx);
    REQUIRE(book.insert(*outer, 1).ok());
    auto inner = Book::begin(*outer);
    REQUIRE(book.insert(*inner, 2).ok());
    inner.reset();
    std::atomic<bool> go{false};
    std::thread releasing([&] {
      while (!go) std::this_thread::yield();
      tx.reset();
    });
    go = true;
    (void)book.insert(*outer, 3);
    if (const auto late = outer->begin({}, {})) (void)book.insert(**late, 4);
    (void)outer->commit({});
    releasing.join();
    REQUIRE(told(book.insert(*pinned, 5)) == "ok");
  }
  CHECK(book.rows(*pinned, "SELECT DISTINCT a FROM book").take() == Table{{"5"}});
}

}  // namespace tl::validation
