#include "budget.hpp"

#include <algorithm>
#include <cmath>

#include "limits.hpp"

namespace tl::registry {
namespace {

using columnar::Type;
using connection::CallOptions;

constexpr int64_t warning_percent = 80;

enum class Scope : uint8_t { server, user, database };
constexpr std::string_view scope_names[] = {"server", "user", "database"};

enum class Verdict : uint8_t { ok, warning, over, unknown };
constexpr std::string_view verdict_names[] = {"ok", "warning", "over", "unknown"};

// One limit, and what is planned beneath it.
struct Row {
  PlannedPool by;  // who asked
  Scope scope;
  std::vector<std::string> names;  // of connections, that share it
  int64_t configured = 0;          // sessions of one process, as its pools say,
  int64_t most = 0;                // and as there may be of all names together
  int64_t processes = 1;
  int64_t limit = 0;  // 0: not known,
  Failure failure;    // and why

  [[nodiscard]] int64_t planned() const noexcept { return std::min(configured, most) * processes; }
  [[nodiscard]] double percent() const noexcept {
    return 100.0 * static_cast<double>(planned()) / static_cast<double>(limit);
  }
  [[nodiscard]] Verdict verdict() const noexcept {
    if (failure != nullptr) return Verdict::unknown;
    if (planned() > limit) return Verdict::over;
    return planned() * 100 > limit * warning_percent ? Verdict::warning : Verdict::ok;
  }
  // The user or database; "": the server, or the client library's own user.
  [[nodiscard]] std::string whose() const {
    return scope == Scope::user ? by.address().user : scope == Scope::database ? by.address().database : "";
  }
};

// Without its kind.
std::string told_server(const std::string& server) { return server.substr(server.find('|') + 1); }

bool shares(const PlannedPool& a, const PlannedPool& b, Scope scope) {
  if (a.server != b.server) return false;
  if (scope == Scope::user) return a.address().user == b.address().user;
  return scope == Scope::server || a.address().database == b.address().database;
}

class Budget {
 public:
  Budget(const config::Config& config, std::vector<PlannedPool> all)
      : processes_(int64_t{config.budget.instances} * config.budget.workers),
        most_(config.max_open ? int64_t{*config.max_open} : INT64_MAX),
        all_(std::move(all)) {}

  // By server, in the order of its names: first what is allowed in all, then users and databases, then who did not
  // tell.
  [[nodiscard]] std::vector<Row> rows(std::vector<LimitsAnswer> answers) {
    for (const LimitsAnswer& answer : answers) {
      if (answer.limits) add(answer.by, Scope::server, answer.limits->server);
    }
    for (const LimitsAnswer& answer : answers) {
      if (!answer.limits) continue;
      add(answer.by, Scope::user, answer.limits->user);
      add(answer.by, Scope::database, answer.limits->database);
    }
    for (LimitsAnswer& answer : answers) {
      if (!answer.limits) add_untold(answer.by, answer.limits.take_error());
    }
    const auto place = [&](const Row& row) {
      size_t i = 0;
      while (i < all_.size() && all_[i].server != row.by.server) ++i;
      return i;
    };
    std::stable_sort(rows_.begin(), rows_.end(), [&](const Row& a, const Row& b) { return place(a) < place(b); });
    return std::move(rows_);
  }

 private:
  void add(const PlannedPool& by, Scope scope, int64_t limit) {
    if (limit <= 0 || known(by, scope)) return;
    rows_.push_back(planned(by, scope));
    rows_.back().limit = limit;
  }
  void add_untold(const PlannedPool& by, Failure why) {
    rows_.push_back(planned(by, known(by, Scope::server) ? Scope::user : Scope::server));
    rows_.back().failure = std::move(why);
  }
  [[nodiscard]] bool known(const PlannedPool& pool, Scope scope) const {
    return std::any_of(rows_.begin(), rows_.end(),
                       [&](const Row& row) { return row.scope == scope && shares(row.by, pool, scope); });
  }
  [[nodiscard]] Row planned(const PlannedPool& by, Scope scope) const {
    Row row{by, scope, {}, 0, most_, processes_, 0, nullptr};
    for (const PlannedPool& pool : all_) {
      if (!shares(pool, by, scope)) continue;
      row.configured += int64_t{pool.settings->pool.max} + pool.settings->pool.max_overflow;
      if (row.names.empty() || row.names.back() != pool.entry->name()) row.names.push_back(pool.entry->name());
    }
    return row;
  }

  const int64_t processes_;
  const int64_t most_;
  const std::vector<PlannedPool> all_;
  std::vector<Row> rows_;
};

Result<std::vector<Row>> rows_of(const Registry& registry, const Entries& chosen, const CallOptions& options) {
  auto answers = ask_limits(planned_pools(chosen), options);
  if (!answers) return answers.take_error();
  return Budget(*registry.config(), planned_pools(registry.entries())).rows(answers.take());
}

std::string joined(const std::vector<std::string>& names, const char* quote) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + (quote + name + quote);
  return text;
}

void add_row(Table& table, const Row& row, const config::Budget& budget) {
  const bool known = row.failure == nullptr;
  table.add({told_server(row.by.server), std::string(scope_names[static_cast<size_t>(row.scope)]),
             text_or_null(row.whose()), joined(row.names, ""), row.configured, int64_t{budget.instances},
             int64_t{budget.workers}, row.planned(), known ? Cell(row.limit) : Cell(),
             known ? Cell(row.percent()) : Cell(), std::string(verdict_names[static_cast<size_t>(row.verdict())]),
             known ? Cell() : Cell(row.failure->message)});
}

std::string weakness_of(const Row& row) {
  if (row.failure != nullptr) {
    const bool closed = row.failure->status == Status::closed;
    return (closed ? "was not asked for its limit: " : "could not be asked for its limit: ") + row.failure->message;
  }
  std::string text = "the pools of " + joined(row.names, "\"") + " may open " + std::to_string(row.planned()) +
                     " sessions there (" + (row.configured > row.most ? "max_open" : "max + max_overflow");
  if (row.processes > 1) text += ", in " + std::to_string(row.processes) + " processes";
  text += "), and the server allows ";
  if (row.scope == Scope::user) text += row.whose().empty() ? "this user " : "user \"" + row.whose() + "\" ";
  if (row.scope == Scope::database) text += "database \"" + row.whose() + "\" ";
  text += std::to_string(row.limit);
  if (row.verdict() == Verdict::warning) text += ": " + std::to_string(std::lround(row.percent())) + " % of it";
  return text;
}

}  // namespace

Table budget_table(const Registry& /*registry*/, const Entries& /*entries*/) {
  return Table({{"server", Type::text},
                {"scope", Type::text},
                {"whose", Type::text},
                {"connections", Type::text},
                {"configured", Type::int64},
                {"instances", Type::int64},
                {"workers", Type::int64},
                {"planned", Type::int64},
                {"limit", Type::int64},
                {"percent", Type::float64},
                {"verdict", Type::text},
                {"error", Type::text}});
}

Result<void> ask_budget(Table& table, const Registry& registry, const Entries& chosen, const CallOptions& options) {
  auto rows = rows_of(registry, chosen, options);
  if (!rows) return rows.take_error();
  const auto config = registry.config();
  for (const Row& row : *rows) add_row(table, row, config->budget);
  return {};
}

Result<void> check_budget(Table& table, const Registry& registry, const Entries& chosen, const CallOptions& options) {
  auto rows = rows_of(registry, chosen, options);
  if (!rows) return rows.take_error();
  for (const Row& row : *rows) {
    if (row.verdict() == Verdict::ok) continue;
    table.add({row.by.entry->name(), row.by.address().label(), weakness_of(row)});
  }
  return {};
}

}  // namespace tl::registry
