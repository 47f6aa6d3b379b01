#include "postgresql_peer.hpp"

#include <array>

#include "statement.hpp"

namespace tl::postgresql {
namespace {

struct Setting {
  const char* name;
  std::string value;
};

using Settings = std::vector<Setting>;

// How values are written, and how the lexer and the server both read literals, whatever a role or database says. A
// number of float digits says that PostgreSQL may write any double exactly.
struct Format {
  const char* name;
  std::string_view value;
};
constexpr std::array<Format, format_count> formats = {{{"DateStyle", "ISO"},
                                                       {"IntervalStyle", "postgres"},
                                                       {"bytea_output", "hex"},
                                                       {"extra_float_digits", "1"},
                                                       {"standard_conforming_strings", "on"}}};

// What the caller wants of every session.
void add_wanted(Settings& all, const config::Address& address) {
  if (!address.timezone.empty()) all.push_back({"TimeZone", address.timezone});
  if (!address.schema.empty()) all.push_back({"search_path", address.schema});
  if (address.read_only) all.push_back({"default_transaction_read_only", "on"});
  if (address.statement_timeout) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*address.statement_timeout);
    all.push_back({"statement_timeout", std::to_string(ms.count())});
  }
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

std::string set_config(const Setting& setting, bool local) {
  return std::string("pg_catalog.set_config('") + setting.name + "', " + literal(setting.value) +
         (local ? ", true)" : ", false)");
}

std::string selected(const std::vector<std::string>& columns) {
  std::string query;
  for (const std::string& column : columns) query += (query.empty() ? "SELECT " : ", ") + column;
  return query;
}

// A default for transactions comes too late for the one that is open already.
const char* name_inside(const Setting& setting) noexcept {
  return setting.name == std::string_view("default_transaction_read_only") ? "transaction_read_only" : setting.name;
}

// One name of a list, which set_config() reads as SET does not: folded, unless it is quoted.
std::string list_name(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.size() > 1 && text.front() == '"') return std::string(text);
  std::string name = "\"";
  for (const char c : text) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return name + '"';
}

std::string name_list(std::string_view text) {
  std::string list;
  bool quoted = false;
  size_t from = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] == '"') quoted = !quoted;
    if (at < text.size() && (quoted || text[at] != ',')) continue;
    list += (list.empty() ? "" : ", ") + list_name(text.substr(from, at - from));
    from = at + 1;
  }
  return list;
}

std::string set_local(const Setting& setting) {
  const bool is_list = setting.name == std::string_view("search_path");
  return std::string("SET LOCAL ") + name_inside(setting) + " = " +
         (is_list ? name_list(setting.value) : literal(setting.value));
}

}  // namespace

std::string startup_options(const config::Address& address) {
  Settings all;
  for (const Format& format : formats) all.push_back({format.name, std::string(format.value)});
  add_wanted(all, address);
  std::string text;
  for (const Setting& setting : all) {
    text += (text.empty() ? "-c " : " -c ") + std::string(setting.name) + '=' + escaped(setting.value);
  }
  return text;
}

// It has no more formats. Two further digits are 17, enough for any double.
std::string redshift_settings(const config::Address& address) {
  Settings all = {{"DateStyle", "ISO"}, {"extra_float_digits", "2"}};
  add_wanted(all, address);
  std::vector<std::string> columns;
  for (const Setting& setting : all) columns.push_back(set_config(setting, false));
  return selected(columns);
}

std::string formats_question() {
  std::vector<std::string> columns;
  columns.reserve(std::size(formats));
  for (const Format& format : formats) {
    columns.push_back(std::string("(SELECT s.reset_val FROM pg_catalog.pg_settings s WHERE s.name = '") + format.name +
                      "')");
  }
  return selected(columns);
}

uint32_t other_formats(const PGresult* answer) noexcept {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < format_count; ++i) {
    const std::string_view has = answer == nullptr ? "" : PQgetvalue(answer, 0, static_cast<int>(i));
    const std::string_view wanted = formats[i].value;
    const bool same = has.starts_with(wanted) && (has.size() == wanted.size() || has[wanted.size()] == ',');
    if (!same) bits |= uint32_t{1} << i;
  }
  return bits;
}

// What is configured is said each time: which of its values a server has is not its clients' affair.
Footing behind_proxy(uint32_t other_formats, const config::Address& address) {
  Settings all;
  for (uint32_t i = 0; i < format_count; ++i) {
    if ((other_formats >> i & 1) != 0) all.push_back({formats[i].name, std::string(formats[i].value)});
  }
  add_wanted(all, address);
  Footing footing{Peer::proxy};
  std::vector<std::string> columns;
  for (const Setting& setting : all) {
    columns.push_back(set_config({name_inside(setting), setting.value}, true));
    footing.behind_begin.push_back(set_local(setting));
  }
  footing.before_statement = selected(columns);
  return footing;
}

}  // namespace tl::postgresql
