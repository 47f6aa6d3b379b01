// Transactions that a failure has ended, and work that is to be undone but could not be at once: nothing of it stays,
// and nothing is committed that was not asked for.
#include "book.hpp"

namespace tl::validation {

TEST_CASE("after a statement of a transaction was stopped nothing more runs in it, and nothing of it stays") {
  const Book book(limited);
  auto tx = Book::begin(*book.handle);
  REQUIRE(book.insert(*tx, 1).ok());
  CHECK(status_name(book.stopped_insert(*tx)->status) == "statement_timeout");

  const Result<void> refused = book.insert(*tx, 2);
  REQUIRE_FALSE(refused.ok());
  CHECK(status_name(refused.error().status) == "statement");
  CHECK(refused.error().connection == "db");
  CHECK_FALSE(refused.error().endpoint.empty());
  const auto inner = tx->begin({}, {});
  REQUIRE_FALSE(inner.ok());
  CHECK(status_name(inner.error().status) == "statement");

  SUBCASE("rolled back") { CHECK(told(tx->rollback({})) == "ok"); }
  SUBCASE("committed") { CHECK(told(tx->commit({})) == "statement/rolled_back"); }
  SUBCASE("dropped") { tx.reset(); }
  if (tx != nullptr) CHECK(told(book.insert(*tx, 3)) == "closed/not_sent");
  CHECK(book.left().empty());

  const auto next = Book::begin(*book.handle);
  REQUIRE(book.insert(*next, 4).ok());
  CHECK(told(next->commit({})) == "ok");
  CHECK(book.left() == Table{{"4"}});
}

TEST_CASE("a failure that ends its transaction says so, and what was begun in it takes only a rollback") {
  if (target().ends_transaction.empty()) return;
  const Book book;
  book.run("DROP TABLE IF EXISTS only");
  book.run("CREATE TABLE only (a INTEGER UNIQUE)");
  book.run("INSERT INTO only VALUES (1)");
  const auto pinned = book.pin();
  const auto tx = Book::begin(*pinned);
  REQUIRE(book.insert(*tx, 1).ok());
  auto inner = Book::begin(*tx);
  CHECK(told(book.rows(*inner, with(target().ends_transaction, "{table}", "only"))) == "unique_violation/rolled_back");
  CHECK(told(book.insert(*inner, 2)) == "statement/rolled_back");
  SUBCASE("the savepoint rolled back") { CHECK(told(inner->rollback({})) == "ok"); }
  SUBCASE("the savepoint committed") { CHECK(told(inner->commit({})) == "statement/rolled_back"); }
  SUBCASE("the savepoint dropped") { inner.reset(); }
  CHECK(told(book.insert(*tx, 3)) == "statement/rolled_back");
  CHECK(told(tx->rollback({})) == "ok");
  CHECK(told(book.insert(*pinned, 4)) == "ok");
  CHECK(book.rows(*pinned, "SELECT a FROM book").take() == Table{{"4"}});
}

TEST_CASE("a savepoint dropped after its statement was stopped does not block the pinned session") {
  const Book book(limited);
  const auto pinned = book.pin();
  auto tx = Book::begin(*pinned);
  REQUIRE(book.insert(*tx, 1).ok());
  auto inner = Book::begin(*tx);
  (void)book.stopped_insert(*inner);
  inner.reset();
  // Databases that keep the savepoint go on from there; the others have ended the whole transaction.
  CHECK(told(book.insert(*tx, 2)) == (target().ends_transaction.empty() ? "ok" : "statement/rolled_back"));
  SUBCASE("rolled back") { CHECK(told(tx->rollback({})) == "ok"); }
  SUBCASE("dropped") { tx.reset(); }
  CHECK(told(book.insert(*pinned, 3)) == "ok");
  CHECK(book.rows(*pinned, "SELECT a FROM book").take() == Table{{"3"}});
}

TEST_CASE("a commit that the database refuses has rolled back, and the session is free for the next") {
  if (target().deferred.empty()) return;
  const Book book;
  book.run("DROP TABLE IF EXISTS leaf");
  book.run("DROP TABLE IF EXISTS root");
  book.run("CREATE TABLE root (a INTEGER PRIMARY KEY)");
  book.run("CREATE TABLE leaf (a INTEGER REFERENCES root (a) " + target().deferred + ")");
  const auto pinned = book.pin();
  const auto tx = Book::begin(*pinned);
  REQUIRE(book.insert(*tx, 1).ok());
  REQUIRE(book.rows(*tx, "INSERT INTO leaf VALUES (1)").ok());
  CHECK(told(tx->commit({})) == "foreign_key_violation/rolled_back");
  CHECK(told(book.insert(*pinned, 2)) == "ok");
  CHECK(book.rows(*pinned, "SELECT a FROM book").take() == Table{{"2"}});
}

TEST_CASE("what could not be undone in time is undone before the next verb") {
  const Book book;
  const auto pinned = book.pin();
  const auto tx = Book::begin(*pinned);
  const auto over = [] { return within(0ns); };
  SUBCASE("a rollback of the transaction") {
    REQUIRE(book.insert(*tx, 1).ok());
    (void)tx->rollback(over());
    CHECK(told(book.insert(*tx, 2)) == "closed/not_sent");
  }
  SUBCASE("a commit of the transaction") {
    REQUIRE(book.insert(*tx, 1).ok());
    const Result<void> late = tx->commit(over());
    CHECK(told(late) == "statement_timeout/rolled_back");
    CHECK(told(book.insert(*tx, 2)) == "closed/not_sent");
  }
  SUBCASE("a rollback of a savepoint") {
    const auto inner = Book::begin(*tx);
    REQUIRE(book.insert(*inner, 1).ok());
    (void)inner->rollback(over());
    CHECK(told(tx->commit({})) == "ok");
  }
  SUBCASE("a commit of a savepoint") {
    const auto inner = Book::begin(*tx);
    REQUIRE(book.insert(*inner, 1).ok());
    CHECK(told(inner->commit(over())) == "statement_timeout/rolled_back");
    CHECK(told(book.insert(*tx, 2)) == "ok");
    CHECK(told(tx->rollback({})) == "ok");
  }
  SUBCASE("a savepoint dropped within one dropped, and a statement that had no time for it") {
    auto inner = Book::begin(*tx);
    auto innermost = Book::begin(*inner);
    REQUIRE(book.insert(*innermost, 1).ok());
    innermost.reset();
    inner.reset();
    CHECK(told(book.insert(*tx, 2, over())) == "statement_timeout/not_sent");
    CHECK(told(tx->commit({})) == "ok");
  }
  CHECK(told(book.insert(*pinned, 4)) == "ok");
  CHECK(book.rows(*pinned, "SELECT a FROM book").take() == Table{{"4"}});
}

TEST_CASE("a transaction or savepoint that could not begin in time is none") {
  const Book book;
  const auto pinned = book.pin();
  CHECK_FALSE(pinned->begin({}, within(0ns)).ok());
  CHECK(told(book.insert(*pinned, 1)) == "ok");
  {
    const auto tx = Book::begin(*pinned);
    REQUIRE(book.insert(*tx, 2).ok());
    CHECK_FALSE(tx->begin({}, within(0ns)).ok());
    CHECK(told(tx->rollback({})) == "ok");
  }
  CHECK(told(book.insert(*pinned, 3)) == "ok");
  CHECK(book.rows(*pinned, "SELECT a FROM book ORDER BY a").take() == Table{{"1"}, {"3"}});
}

}  // namespace tl::validation
