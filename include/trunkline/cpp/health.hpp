// What registry::health() gives.
#pragma once
#include "answer.hpp"

namespace trunkline {

struct health_options {
  bool open = false;                     // also connections that nobody has used yet; what was closed stays closed
  std::chrono::milliseconds timeout{0};  // 0: 3 s
};

// One server, or file.
struct endpoint_health {
  std::string role, endpoint;
  std::string status;  // healthy, unhealthy, unknown; bypassed: a replica that is down, whose reads others serve
  std::optional<std::chrono::duration<double>> latency;                                // of its answer
  int64_t idle = 0, leased = 0, dialling = 0, waiting = 0, max = 0, max_overflow = 0;  // of its pool
  std::string reason, error;  // "": none; the error's class, and what is to be said
};

struct connection_health {
  std::string name;
  // healthy; unhealthy, where an endpoint is; unknown: it is not open, and nobody was asked
  std::string status = "unknown";
  std::string state;  // registered, open, …
  bool health_check = true;
  std::string error;  // of the first endpoint that has one
  std::vector<endpoint_health> endpoints;
};

struct health {
  bool ok = true;  // no connection with `health_check` is unhealthy
  std::vector<connection_health> connections;

  // Null: there is none of that name.
  [[nodiscard]] const connection_health* find(std::string_view name) const noexcept {
    for (const connection_health& each : connections) {
      if (each.name == name) return &each;
    }
    return nullptr;
  }
};

namespace detail {

inline health health_of(result table) {
  using text = std::optional<std::string>;
  health whole;
  for (auto& [name, role, endpoint, state, status, counts, latency, idle, leased, dialling, waiting, max, overflow,
              reason, error] :
       table.all<std::string, std::string, std::string, std::string, std::string, bool, std::optional<double>, int64_t,
                 int64_t, int64_t, int64_t, int64_t, int64_t, text, text>()) {
    if (whole.connections.empty() || whole.connections.back().name != name) {
      connection_health& begun = whole.connections.emplace_back();
      begun.name = name;
      begun.state = state;
      begun.health_check = counts;
    }
    connection_health& of = whole.connections.back();
    if (status == "unhealthy" || (status == "healthy" && of.status == "unknown")) of.status = status;
    if (of.error.empty() && error) of.error = *error;
    if (status == "unhealthy" && counts) whole.ok = false;
    endpoint_health& row = of.endpoints.emplace_back();
    row.role = std::move(role);
    row.endpoint = std::move(endpoint);
    row.status = std::move(status);
    if (latency) row.latency.emplace(*latency);
    row.idle = idle;
    row.leased = leased;
    row.dialling = dialling;
    row.waiting = waiting;
    row.max = max;
    row.max_overflow = overflow;
    row.reason = reason.value_or("");
    row.error = error.value_or("");
  }
  return whole;
}

}  // namespace detail
}  // namespace trunkline
