// A table that each test of transactions begins anew, written through handles on the one session of its pool.
#pragma once
#include "line.hpp"

namespace tl::validation {

// For statements that the database itself is to stop: a call's deadline would lose the session of a machine that is too
// busy to confirm it.
inline constexpr const char* limited = "statement_timeout = \"700ms\"\n";

struct Book : Line {
  explicit Book(const std::string& more = "") : Line(more + "[connections.db.pool]\nmax = 1\n") {
    run("DROP TABLE IF EXISTS book");
    run("CREATE TABLE book (a INTEGER)");
  }

  [[nodiscard]] std::shared_ptr<Handle> pin() const { return handle->pin({}).take(); }
  [[nodiscard]] static std::shared_ptr<Handle> begin(Handle& on) {
    auto begun = on.begin({}, {});
    REQUIRE_MESSAGE(begun.ok(), (begun ? "" : begun.error().message));
    return begun.take();
  }
  [[nodiscard]] Result<void> insert(Handle& on, int value, const CallOptions& options = {}) const {
    Result<Table> done = rows(on, "INSERT INTO book VALUES (" + std::to_string(value) + ")", {}, options);
    if (!done) return done.take_error();
    return {};
  }
  // Writes until its time is up: of a limited book.
  [[nodiscard]] Failure stopped_insert(Handle& on) const {
    Result<Table> late = rows(on, "INSERT INTO book " + target().endless);
    REQUIRE_FALSE(late.ok());
    return late.take_error();
  }
  // What the table holds when every session has come home.
  [[nodiscard]] Table left() const {
    await_home();
    return rows("SELECT a FROM book ORDER BY a").take();
  }
};

// "statement/rolled_back", or "ok".
template <class T>
[[nodiscard]] std::string told(const Result<T>& result) {
  if (result) return "ok";
  return std::string(status_name(result.error().status)) + "/" + std::string(outcome_name(result.error().outcome));
}

}  // namespace tl::validation
