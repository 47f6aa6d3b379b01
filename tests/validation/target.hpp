// The database that the suite runs against. Everything that may differ between databases is said here; what is not is
// the contract that every driver keeps.
#pragma once
#include <string>

#include "config.hpp"
#include "driver.hpp"

namespace tl::validation {

struct Target {
  std::string name;
  config::DriverKind kind;
  std::string address;       // the keys of its connection in TOML
  bool typed_columns;        // columns have types; otherwise each value has its own
  bool keeps_sessions;       // a session is one server process's as long as it lasts
  bool many_sessions;        // several sessions may write at a time
  std::string rows;          // a query of "{n}" rows: i from 1, and a text
  std::string endless_rows;  // a query of rows without end
  std::string endless;       // a query that does not end by itself within minutes, of few rows
  std::string change;        // a statement that leaves the session changed
  std::string tell;          // a query that tells whether it did, as 0 or 1
  std::string failing_read;  // fails after it has given some rows
  // Inserts 1, which is there already, into "{table}", and by its failure ends the transaction; "": no failure does.
  // Where there is one, a statement that is stopped while it writes ends it too.
  std::string ends_transaction;
  std::string bytes_type;    // for DDL: of any bytes
  std::string text_type;     // of texts of any length
  std::string moment_types;  // three columns d, t, u: date, time stamp and time of day, with microseconds
  std::string moments;       // all three as they are written in ISO 8601, "|" between them
  bool infinite_floats;
  bool tells_each_row;        // what each of many rows has affected
  std::string uuid_type;      // for DDL
  std::string json_type;      // for DDL
  std::string decimal_type;   // for DDL: of any digits
  std::string interval_type;  // for DDL, "": there is none
  std::string array_type;     // for DDL: of integers, "": there is none
  std::string unsendable;     // what no value may be: "NaN", "NUL" in a text
  std::string deferred;       // what makes a foreign key one that is checked at the commit, "": nothing does
};

// Chosen by TL_TARGET: "sqlite", "postgresql", "mariadb". The whole process tests one.
[[nodiscard]] const Target& target();

// A temporary folder of this process, removed at its end.
[[nodiscard]] const std::string& folder();

// The configuration of one connection, "db", with further lines of TOML.
[[nodiscard]] config::Config configuration(const std::string& more = "");

[[nodiscard]] std::string with(std::string text, const std::string& placeholder, const std::string& value);

}  // namespace tl::validation
