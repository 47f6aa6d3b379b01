#include "postgresql_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace tl::postgresql {
namespace {

struct Entry {
  std::string_view sqlstate;  // whole, or a class of two characters
  Status status;
  Outcome outcome = Outcome::refused;
};

// Whole codes before their classes: the first that fits counts. A statement that fails has had no effect; what says
// `rolled_back` may have run for a while or ended its transaction.
constexpr std::array table = {
    Entry{"23505", Status::unique_violation},
    Entry{"23503", Status::foreign_key_violation},
    Entry{"23502", Status::not_null_violation},
    Entry{"23514", Status::check_violation},
    Entry{"23", Status::constraint_violation},
    Entry{"44", Status::check_violation},  // WITH CHECK OPTION
    Entry{"40P01", Status::deadlock, Outcome::rolled_back},
    Entry{"40003", Status::unavailable, Outcome::unknown},
    Entry{"40", Status::serialization, Outcome::rolled_back},
    Entry{"57014", Status::statement_timeout, Outcome::rolled_back},  // a cancel is told apart by who sent it
    Entry{"55P03", Status::lock_timeout},
    Entry{"55", Status::statement},
    Entry{"57P01", Status::unavailable, Outcome::rolled_back},
    Entry{"57P03", Status::unavailable},
    Entry{"57P05", Status::unavailable},
    Entry{"57P", Status::unavailable, Outcome::unknown},
    Entry{"57", Status::unavailable},
    Entry{"25006", Status::read_only},
    Entry{"25P02", Status::statement},
    Entry{"25P03", Status::unavailable, Outcome::rolled_back},
    Entry{"25", Status::statement},
    Entry{"28", Status::authentication},
    Entry{"42501", Status::permission},
    Entry{"42", Status::statement},
    Entry{"3D000", Status::configuration},
    Entry{"3F", Status::statement},
    Entry{"22", Status::data},
    Entry{"21", Status::data},
    Entry{"0A", Status::unsupported},
    Entry{"53300", Status::unavailable},
    Entry{"53", Status::resource},
    Entry{"54", Status::too_large},
    Entry{"08", Status::unavailable, Outcome::unknown},
    Entry{"58", Status::resource},
    Entry{"F0", Status::configuration},
    Entry{"P0", Status::statement},
    Entry{"2", Status::statement},
    Entry{"3", Status::statement},
    Entry{"XX", Status::internal},
};

constexpr Entry unlisted{"", Status::statement};

const Entry& entry_of(std::string_view sqlstate) noexcept {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Entry& e) { return sqlstate.starts_with(e.sqlstate); });
  return found == table.end() ? unlisted : *found;
}

std::string_view field(const PGresult* result, int code) noexcept {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : text;
}

// libpq and the server may use several lines; where the server's source is told, nobody who reads the error wants it.
std::string one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!part.empty() && static_cast<unsigned char>(part.front()) <= ' ') part.remove_prefix(1);
    if (part.empty() || part.starts_with("LOCATION:")) continue;
    if (!line.empty()) line += "; ";
    line += part;
  }
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return line;
}

void add_detail(Error& error, const char* name, std::string_view value) {
  if (!value.empty()) error.details.emplace_back(name, one_line(value));
}

bool begins_character(char c) noexcept { return (c & 0xc0) != 0x80; }

// Where the nth character begins, from 1; the text's size if there is none.
size_t begin_of(std::string_view text, size_t nth) noexcept {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (begins_character(text[at]) && --nth == 0) break;
  }
  return at;
}

// The server counts characters, from 1, in the text with its own placeholders. In the caller's it is the same place up
// to the first that was rewritten, and as far from the end after the last; between them it is not told.
std::string position_in_text(const sql::Statement& statement, std::string_view position, size_t led) {
  const std::string_view native = statement.native;
  const std::string_view text = statement.text;
  size_t told = 0;
  (void)std::from_chars(position.data(), position.data() + position.size(), told);
  if (told <= led) return {};
  told -= led;
  const size_t at = begin_of(native, told);
  if (text.starts_with(native.substr(0, at))) return std::to_string(told);
  const std::string_view rest = native.substr(at);
  if (!text.ends_with(rest)) return {};
  return std::to_string(characters(text.substr(0, text.size() - rest.size())) + 1);
}

// "FATAL:  28P01: password authentication failed …": where the code begins, npos if there is none.
size_t find_sqlstate(std::string_view text) noexcept {
  constexpr size_t length = 5;
  const auto part_of_code = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
  for (size_t at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
    const std::string_view code = text.substr(std::min(at + 3, text.size()), length + 2);
    if (code.size() == length + 2 && code.ends_with(": ") &&
        std::all_of(code.begin(), code.begin() + length, part_of_code)) {
      return at + 3;
    }
  }
  return std::string_view::npos;
}

Status status_without_sqlstate(PGconn* conn, std::string_view message) noexcept {
  if (PQconnectionNeedsPassword(conn) != 0) return Status::authentication;
  // From a server that is no PostgreSQL.
  if (message.find("expected authentication request") != std::string_view::npos) return Status::unavailable;
  for (const std::string_view sign : {"SSL", "certificate", "TLS"}) {
    if (message.find(sign) != std::string_view::npos) return Status::tls;
  }
  for (const std::string_view sign : {"SCRAM", "channel binding", "authentication"}) {
    if (message.find(sign) != std::string_view::npos) return Status::authentication;
  }
  return Status::unavailable;
}

}  // namespace

Failure failure_of(const PGresult* result, Phase phase, const sql::Statement* statement, size_t led) {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) {
    Failure failure = fail(Status::unavailable, one_line(PQresultErrorMessage(result)), phase);
    failure->outcome = Outcome::unknown;
    return failure;
  }
  const Entry& entry = entry_of(sqlstate);
  Failure failure = fail(entry.status, one_line(field(result, PG_DIAG_MESSAGE_PRIMARY)), phase);
  failure->outcome = entry.outcome;
  failure->sqlstate = sqlstate;
  add_detail(*failure, "detail", field(result, PG_DIAG_MESSAGE_DETAIL));
  add_detail(*failure, "hint", field(result, PG_DIAG_MESSAGE_HINT));
  add_detail(*failure, "constraint", field(result, PG_DIAG_CONSTRAINT_NAME));
  add_detail(*failure, "schema", field(result, PG_DIAG_SCHEMA_NAME));
  add_detail(*failure, "table", field(result, PG_DIAG_TABLE_NAME));
  add_detail(*failure, "column", field(result, PG_DIAG_COLUMN_NAME));
  add_detail(*failure, "type", field(result, PG_DIAG_DATATYPE_NAME));
  if (statement != nullptr) {
    add_detail(*failure, "position", position_in_text(*statement, field(result, PG_DIAG_STATEMENT_POSITION), led));
  }
  return failure;
}

Failure lost(PGconn* conn, Phase phase, Outcome outcome) {
  std::string message = one_line(PQerrorMessage(conn));
  if (message.empty()) message = "the server closed the session";
  Failure failure = fail(Status::unavailable, std::move(message), phase);
  failure->outcome = outcome;
  return failure;
}

Failure opening_failure(PGconn* conn) {
  std::string message = one_line(PQerrorMessage(conn));
  const size_t at = find_sqlstate(message);
  if (at == std::string::npos) {
    const Status status = status_without_sqlstate(conn, message);
    return fail(status, std::move(message), Phase::connect);
  }
  std::string sqlstate = message.substr(at, 5);
  message.erase(at, 7);
  Failure failure = fail(entry_of(sqlstate).status, std::move(message), Phase::connect);
  failure->sqlstate = std::move(sqlstate);
  return failure;
}

size_t characters(std::string_view text) noexcept {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

bool ends_session(const PGresult* result) noexcept {
  const std::string_view severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return field(result, PG_DIAG_SQLSTATE).empty() || severity == "FATAL" || severity == "PANIC";
}

bool is_stale_plan(const PGresult* result) noexcept {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  return sqlstate == "26000" ||
         (sqlstate == "0A000" && field(result, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery");
}

bool is_not_understood(const PGresult* result) noexcept {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  return sqlstate.starts_with("42") || sqlstate.starts_with("0A") || sqlstate.starts_with("3F");
}

bool is_conflict(const PGresult* result) noexcept {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  return sqlstate == "40P01" || sqlstate == "40001";
}

bool may_be_stale_type(const PGresult* result) noexcept {
  constexpr std::array<std::string_view, 5> codes = {"22P02", "42725", "42804", "42846", "42883"};
  return std::find(codes.begin(), codes.end(), field(result, PG_DIAG_SQLSTATE)) != codes.end();
}

}  // namespace tl::postgresql
