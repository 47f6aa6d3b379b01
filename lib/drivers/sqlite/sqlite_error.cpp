#include "sqlite_error.hpp"

#include <array>
#include <string>

namespace tl::sqlite {
namespace {

struct Entry {
  int code;
  Status status;
  Outcome outcome = Outcome::refused;
};

// Extended codes first; a code that is not listed is looked up by its primary code (the low byte). Of the errors that
// end a statement half way, SQLite undoes what was done.
constexpr std::array table = {
    Entry{SQLITE_CONSTRAINT_UNIQUE, Status::unique_violation},
    Entry{SQLITE_CONSTRAINT_PRIMARYKEY, Status::unique_violation},
    Entry{SQLITE_CONSTRAINT_ROWID, Status::unique_violation},
    Entry{SQLITE_CONSTRAINT_FOREIGNKEY, Status::foreign_key_violation},
    Entry{SQLITE_CONSTRAINT_NOTNULL, Status::not_null_violation},
    Entry{SQLITE_CONSTRAINT_CHECK, Status::check_violation},
    Entry{SQLITE_CONSTRAINT_DATATYPE, Status::data},
    Entry{SQLITE_BUSY_SNAPSHOT, Status::serialization},
    Entry{SQLITE_IOERR_NOMEM, Status::no_memory, Outcome::rolled_back},
    Entry{SQLITE_CONSTRAINT, Status::constraint_violation},
    Entry{SQLITE_READONLY, Status::read_only},
    Entry{SQLITE_BUSY, Status::lock_timeout},
    Entry{SQLITE_LOCKED, Status::lock_timeout},
    Entry{SQLITE_PROTOCOL, Status::lock_timeout},
    Entry{SQLITE_FULL, Status::resource, Outcome::rolled_back},
    Entry{SQLITE_IOERR, Status::resource, Outcome::rolled_back},
    Entry{SQLITE_NOLFS, Status::resource},
    Entry{SQLITE_CORRUPT, Status::data, Outcome::rolled_back},
    Entry{SQLITE_NOTADB, Status::data},
    Entry{SQLITE_CANTOPEN, Status::unavailable},
    Entry{SQLITE_NOMEM, Status::no_memory, Outcome::rolled_back},
    Entry{SQLITE_TOOBIG, Status::too_large},
    Entry{SQLITE_MISMATCH, Status::data},
    Entry{SQLITE_RANGE, Status::data},
    Entry{SQLITE_INTERRUPT, Status::cancelled, Outcome::rolled_back},
    Entry{SQLITE_AUTH, Status::permission},
    Entry{SQLITE_PERM, Status::permission},
    Entry{SQLITE_ERROR, Status::statement},
    Entry{SQLITE_ABORT, Status::statement, Outcome::rolled_back},
    Entry{SQLITE_SCHEMA, Status::statement},
};

// SQLite itself says "database is locked".
constexpr const char* written_since =
    "this transaction began with a read, and since then somebody else has written to the file: it cannot write any "
    "more, "
    "and no waiting helps; roll it back, and begin with BEGIN IMMEDIATE, as transaction() does";

constexpr Entry unlisted{SQLITE_INTERNAL, Status::internal};

const Entry& entry_of(int extended_code) noexcept {
  for (const int code : {extended_code, extended_code & 0xff}) {
    for (const Entry& entry : table) {
      if (entry.code == code) return entry;
    }
  }
  return unlisted;
}

// SQLite quotes pieces of the statement, which may have line ends.
std::string one_line(const char* text) {
  std::string line = text;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return line;
}

// "UNIQUE constraint failed: users.email" names what was violated.
void add_constraint(Error& error) {
  constexpr std::string_view marker = " constraint failed: ";
  const size_t at = error.message.find(marker);
  if (at != std::string::npos) error.details.emplace_back("constraint", error.message.substr(at + marker.size()));
}

}  // namespace

Failure failure_of(sqlite3* db, int code, Phase phase) {
  const Entry& entry = entry_of(code);
  Failure failure = fail(entry.status, one_line(db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db)), phase);
  if (code == SQLITE_BUSY_SNAPSHOT) failure->message = written_since;
  failure->native = code;
  failure->outcome = entry.outcome;
  if ((code & 0xff) == SQLITE_CONSTRAINT) add_constraint(*failure);
  return failure;
}

}  // namespace tl::sqlite
