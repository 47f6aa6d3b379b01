// Both servers behind a proxy each, by TCP with a user and a password.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "faults.hpp"
#include "proxy.hpp"

namespace faults {

struct Server {
  std::string driver;
  int port;
  std::string lines;  // of its connection: who asks for which database
  std::string authority;
  std::string rows;     // a query with an answer of some kilobytes
  std::string sleeps;   // a query that takes ten minutes
  std::string changes;  // a statement that changes its session
};

[[nodiscard]] const std::vector<Server>& servers();  // those that this build has drivers for

// The connection "db", which knows the server by its proxy alone. Its calls are tried once, unless `lines` say more.
class Proxied {
 public:
  explicit Proxied(const Server& server, const std::string& sslmode = "disable", const std::string& pool = "",
                   const std::string& lines = "");

  [[nodiscard]] Failed failure(const trunkline::options& options, const std::string& sql = "SELECT 1") const;
  // A machine that is busy may need more than one call where the connection's own limits are short.
  [[nodiscard]] bool answers() const;
  [[nodiscard]] int64_t figure(const std::string& name) const;  // of the pool

  const Server server;
  const std::unique_ptr<Proxy> proxy;
  const trunkline::registry registry;
  const trunkline::connection db = registry.on("db");
};

}  // namespace faults
