#include "sqlite_error.hpp"

#include <array>
#include <string>

namespace tl::sqlite {
namespace {

struct Entry {
  int code;
  Status status;
};

// Extended codes first; a code that is not listed is looked up by its primary code (the low byte).
constexpr std::array table = {
    Entry{SQLITE_CONSTRAINT_UNIQUE, Status::unique_violation},
    Entry{SQLITE_CONSTRAINT_PRIMARYKEY, Status::unique_violation},
    Entry{SQLITE_CONSTRAINT_ROWID, Status::unique_violation},
    Entry{SQLITE_CONSTRAINT_FOREIGNKEY, Status::foreign_key_violation},
    Entry{SQLITE_CONSTRAINT_NOTNULL, Status::not_null_violation},
    Entry{SQLITE_CONSTRAINT_CHECK, Status::check_violation},
    Entry{SQLITE_CONSTRAINT_DATATYPE, Status::data},
    Entry{SQLITE_BUSY_SNAPSHOT, Status::serialization},
    Entry{SQLITE_IOERR_NOMEM, Status::no_memory},
    Entry{SQLITE_CONSTRAINT, Status::constraint_violation},
    Entry{SQLITE_READONLY, Status::read_only},
    Entry{SQLITE_BUSY, Status::lock_timeout},
    Entry{SQLITE_LOCKED, Status::lock_timeout},
    Entry{SQLITE_FULL, Status::resource},
    Entry{SQLITE_IOERR, Status::resource},
    Entry{SQLITE_CORRUPT, Status::resource},
    Entry{SQLITE_NOTADB, Status::unavailable},
    Entry{SQLITE_CANTOPEN, Status::unavailable},
    Entry{SQLITE_NOMEM, Status::no_memory},
    Entry{SQLITE_TOOBIG, Status::too_large},
    Entry{SQLITE_MISMATCH, Status::data},
    Entry{SQLITE_RANGE, Status::misuse},
    Entry{SQLITE_INTERRUPT, Status::cancelled},
    Entry{SQLITE_AUTH, Status::permission},
    Entry{SQLITE_PERM, Status::permission},
    Entry{SQLITE_ERROR, Status::statement},
    Entry{SQLITE_MISUSE, Status::internal},
};

// "UNIQUE constraint failed: users.email" names what was violated.
void add_constraint(Error& error) {
  constexpr std::string_view marker = " constraint failed: ";
  const size_t at = error.message.find(marker);
  if (at != std::string::npos) error.details.emplace_back("constraint", error.message.substr(at + marker.size()));
}

}  // namespace

Status status_of(int extended_code) noexcept {
  for (const int code : {extended_code, extended_code & 0xff}) {
    for (const Entry& entry : table) {
      if (entry.code == code) return entry.status;
    }
  }
  return Status::internal;
}

Failure failure_of(sqlite3* db, int code, Phase phase) {
  Failure failure = fail(status_of(code), db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db), phase);
  failure->native = code;
  failure->outcome = Outcome::refused;
  add_constraint(*failure);
  return failure;
}

}  // namespace tl::sqlite
