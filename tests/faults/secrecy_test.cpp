// The passwords of both servers show nowhere: not while they serve, not when they refuse, not in what is logged.
#include "proxied.hpp"

namespace faults {
namespace {

std::string login(const Server& server, const std::string& more) {
  return "[connections.db]\n" + line("driver", server.driver) + line("host", "127.0.0.1") +
         "port = " + std::to_string(server.port) + "\n" + more;
}

}  // namespace

TEST_CASE("not in sessions, leases and whatever else can be inspected, nor in the log") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Secrecy secrecy(Secrecy::Log::some);
    // Both what is echoed and a key that has no effect are logged.
    const auto registry =
        trunkline::registry::parse(login(server, server.lines + "echo = true\nmigrations.table = \"other\"\n"));
    const auto db = registry.on("db");
    const auto pinned = db.pin(20s);
    CHECK(pinned.query({.timeout = 20s}, "SELECT 1").value<int64_t>() == 1);
    secrecy.check(registry);
    const Failed wrong = failed_by([&] { pinned.query({.timeout = 20s}, "SELECT nothing FROM nowhere"); });
    secrecy.check(wrong.error);
  }
}

TEST_CASE("not where the server refuses the password, the user or the database, however it was given") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const bool postgresql = server.driver == "postgresql";
    const std::string user = variable(postgresql ? "TL_PG_SCRAM_USER" : "TL_MARIADB_PASSWORD_USER");
    const std::string password = variable(postgresql ? "TL_PG_SCRAM_PASSWORD" : "TL_MARIADB_PASSWORD");
    const std::string url = (postgresql ? "postgresql://" : "mariadb://") + user + ":" + canary +
                            "@127.0.0.1:" + std::to_string(server.port) + "/some";
    for (const std::string& toml :
         {login(server, line("user", user) + line("password", canary) + line("database", "some")),
          login(server, line("user", "nobody_knows") + line("password", canary) + line("database", "some")),
          login(server, line("user", user) + line("password", password) + line("database", "not_there")),
          "[connections.db]\n" + line("url", url)}) {
      CHECK(failure_of(toml).error.status() != TL_OK);
    }
  }
}

}  // namespace faults
