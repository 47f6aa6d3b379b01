// Pool sizes from a server's limit: CONFIG's formula, per server.
#include <algorithm>
#include <map>
#include <thread>

#include "build.hpp"

namespace tl::config {
namespace {

// What is missing matters only to pools with max = "auto".
Result<Budget> read_budget(const Node& node, bool needed, const Blame& blame, Config& config) {
  Budget budget;
  if (Result<void> known = check_keys(node, "budget", blame); !known) return known.take_error();
  Values values(node, "budget", "budget", DriverKind::postgresql, blame, config);
  if (const auto most = values.integer("server_max")) budget.server_max = static_cast<uint32_t>(*most);
  budget.reserve = values.fraction("reserve").value_or(budget.reserve);
  budget.instances = static_cast<uint32_t>(values.integer("instances").value_or(1));
  const int64_t workers = values.integer("workers").value_or(1);
  budget.workers = workers == -1 ? std::max(1U, std::thread::hardware_concurrency()) : static_cast<uint32_t>(workers);
  if (workers == 0) values.blame("workers", "must be at least 1, or -1 for as many as cores");
  if (!budget.server_max && needed) {
    values.blame("server_max", "is missing: how many connections does each server allow?");
  }
  if (values.failed()) return values.take_error();
  return budget;
}

Endpoint& endpoint_of(Config& config, const Auto& a) {
  Connection& connection = config.connections[a.connection];
  return a.replica < 0 ? connection.primary : connection.replicas[static_cast<size_t>(a.replica)];
}

Result<void> size(const Auto& a, uint32_t max, const char* note, const Blame& blame, Config& config) {
  Pool& pool = endpoint_of(config, a).pool;
  pool.max = max;
  pool.max_idle = std::min(pool.max_idle, max);
  const std::string path = "connections." + config.connections[a.connection].name + ".pool.max";
  for (Setting& setting : config.settings) {
    if (a.replica >= 0 || setting.path != path) continue;
    setting.value = std::to_string(max);
    setting.note = note;
  }
  if (pool.min <= max) return {};
  return blame.at(a.origin, path, "the budget makes it " + std::to_string(max) + ", which is less than pool.min");
}

// Who shares each server: what is fixed there, in one process, and how many pools share the rest.
class Shares {
 public:
  Shares(const Budget& budget, Config& config, const std::vector<Auto>& autos) : budget_(budget) {
    for (const Connection& connection : config.connections) {
      if (connection.driver == DriverKind::sqlite) continue;
      count(connection.primary);
      for (const Endpoint& replica : connection.replicas) count(replica);
    }
    for (const Auto& a : autos) {
      const Endpoint& endpoint = endpoint_of(config, a);
      Server& server = servers_[endpoint.address.server()];
      server.fixed -= endpoint.pool.max;  // which is to be found
      server.sharing += 1;
    }
  }
  // CONFIG: max(2, floor((server_max x (1 - reserve) - everything fixed) / (processes x pools that share)))
  [[nodiscard]] uint32_t of(const Address& address) const {
    const Server& server = servers_.at(address.server());
    const double processes = double{1} * budget_.instances * budget_.workers;
    const double left = budget_.server_max.value_or(0) * (1 - budget_.reserve) - server.fixed * processes;
    const double share = left / (processes * server.sharing);
    return share < 2 ? 2 : static_cast<uint32_t>(share + 1e-9);
  }

 private:
  struct Server {
    double fixed = 0;  // overflow counted
    double sharing = 0;
  };
  void count(const Endpoint& endpoint) {
    servers_[endpoint.address.server()].fixed += double{1} * endpoint.pool.max + endpoint.pool.max_overflow;
  }

  const Budget& budget_;
  std::map<std::string, Server> servers_;
};

}  // namespace

Result<void> apply_budget(const Node* node, const std::vector<Auto>& all, const Blame& blame, Config& config) {
  std::vector<Auto> autos;  // of servers: a file is shared with nobody
  for (const Auto& a : all) {
    if (config.connections[a.connection].driver != DriverKind::sqlite) {
      autos.push_back(a);
    } else if (Result<void> done = size(a, Pool().max, "auto: no server shares it", blame, config); !done) {
      return done;
    }
  }
  if (node == nullptr) {
    if (autos.empty()) return {};
    const std::string path = "connections." + config.connections[autos.front().connection].name + ".pool.max";
    return blame.at(autos.front().origin, path, "is \"auto\", but there is no [budget]");
  }
  auto read = read_budget(*node, !autos.empty(), blame, config);
  if (!read) return read.take_error();
  config.budget = *read;
  const Shares shares(*read, config, autos);
  for (const Auto& a : autos) {
    const uint32_t share = shares.of(endpoint_of(config, a).address);
    if (Result<void> done = size(a, share, "auto, from [budget]", blame, config); !done) return done;
  }
  return {};
}

}  // namespace tl::config
