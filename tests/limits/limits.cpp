#include "limits.hpp"

namespace limits {

using faults::line;
using faults::variable;

const std::array<Server, 2>& servers() {
  static const std::array<Server, 2> both = {
      Server{.name = "postgresql",
             .lines = line("driver", "postgresql") + line("socket", variable("TL_PG_SOCKET")) +
                      "port = " + variable("TL_PG_PORT") + "\n" + line("database", variable("TL_PG_DATABASE")) +
                      line("user", variable("TL_PG_USER")),
             .counter = line("driver", "postgresql") + line("socket", variable("TL_PG_SOCKET")) +
                        "port = " + variable("TL_PG_PORT") + "\n" + line("database", variable("TL_PG_DATABASE")) +
                        line("user", variable("TL_PG_USER")),
             .count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> "
                      "pg_backend_pid()"},
      Server{.name = "mariadb",
             .lines = line("driver", "mariadb") + line("host", "127.0.0.1") + "port = " + variable("TL_MARIADB_PORT") +
                      "\n" + line("sslmode", "disable") + line("database", variable("TL_MARIADB_DATABASE")) +
                      line("user", variable("TL_MARIADB_PASSWORD_USER")) +
                      line("password", variable("TL_MARIADB_PASSWORD")),
             .counter = line("driver", "mariadb") + line("socket", variable("TL_MARIADB_SOCKET")) +
                        line("user", variable("TL_MARIADB_USER")),
             // A session that the server has ended is shown as killed until its thread has gone.
             .count = "SELECT COUNT(*) FROM information_schema.processlist WHERE command NOT IN ('Killed', 'Daemon') "
                      "AND id <> CONNECTION_ID()"}};
  return both;
}

trunkline::registry registry_with(int max_open, const std::string& toml) {
  return trunkline::registry::parse("[limits]\nmax_open = " + std::to_string(max_open) + "\n" + toml);
}

Census::Census(const Server& server)
    : count_(server.count),
      registry_(trunkline::registry::parse("[connections.census]\n" + server.counter + "pool.max = 1\n")),
      db_(registry_.on("census")) {
  REQUIRE(now() >= 0);
  thread_ = std::thread([this] { work(); });
}

Census::~Census() {
  over_ = true;
  thread_.join();
}

void Census::work() {
  while (!over_) {
    most_ = std::max(most_.load(), now());
    ++samples_;
    std::this_thread::sleep_for(500us);
  }
}

int64_t figure(const trunkline::registry& registry, const std::string& name, const std::string& column) {
  trunkline::result pools = registry.inspect("pools", name);
  const size_t at = pools.index(column);
  int64_t sum = 0;
  while (const auto batch = pools.next()) {
    for (int64_t row = 0; row < batch->rows(); ++row) sum += batch->get<int64_t>(row, at);
  }
  return sum;
}

}  // namespace limits
