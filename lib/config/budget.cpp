// Pool sizes from a server's limit: CONFIG's formula, per server.
#include <algorithm>
#include <map>
#include <thread>

#include "build.hpp"

namespace tl::config {
namespace {

struct Budget {
  double server_max = 0;
  double reserve = 0.2;
  double instances = 1;
  double workers = 1;
};

// What is missing matters only to pools with max = "auto".
Result<Budget> read_budget(const Node& node, bool needed, const Blame& blame, Config& config) {
  Budget budget;
  if (Result<void> known = check_keys(node, "budget", blame); !known) return known.take_error();
  Values values(node, "budget", "budget", DriverKind::postgresql, blame, config);
  const auto server_max = values.integer("server_max");
  budget.reserve = values.fraction("reserve").value_or(budget.reserve);
  budget.instances = static_cast<double>(values.integer("instances").value_or(1));
  const int64_t workers = values.integer("workers").value_or(1);
  budget.workers = workers == -1 ? std::max(1U, std::thread::hardware_concurrency()) : static_cast<double>(workers);
  if (workers == 0) values.blame("workers", "must be at least 1, or -1 for as many as cores");
  if (!server_max && needed) values.blame("server_max", "is missing: how many connections does each server allow?");
  if (values.failed()) return values.take_error();
  budget.server_max = static_cast<double>(server_max.value_or(0));
  return budget;
}

}  // namespace

Result<void> apply_budget(const Node* node, const std::vector<Auto>& autos, const Blame& blame, Config& config) {
  if (node == nullptr) {
    if (autos.empty()) return {};
    const std::string path = "connections." + config.connections[autos.front().connection].name + ".pool.max";
    return blame.at(autos.front().origin, path, "is \"auto\", but there is no [budget]");
  }
  auto read = read_budget(*node, !autos.empty(), blame, config);
  if (!read) return read.take_error();
  const Budget& budget = *read;
  const auto endpoint_of = [&](const Auto& a) -> Endpoint& {
    Connection& connection = config.connections[a.connection];
    return a.replica < 0 ? connection.primary : connection.replicas[static_cast<size_t>(a.replica)];
  };
  std::map<std::string, double> fixed;
  std::map<std::string, double> sharing;
  for (const Auto& a : autos) sharing[endpoint_of(a).address.server()] += 1;
  const auto is_auto = [&](const Endpoint* endpoint) {
    return std::any_of(autos.begin(), autos.end(), [&](const Auto& a) { return &endpoint_of(a) == endpoint; });
  };
  for (const Connection& connection : config.connections) {
    if (connection.driver == DriverKind::sqlite) continue;
    std::vector<const Endpoint*> endpoints{&connection.primary};
    for (const Endpoint& replica : connection.replicas) endpoints.push_back(&replica);
    for (const Endpoint* endpoint : endpoints) {
      const double sessions = (is_auto(endpoint) ? 0.0 : endpoint->pool.max) + endpoint->pool.max_overflow;
      fixed[endpoint->address.server()] += sessions * budget.instances * budget.workers;
    }
  }
  for (const Auto& a : autos) {
    Endpoint& endpoint = endpoint_of(a);
    const std::string server = endpoint.address.server();
    const double left = budget.server_max * (1 - budget.reserve) - fixed[server];
    const double share = left / (budget.instances * budget.workers * sharing[server]);
    endpoint.pool.max = share < 2 ? 2 : static_cast<uint32_t>(share + 1e-9);
    endpoint.pool.max_idle = std::min(endpoint.pool.max_idle, endpoint.pool.max);
    const std::string path = "connections." + config.connections[a.connection].name + ".pool.max";
    for (Setting& setting : config.settings) {
      if (a.replica < 0 && setting.path == path) {
        setting.value = std::to_string(endpoint.pool.max);
        setting.note = "auto, from [budget]";
      }
    }
    if (endpoint.pool.min > endpoint.pool.max) {
      return blame.at(a.origin, path,
                      "the budget makes it " + std::to_string(endpoint.pool.max) + ", which is less than pool.min");
    }
  }
  return {};
}

}  // namespace tl::config
