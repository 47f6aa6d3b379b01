#include "postgresql_peer.hpp"

#include <array>

namespace tl::postgresql {
namespace {

struct Setting {
  const char* name;
  std::string value;
  bool is_reported = false;  // by servers, whenever it changes
};

// What the caller wants of every session.
void add_wanted(std::vector<Setting>& all, const config::Address& address) {
  if (!address.timezone.empty()) all.push_back({"TimeZone", address.timezone, true});
  if (!address.schema.empty()) all.push_back({"search_path", address.schema});
  if (address.read_only) all.push_back({"default_transaction_read_only", "on"});
  if (address.statement_timeout) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*address.statement_timeout);
    all.push_back({"statement_timeout", std::to_string(ms.count())});
  }
}

// How values are written, and how the lexer and the server both read literals, whatever a role or database says. A
// number of float digits says that PostgreSQL may write any double exactly.
std::vector<Setting> settings_of(const config::Address& address) {
  std::vector<Setting> all = {{"DateStyle", "ISO", true},
                              {"IntervalStyle", "postgres"},
                              {"bytea_output", "hex"},
                              {"extra_float_digits", "1"},
                              {"standard_conforming_strings", "on", true}};
  add_wanted(all, address);
  return all;
}

// It has no more of them. Two further digits are 17, enough for any double.
std::vector<Setting> settings_on_redshift(const config::Address& address) {
  std::vector<Setting> all = {{"DateStyle", "ISO"}, {"extra_float_digits", "2"}};
  add_wanted(all, address);
  return all;
}

// In `options` a space or backslash is escaped.
std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == ' ' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

std::string literal(const std::string& value) {
  std::string text = "'";
  for (const char c : value) text += c == '\'' ? "''" : std::string(1, c);
  return text + '\'';
}

std::string set_config(const char* name, const std::string& value, bool local) {
  return std::string("pg_catalog.set_config('") + name + "', " + literal(value) + (local ? ", true)" : ", false)");
}

void add_column(std::string& query, const std::string& column) { query += (query.empty() ? "SELECT " : ", ") + column; }

// A default for transactions comes too late for the one that is open already.
const char* name_inside(const Setting& setting) noexcept {
  return setting.name == std::string_view("default_transaction_read_only") ? "transaction_read_only" : setting.name;
}

constexpr std::array reported = {"client_encoding",  "DateStyle",     "TimeZone",   "standard_conforming_strings",
                                 "application_name", "IntervalStyle", "search_path"};

std::string value_of(const PGconn* conn, const char* name) {
  const char* value = PQparameterStatus(conn, name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string startup_options(const config::Address& address) {
  std::string text;
  for (const Setting& setting : settings_of(address)) {
    text += (text.empty() ? "-c " : " -c ") + std::string(setting.name) + '=' + escaped(setting.value);
  }
  return text;
}

std::string settling_question(Peer peer, const config::Address& address) {
  std::string query;
  if (peer == Peer::redshift) {
    for (const Setting& setting : settings_on_redshift(address)) {
      add_column(query, set_config(setting.name, setting.value, false));
    }
    return query;
  }
  // What is not reported would stay behind on a server that others use, too: it is asked for, and written as the server
  // writes it, to be compared.
  for (const Setting& setting : settings_of(address)) {
    if (!setting.is_reported) {
      add_column(query, std::string("pg_catalog.current_setting('") + setting.name + "')");
    }
    add_column(query, set_config(setting.name, setting.value, !setting.is_reported));
  }
  return query;
}

std::string transaction_settings(const PGresult& answer, const config::Address& address) {
  std::string query;
  int column = 0;
  for (const Setting& setting : settings_of(address)) {
    if (!setting.is_reported) {
      const std::string_view has = PQgetvalue(&answer, 0, column++);
      if (has != PQgetvalue(&answer, 0, column))
        add_column(query, set_config(name_inside(setting), setting.value, true));
    }
    ++column;
  }
  return query;
}

Reported reported_by(const PGconn* conn) {
  Reported values;
  for (const char* name : reported) {
    if (std::string value = value_of(conn, name); !value.empty()) values.emplace_back(name, std::move(value));
  }
  return values;
}

std::string restoring_reported(const PGconn* conn, const Reported& at_first) {
  std::string query;
  for (const auto& [name, value] : at_first) {
    if (value_of(conn, name) != value) add_column(query, set_config(name, value, false));
  }
  return query;
}

}  // namespace tl::postgresql
