// Answers of a pinned or transaction handle that are dropped before their end.
#include "book.hpp"

namespace tl::validation {
namespace {

void drop_unread(Handle& on, std::string_view sql) {
  CallOptions options;
  options.stream = true;
  options.batch = {10, 1 << 20};
  QueryResult result;
  REQUIRE(on.query(result, sql, {}, false, options).ok());
  REQUIRE((*result.next(options))->rows() > 0);
}

}  // namespace

TEST_CASE("a statement whose time is up while a dropped answer is still being read is not sent, and says so") {
  const Book book;
  const auto tx = Book::begin(*book.handle);
  REQUIRE(book.insert(*tx, 1).ok());
  drop_unread(*tx, target().endless_rows);
  SUBCASE("a statement") {
    const Result<void> late = book.insert(*tx, 2, within(100ms));
    CHECK(told(late) == "statement_timeout/not_sent");
    CHECK(late.error().message.find("dropped") != std::string::npos);
    (void)tx->rollback({});  // the session may be lost
  }
  SUBCASE("a commit") { CHECK(told(tx->commit(within(100ms))) == "statement_timeout/rolled_back"); }
  CHECK(book.left().empty());
}

TEST_CASE("a call that is over before it begins leaves a dropped answer and its transaction alone") {
  const Book book;
  const auto tx = Book::begin(*book.handle);
  REQUIRE(book.insert(*tx, 1).ok());
  drop_unread(*tx, rows_of(100'000));
  CHECK(told(book.insert(*tx, 2, within(0ns))) == "statement_timeout/not_sent");
  CallOptions cancelled;
  cancelled.ticket = std::make_shared<runtime::Ticket>();
  cancelled.ticket->cancel();
  CHECK(told(book.insert(*tx, 3, cancelled)) == "cancelled/not_sent");
  CHECK(told(book.insert(*tx, 4)) == "ok");
  CHECK(told(tx->commit({})) == "ok");
  CHECK(book.left() == Table{{"1"}, {"4"}});
}

TEST_CASE("a dropped answer whose later statement fails does not fail the next one") {
  const Book book;
  const auto pinned = book.pin();
  drop_unread(*pinned, "SELECT 1; SELECT a FROM there_is_no_such_table");
  CHECK(told(book.insert(*pinned, 1)) == "ok");
  CHECK(told(book.insert(*pinned, 2)) == "ok");
}

}  // namespace tl::validation
