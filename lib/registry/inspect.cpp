#include "inspect.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "budget.hpp"
#include "changes.hpp"
#include "check.hpp"
#include "health.hpp"
#include "lookout.hpp"
#include "metrics.hpp"

namespace tl::registry {
namespace {

using columnar::Type;
using connection::Endpoint;
using connection::Endpoints;

double seconds(Nanos duration) { return std::chrono::duration<double>(duration).count(); }

// Calls `each(entry, endpoints, index)` for every endpoint of the open ones.
template <class Each>
void for_endpoints(const Entries& entries, const Each& each) {
  for (const auto& entry : entries) {
    const auto endpoints = entry->peek();
    if (endpoints == nullptr) continue;
    for (uint32_t i = 0; i < endpoints->size(); ++i) each(*entry, *endpoints, i);
  }
}

Table connections_table(const Registry& registry, const Entries& entries) {
  Table table({{"name", Type::text},
               {"driver", Type::text},
               {"state", Type::text},
               {"default", Type::boolean},
               {"endpoints", Type::int64},
               {"idle", Type::int64},
               {"leased", Type::int64},
               {"waiting", Type::int64},
               {"address", Type::text},
               {"description", Type::text}});
  const auto config = registry.config();
  for (const auto& entry : entries) {
    pool::Figures sum;
    const auto endpoints = entry->peek();
    const connection::Settings kept = entry->settings();
    const config::Connection& settings = *kept;
    const size_t count = endpoints == nullptr ? 1 + settings.replicas.size() : endpoints->size();
    for (uint32_t i = 0; endpoints != nullptr && i < endpoints->size(); ++i) {
      const pool::Figures figures = (*endpoints)[i].pool().figures();
      sum.idle += figures.idle;
      sum.leased += figures.leased;
      sum.waiting += figures.waiting;
    }
    table.add({settings.name, std::string(config::driver_name(settings.driver)),
               std::string(connection::state_name(entry->state())), settings.name == default_name(*config),
               static_cast<int64_t>(count), int64_t{sum.idle}, int64_t{sum.leased}, int64_t{sum.waiting},
               settings.primary.address.label(), text_or_null(settings.description)});
  }
  return table;
}

Table endpoints_table(const Registry&, const Entries& entries) {
  Table table({{"connection", Type::text},
               {"role", Type::text},
               {"endpoint", Type::text},
               {"driver", Type::text},
               {"sessions", Type::int64},
               {"last_error", Type::text},
               {"lag", Type::float64},
               {"position", Type::text},
               {"set_aside", Type::text}});
  for_endpoints(entries, [&](const Entry& entry, const Endpoints& on, uint32_t i) {
    const Endpoint& endpoint = on[i];
    const connection::Lookout::Told told = on.lookout().told(i);
    const std::optional<Nanos> lag = on.lag_of(i);
    const pool::Figures figures = endpoint.pool().figures();
    table.add({entry.name(), std::string(connection::role_name(endpoint.role())), endpoint.label(),
               std::string(config::driver_name(endpoint.settings().address.driver)),
               int64_t{figures.idle} + int64_t{figures.leased}, text_or_null(figures.last_dial_error),
               lag ? Cell(seconds(*lag)) : Cell(), text_or_null(driver::token_of(told.position)),
               told.seen.is_aside ? Cell(told.why_aside) : Cell()});
  });
  return table;
}

Table pools_table(const Registry&, const Entries& entries) {
  Table table({{"connection", Type::text},
               {"role", Type::text},
               {"endpoint", Type::text},
               {"max", Type::int64},
               {"max_overflow", Type::int64},
               {"idle", Type::int64},
               {"leased", Type::int64},
               {"dialling", Type::int64},
               {"waiting", Type::int64},
               {"opened", Type::int64},
               {"closed", Type::int64},
               {"dial_failures", Type::int64},
               {"acquired", Type::int64},
               {"waited", Type::int64},
               {"acquire_timeouts", Type::int64}});
  for_endpoints(entries, [&](const Entry& entry, const Endpoints& on, uint32_t i) {
    const Endpoint& endpoint = on[i];
    const pool::Figures f = endpoint.pool().figures();
    const auto count = [](auto n) { return static_cast<int64_t>(n); };
    table.add({entry.name(), std::string(connection::role_name(endpoint.role())), endpoint.label(), count(f.max),
               count(f.max_overflow), count(f.idle), count(f.leased), count(f.dialling), count(f.waiting),
               count(f.opened), count(f.closed), count(f.dial_failures), count(f.acquired), count(f.waited),
               count(f.acquire_timeouts)});
  });
  return table;
}

Table sessions_table(const Registry&, const Entries& entries) {
  Table table({{"connection", Type::text},
               {"endpoint", Type::text},
               {"session", Type::int64},
               {"backend", Type::text},
               {"leased", Type::boolean},
               {"age", Type::float64},
               {"quiet", Type::float64}});
  for_endpoints(entries, [&](const Entry& entry, const Endpoints& on, uint32_t i) {
    const Endpoint& endpoint = on[i];
    for (const pool::SessionInfo& session : endpoint.pool().sessions()) {
      table.add({entry.name(), endpoint.label(), static_cast<int64_t>(session.session),
                 text_or_null(session.backend_id), session.leased, seconds(session.age), seconds(session.quiet)});
    }
  });
  return table;
}

Table leases_table(const Registry&, const Entries& entries) {
  Table table({{"connection", Type::text},
               {"endpoint", Type::text},
               {"session", Type::int64},
               {"backend", Type::text},
               {"tag", Type::text},
               {"held", Type::float64},
               {"statement", Type::text},
               {"owner", Type::int64}});
  for_endpoints(entries, [&](const Entry& entry, const Endpoints& on, uint32_t i) {
    const Endpoint& endpoint = on[i];
    for (const pool::LeaseInfo& lease : endpoint.pool().leases()) {
      table.add({entry.name(), endpoint.label(), static_cast<int64_t>(lease.session), text_or_null(lease.backend_id),
                 text_or_null(lease.tag), seconds(lease.held), text_or_null(lease.statement),
                 static_cast<int64_t>(lease.owner)});
    }
  });
  return table;
}

Table names_table(const Registry&, const Entries& entries) {
  Table table({{"name", Type::text}});
  for (const auto& entry : entries) table.add({entry->name()});
  return table;
}

// Of one of these, or of no connection.
bool concerns(const std::string& path, const Entries& entries) {
  constexpr std::string_view prefix = "connections.";
  if (!path.starts_with(prefix)) return true;
  const std::string_view rest = std::string_view(path).substr(prefix.size());
  for (const auto& entry : entries) {
    const std::string& name = entry->name();
    if (rest.size() > name.size() && rest.starts_with(name) && rest[name.size()] == '.') return true;
  }
  return false;
}

void add_settings(Table& table, const std::vector<config::Setting>& settings) {
  for (const config::Setting& setting : settings) {
    table.add({setting.path, setting.value, setting.source, text_or_null(setting.note)});
  }
}

Table settings_table(const Registry& registry, const Entries& entries) {
  Table table({{"path", Type::text}, {"value", Type::text}, {"source", Type::text}, {"note", Type::text}});
  Entries of_file;
  std::copy_if(entries.begin(), entries.end(), std::back_inserter(of_file),
               [](const auto& entry) { return entry->version().written == nullptr; });
  std::vector<config::Setting> settings = registry.config()->settings;
  std::erase_if(settings, [&](const config::Setting& setting) { return !concerns(setting.path, of_file); });
  add_settings(table, settings);
  for (const auto& entry : entries) {
    const std::shared_ptr<const Written> written = entry->version().written;
    if (written == nullptr) continue;
    const auto made = built(entry->name(), *written);
    if (made) {
      add_settings(table, made->settings);
    } else {  // the file of its password is gone
      table.add({"connections." + entry->name(), std::string(), made.error().message, std::string("cannot be told")});
    }
  }
  return table;
}

Table warnings_table(const Registry& registry, const Entries& entries) {
  Table table({{"warning", Type::text}});
  const auto config = registry.config();
  for (const std::string& warning : config->warnings) table.add({warning});
  for (const auto& entry : entries) {
    const std::shared_ptr<const Written> written = entry->version().written;
    if (written == nullptr) continue;
    for (const std::string& warning : written->warnings) table.add({warning});
  }
  return table;
}

struct Topic {
  std::string_view name;
  Table (*table)(const Registry&, const Entries&);
  Result<void> (*ask)(Table&, const Registry&, const Entries&, const connection::CallOptions&) = nullptr;
};

constexpr std::array topics = {
    Topic{"connections", connections_table},
    Topic{"endpoints", endpoints_table},
    Topic{"pools", pools_table},
    Topic{"sessions", sessions_table},
    Topic{"leases", leases_table},
    Topic{"metrics", metrics_table},
    Topic{"prometheus", prometheus_table},
    Topic{"settings", settings_table},
    Topic{"warnings", warnings_table},
    Topic{"names", names_table},
    Topic{"check", check_table, check_budget},
    Topic{"budget", budget_table, ask_budget},
    Topic{"health", health_table, ask_health},
    Topic{"health_open", health_table, open_and_ask_health},
};

Failure unknown_topic(std::string_view what) {
  std::string message = "there is nothing called \"" + std::string(what) + "\" to inspect; there are";
  for (const Topic& topic : topics) message.append(" ").append(topic.name);
  return fail(Status::misuse, std::move(message));
}

std::string change_name(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::added: return "added";
    case Change::Kind::patched: return "patched";
    case Change::Kind::released: return "released";
  }
  return "";
}

std::string_view kind_name(sql::Kind kind) {
  switch (kind) {
    case sql::Kind::read: return "read";
    case sql::Kind::write: return "write";
    case sql::Kind::unknown: return "unknown";
    case sql::Kind::control: return "control";
  }
  return "";
}

}  // namespace

connection::QueryResult table_of(const connection::Handle::Explained& explained) {
  Table table({{"kind", Type::text},
               {"reason", Type::text},
               {"choice", Type::int64},
               {"connection", Type::text},
               {"endpoint", Type::text},
               {"role", Type::text},
               {"lag", Type::float64},
               {"why", Type::text}});
  int64_t choice = 0;
  for (const auto& place : explained.places) {
    table.add({std::string(kind_name(explained.statement->kind)), explained.reason,
               place.is_asked ? Cell(++choice) : Cell(), place.connection, text_or_null(place.endpoint),
               place.role ? Cell(std::string(connection::role_name(*place.role))) : Cell(),
               place.lag ? Cell(seconds(*place.lag)) : Cell(), place.why});
  }
  return connection::QueryResult(table.batch());
}

connection::QueryResult table_of(const std::vector<Change>& changes) {
  Table table({{"name", Type::text}, {"change", Type::text}, {"keys", Type::text}});
  for (const Change& change : changes) {
    std::string keys;
    for (const std::string& key : change.keys) keys += (keys.empty() ? "" : ", ") + key;
    table.add({change.name, change_name(change.kind), text_or_null(keys)});
  }
  return connection::QueryResult(table.batch());
}

Result<connection::QueryResult> inspect(const Registry& registry, std::string_view what, const std::string_view* name,
                                        const connection::CallOptions& options) {
  for (const Topic& topic : topics) {
    if (topic.name != what) continue;
    Entries chosen;
    if (name == nullptr) {
      chosen = registry.entries();
    } else {
      auto found = registry.entry(*name);
      if (!found) return found.take_error();
      chosen = {found.take()};
    }
    Table table = topic.table(registry, chosen);
    if (topic.ask != nullptr) {
      if (Result<void> asked = topic.ask(table, registry, chosen, options); !asked) return asked.take_error();
    }
    return connection::QueryResult(table.batch());
  }
  return unknown_topic(what);
}

}  // namespace tl::registry
