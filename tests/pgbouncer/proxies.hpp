// The PgBouncers of tests/servers: one refuses `options` at the start of a session, the other ignores them.
#pragma once
#include "faults.hpp"

namespace faults {

inline const std::vector<std::string> proxies = {"TL_PGBOUNCER", "TL_PGBOUNCER_IGNORING"};

// The connection "db" by one of them.
inline trunkline::registry through(const std::string& proxy, const std::string& database, const std::string& lines = "",
                                   const std::string& pool = "") {
  return trunkline::registry::parse(connection(
      line("socket", variable((proxy + "_SOCKET").c_str())) + "port = " + variable((proxy + "_PORT").c_str()) + "\n" +
          line("database", database) + line("user", variable("TL_PG_USER")) + lines,
      pool));
}

}  // namespace faults
