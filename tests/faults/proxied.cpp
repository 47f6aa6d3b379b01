#include "proxied.hpp"

namespace faults {

namespace {

Server postgresql() {
  return {.driver = "postgresql",
          .port = std::stoi(variable("TL_PG_PORT")),
          .lines = line("database", variable("TL_PG_DATABASE")) + line("user", variable("TL_PG_SCRAM_USER")) +
                   line("password", variable("TL_PG_SCRAM_PASSWORD")),
          .authority = variable("TL_PG_CA"),
          .rows = "SELECT i, repeat('x', 100) FROM generate_series(1, 100) i",
          .sleeps = "SELECT pg_sleep(600)",
          .changes = "SET geqo = off"};
}

Server mariadb() {
  return {.driver = "mariadb",
          .port = std::stoi(variable("TL_MARIADB_PORT")),
          .lines = line("database", variable("TL_MARIADB_DATABASE")) +
                   line("user", variable("TL_MARIADB_PASSWORD_USER")) +
                   line("password", variable("TL_MARIADB_PASSWORD")),
          .authority = variable("TL_MARIADB_CA"),
          .rows = "SELECT seq, REPEAT('x', 100) FROM seq_1_to_100",
          .sleeps = "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq <> b.seq + 0",
          .changes = "SET @mine = 1"};
}

std::string through(const Proxy& proxy, const Server& server, const std::string& sslmode, const std::string& pool,
                    const std::string& lines) {
  return "[connections.db]\n" + line("driver", server.driver) + line("host", "127.0.0.1") +
         "port = " + std::to_string(proxy.port()) + "\n" + line("sslmode", sslmode) +
         (sslmode == "verify-full" ? line("ca", server.authority) : "") + server.lines +
         (lines.find("retry") == std::string::npos ? "retry.attempts = 1\n" : "") + lines + "[connections.db.pool]\n" +
         pool;
}

}  // namespace

const std::vector<Server>& servers() {
  static const std::vector<Server> all = [] {
    std::vector<Server> found;
    if (tl_has_feature("driver.postgresql") == 1) found.push_back(postgresql());
    if (tl_has_feature("driver.mariadb") == 1) found.push_back(mariadb());
    return found;
  }();
  return all;
}

Proxied::Proxied(const Server& which, const std::string& sslmode, const std::string& pool, const std::string& lines)
    : server(which),
      proxy(std::make_unique<Proxy>(server.port)),
      registry(trunkline::registry::parse(through(*proxy, server, sslmode, pool, lines))) {}

Failed Proxied::failure(const trunkline::options& options, const std::string& sql) const {
  return failed_by([&] { (void)db.query(options, sql); });
}

bool Proxied::answers() const {
  const Clock::time_point began = Clock::now();
  for (;;) {
    try {
      return db.query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2;
    } catch (const trunkline::error& error) {
      if (error.status() != TL_E_CONNECT_TIMEOUT || Clock::now() - began > 20s) throw;
    }
  }
}

int64_t Proxied::figure(const std::string& name) const {
  auto pools = registry.inspect("pools");
  return pools.next()->get<int64_t>(0, pools.index(name));
}

}  // namespace faults
