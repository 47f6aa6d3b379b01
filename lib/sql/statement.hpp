// What the lexer learns of one SQL text, once: kind, placeholders, the text in the database's own placeholder style.
// There is no parser: what the lexer does not know as harmless counts as a write that leaves its session changed.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"
#include "type.hpp"

namespace tl::sql {

enum class Dialect : uint8_t { sqlite, postgresql, mysql };

enum class Kind : uint8_t {
  read,  // changes nothing: may go to a replica
  write,
  unknown,  // treated as a write
  control,  // BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, START TRANSACTION, END, ABORT, PREPARE TRANSACTION, XA,
            // MySQL's SET autocommit; also where other statements stand beside it
};

enum class Style : uint8_t { none, question, dollar, named };

// Where a list may stand in `native`: MySQL, which has no arrays.
struct ListPlace {
  uint32_t parameter;  // from 0
  size_t at;           // of its "?"
};

// What servers have said of a statement since it was read.
class Learned {
 public:
  Learned() = default;
  Learned(const Learned& other) noexcept : writes_(other.writes()) {}
  Learned& operator=(const Learned&) = delete;
  [[nodiscard]] bool writes() const noexcept { return writes_.load(std::memory_order_relaxed); }
  void note_write() noexcept { writes_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> writes_{false};
};

struct Statement {
  uint64_t id = 0;  // never reused in a process; drivers key prepared statements by it
  std::string text;
  std::string native;  // `text` with the placeholders that the database's own protocol wants
  Kind kind = Kind::unknown;
  Style style = Style::none;
  uint32_t parameters = 0;         // values that `native` wants
  std::vector<std::string> names;  // style named: the name of each of them
  std::vector<ListPlace> lists;    // in the order of `native`
  uint32_t statements = 1;         // in the text; empty ones do not count
  // Leaves no session state but its transaction: queries, changes and lasting definitions that call only functions
  // known as harmless, and transaction control.
  bool plain = false;
  std::string verb;  // first keyword in capitals: "SELECT", for messages and logs
  mutable Learned learned;
};

// `named`: every value of the call has a name, so ":name" is a placeholder. "??" is PostgreSQL's operator "?". SQLite
// has no arrays: "= ANY (?)" and "<> ALL (?)" look into the JSON array that stands for a list there; MySQL's become "IN
// (?)" and "NOT IN (?)", for the driver to write out. Literals are read
// as the servers do by default: standard_conforming_strings on, neither NO_BACKSLASH_ESCAPES nor ANSI_QUOTES. Takes
// time in proportion to the text. Errors (misuse): mixed styles, another database's placeholders, more than 65535
// parameters, unterminated literal or comment, NUL in the text, no statement in it, 4 GiB. Invalid UTF-8 is left to the
// server. [any thread]
[[nodiscard]] Result<Statement> analyse(std::string_view text, Dialect dialect, bool named);

// Whether it may commit the transaction that it stands in: MySQL's definitions do, and its procedures where they like.
[[nodiscard]] bool may_end_transaction(const Statement& statement, Dialect dialect) noexcept;

// Why the text is of its kind, for a person: "SELECT … FOR UPDATE locks rows", "calls nextval, which writes",
// "statement 2 of 2: DELETE writes". It looks at the text anew. Errors: those of analyse(). [any thread]
[[nodiscard]] Result<std::string> reason_of_kind(std::string_view text, Dialect dialect, bool named);

// The values of a call that names them, in the order that `statement.native` wants. Errors (misuse): a name the
// statement does not have, one it needs and was not given, one given twice, a value without a name.
[[nodiscard]] Result<std::vector<columnar::Value>> bind_names(const Statement& statement,
                                                              const columnar::Params& params);

// An identifier quoted for the dialect. Errors (misuse): empty, NUL, invalid UTF-8.
[[nodiscard]] Result<std::string> quote_identifier(std::string_view name, Dialect dialect);

// The text that fills columns of a table with rows: COPY … FROM STDIN on PostgreSQL, elsewhere an INSERT with a
// placeholder for each column. Names are those that the database keeps, letter for letter; dots separate the parts of
// the table's, and a part that has one stands in the dialect's quotes. Errors (misuse): a name that is none, no column.
[[nodiscard]] Result<std::string> loading_text(std::string_view table, const std::vector<std::string_view>& columns,
                                               Dialect dialect);

// The statements of one connection: text -> Statement. Bounded by bytes, least recently used go first. [any thread]
class Table {
 public:
  Table(Dialect dialect, size_t capacity_bytes);
  ~Table();
  [[nodiscard]] Result<std::shared_ptr<const Statement>> find(std::string_view text, bool named);
  [[nodiscard]] Dialect dialect() const noexcept;
  [[nodiscard]] size_t bytes() const;
  [[nodiscard]] size_t size() const;

 private:
  class Entries;
  std::unique_ptr<Entries> entries_;
};

}  // namespace tl::sql
