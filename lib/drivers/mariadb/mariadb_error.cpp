#include "mariadb_error.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace tl::mariadb {
namespace {

struct Entry {
  unsigned number;
  Status status;
  Outcome outcome = Outcome::refused;
};

// By the server's numbers, sorted: they tell more than SQLSTATE does. What says `rolled_back` may have run for a while
// or ended its transaction. MySQL's own are among them.
constexpr std::array table = {
    Entry{1040, Status::unavailable},  // too many connections
    Entry{1044, Status::permission},   // to a database
    Entry{1045, Status::authentication},
    Entry{1048, Status::not_null_violation},
    Entry{1049, Status::configuration},                  // unknown database
    Entry{1051, Status::statement, Outcome::unknown},    // DROP of several tables, which has dropped the others
    Entry{1053, Status::unavailable, Outcome::unknown},  // the server shuts down
    Entry{1062, Status::unique_violation},
    Entry{1114, Status::resource},        // the table is full
    Entry{1129, Status::unavailable},     // the host is blocked
    Entry{1130, Status::authentication},  // the host is not allowed
    Entry{1135, Status::resource},
    Entry{1142, Status::permission},  // to a table
    Entry{1143, Status::permission},  // to a column
    Entry{1153, Status::too_large},   // than max_allowed_packet
    Entry{1158, Status::unavailable, Outcome::unknown},
    Entry{1159, Status::unavailable, Outcome::unknown},
    Entry{1160, Status::unavailable, Outcome::unknown},
    Entry{1161, Status::unavailable, Outcome::unknown},
    Entry{1169, Status::unique_violation},
    Entry{1203, Status::unavailable},  // the user has too many sessions
    Entry{1205, Status::lock_timeout},
    Entry{1206, Status::resource, Outcome::rolled_back},  // too many locks
    Entry{1213, Status::deadlock, Outcome::rolled_back},
    Entry{1216, Status::foreign_key_violation},
    Entry{1217, Status::foreign_key_violation},
    Entry{1226, Status::resource},  // the user's quota
    Entry{1227, Status::permission},
    Entry{1235, Status::unsupported},
    Entry{1264, Status::data},       // out of range
    Entry{1290, Status::read_only},  // --read-only
    Entry{1292, Status::data},
    Entry{1317, Status::cancelled, Outcome::rolled_back},  // KILL QUERY
    Entry{1364, Status::not_null_violation},               // no default
    Entry{1366, Status::data},
    Entry{1370, Status::permission},                   // to a routine
    Entry{1396, Status::statement, Outcome::unknown},  // CREATE, DROP, … of several users
    Entry{1406, Status::data},                         // too long
    Entry{1451, Status::foreign_key_violation},
    Entry{1452, Status::foreign_key_violation},
    Entry{1586, Status::unique_violation},
    Entry{1614, Status::deadlock, Outcome::rolled_back},  // XA
    Entry{1690, Status::data},
    Entry{1698, Status::authentication},
    Entry{1792, Status::read_only},  // in a read-only transaction
    Entry{1836, Status::read_only},
    Entry{1927, Status::unavailable, Outcome::rolled_back},        // KILL CONNECTION
    Entry{1969, Status::statement_timeout, Outcome::rolled_back},  // max_statement_time
    Entry{2000, Status::internal, Outcome::unknown},
    Entry{2002, Status::unavailable},                    // no socket there
    Entry{2003, Status::unavailable},                    // no server there
    Entry{2005, Status::unavailable},                    // no such host
    Entry{2006, Status::unavailable, Outcome::unknown},  // gone
    Entry{2007, Status::unsupported},                    // another protocol
    Entry{2008, Status::no_memory, Outcome::unknown},
    Entry{2012, Status::unavailable},                    // in the handshake
    Entry{2013, Status::unavailable, Outcome::unknown},  // lost
    Entry{2020, Status::too_large, Outcome::unknown},    // a packet
    Entry{2026, Status::tls},
    Entry{2027, Status::unavailable, Outcome::unknown},  // malformed packet
    Entry{2058, Status::authentication},                 // plugins
    Entry{2059, Status::authentication},
    Entry{2061, Status::authentication},
    Entry{3024, Status::statement_timeout, Outcome::rolled_back},  // MySQL's max_execution_time
    Entry{3819, Status::check_violation},                          // MySQL
    Entry{3948, Status::permission},                               // MySQL: LOCAL INFILE is off
    Entry{4025, Status::check_violation},
    Entry{4091, Status::statement, Outcome::unknown},    // DROP of several sequences
    Entry{4092, Status::statement, Outcome::unknown},    // of several views
    Entry{4166, Status::permission},                     // LOCAL INFILE is off
    Entry{5010, Status::authentication},                 // a plugin that is not allowed
    Entry{5012, Status::authentication},                 // or cannot be loaded
    Entry{5013, Status::unavailable, Outcome::unknown},  // reading
    Entry{5014, Status::unavailable, Outcome::unknown},  // writing
};

constexpr bool is_sorted() {
  for (size_t i = 1; i < table.size(); ++i) {
    if (table[i - 1].number >= table[i].number) return false;
  }
  return true;
}

struct Class {
  std::string_view sqlstate;  // begins with it
  Status status;
};

// Where the number is not listed.
constexpr std::array classes = {
    Class{"08", Status::unavailable},    Class{"0A", Status::unsupported},          Class{"21", Status::data},
    Class{"22", Status::data},           Class{"23", Status::constraint_violation}, Class{"25006", Status::read_only},
    Class{"28", Status::authentication}, Class{"40", Status::serialization},        Class{"42000", Status::statement},
};

Entry entry_of(unsigned number, std::string_view sqlstate) noexcept {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Entry& e) { return e.number == number; });
  if (found != table.end()) return *found;
  for (const Class& each : classes) {
    if (sqlstate.starts_with(each.sqlstate)) return {number, each.status};
  }
  return {number, Status::statement};
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return line;
}

// The name in quotes behind a word of the server's message, "" : none.
std::string_view quoted_after(std::string_view message, std::string_view word, char open, char close) noexcept {
  const size_t at = message.find(word);
  if (at == std::string_view::npos) return {};
  const size_t begin = message.find(open, at + word.size());
  if (begin == std::string_view::npos) return {};
  const size_t end = message.find(close, begin + 1);
  return end == std::string_view::npos ? std::string_view() : message.substr(begin + 1, end - begin - 1);
}

std::string_view constraint_of(Status status, std::string_view message) noexcept {
  switch (status) {
    case Status::unique_violation: return quoted_after(message, "for key", '\'', '\'');
    case Status::foreign_key_violation:
    case Status::check_violation: return quoted_after(message, "CONSTRAINT", '`', '`');
    default: return {};
  }
}

}  // namespace

Failure failure_of(unsigned number, std::string_view sqlstate, std::string_view message, Phase phase) {
  const auto outcome = [phase](Outcome of_statement) {
    return phase == Phase::connect ? Outcome::not_sent : of_statement;  // no statement of the caller's yet
  };
  if (number == 0) {
    Failure failure = fail(Status::unavailable, "the server closed the session", phase);
    failure->outcome = outcome(Outcome::unknown);
    return failure;
  }
  const Entry entry = entry_of(number, sqlstate);
  Failure failure = fail(entry.status, one_line(message), phase);
  failure->outcome = outcome(entry.outcome);
  failure->native = static_cast<int32_t>(number);
  if (sqlstate != "HY000" && sqlstate != "00000") failure->sqlstate = sqlstate;
  const std::string_view constraint = constraint_of(entry.status, message);
  if (!constraint.empty()) failure->details.emplace_back("constraint", constraint);
  return failure;
}

Failure failure_of(MYSQL* conn, Phase phase) {
  return failure_of(mysql_errno(conn), mysql_sqlstate(conn), mysql_error(conn), phase);
}

Failure failure_of(MYSQL_STMT* statement, Phase phase) {
  return failure_of(mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement), mysql_stmt_error(statement), phase);
}

bool ends_session(unsigned number) noexcept {
  return number == 0 || number == 1053 || number == 1927 || (number >= 2000 && number < 3000) ||
         (number >= 5000 && number < 6000);  // Connector/C's own
}

bool is_not_preparable(unsigned number) noexcept { return number == 1295; }

bool is_stale(unsigned number) noexcept {
  return number == 1243 || number == 1615;  // unknown statement, needs to be prepared anew
}

bool is_refusal(unsigned number) noexcept {
  constexpr std::array numbers = {1044U, 1064U, 1142U, 1227U, 1235U};
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

static_assert(is_sorted());

}  // namespace tl::mariadb
