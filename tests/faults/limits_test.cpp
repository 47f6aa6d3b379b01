// inspect("check") asks servers what they allow, says where pools may pass it, and is held up by no server.
#include "proxied.hpp"

namespace faults {
namespace {

// A user and a database of the test's own, with limits of their own. The user may log in by TCP.
struct Guest {
  explicit Guest(const Server& of) : server(of), postgresql(of.driver == "postgresql") {
    drop();
    if (postgresql) {
      admin.query("CREATE ROLE guest LOGIN PASSWORD 'guest-of-limits'");
      admin.query("CREATE DATABASE guests");
    } else {
      admin.query("CREATE USER guest@'%' IDENTIFIED BY 'guest-of-limits'");
      admin.query("CREATE DATABASE guests");
      admin.query("GRANT ALL PRIVILEGES ON guests.* TO guest@'%'");
    }
  }
  ~Guest() {
    try {
      drop();
    } catch (const trunkline::error& error) {
      MESSAGE(error.what());
    }
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  void limit_user(int most) const {
    admin.query(postgresql ? "ALTER ROLE guest CONNECTION LIMIT " + std::to_string(most)
                           : "ALTER USER guest@'%' WITH MAX_USER_CONNECTIONS " + std::to_string(most));
  }
  [[nodiscard]] std::string connection(const std::string& name, const std::string& pool,
                                       const std::string& more = "") const {
    return "[connections." + name + "]\n" + line("driver", server.driver) + line("host", "127.0.0.1") +
           "port = " + std::to_string(server.port) + "\n" + line("user", "guest") + line("database", "guests") +
           line("password", "guest-of-limits") + more + "pool = { " + pool + " }\n";
  }

  const Server server;
  const bool postgresql;
  const trunkline::registry registry = trunkline::registry::parse(
      "[connections.db]\n" + line("driver", server.driver) +
      (postgresql ? by_socket()
                  : line("socket", variable("TL_MARIADB_SOCKET")) + line("user", variable("TL_MARIADB_USER")) +
                        line("database", variable("TL_MARIADB_DATABASE"))));
  const trunkline::connection admin = registry.on("db");

 private:
  void drop() const {
    admin.query(postgresql ? "DROP DATABASE IF EXISTS guests WITH (FORCE)" : "DROP DATABASE IF EXISTS guests");
    admin.query(postgresql ? "DROP ROLE IF EXISTS guest" : "DROP USER IF EXISTS guest@'%'");
  }
};

using Lines = std::vector<std::string>;

// "connection: weakness" of the rows about limits.
Lines limits_of(trunkline::result table) {
  Lines lines;
  for (const auto& [name, endpoint, weakness] : table.as<std::string, std::string, std::string>()) {
    if (weakness.find("limit") != std::string::npos || weakness.find("allows") != std::string::npos) {
      lines.push_back(name + ": " + weakness);
    }
  }
  return lines;
}
Lines limits_of(const std::string& toml) { return limits_of(trunkline::registry::parse(toml).inspect("check")); }

int64_t rows_of(trunkline::result table) {
  int64_t rows = 0;
  while (const auto batch = table.next()) rows += batch->rows();
  return rows;
}

std::string may_open(const std::string& names, int sum) {
  return "the pools of " + names + " may open " + std::to_string(sum) + " sessions there (max + max_overflow), and ";
}

bool begins(const std::string& text, const std::string& with) { return text.rfind(with, 0) == 0; }

int64_t allowed_by(const Guest& guest) {
  return guest.admin
      .query(guest.postgresql ? "SELECT current_setting('max_connections')::int - "
                                "current_setting('superuser_reserved_connections')::int"
                              : "SELECT CAST(@@max_connections AS SIGNED)")
      .value<int64_t>();
}

}  // namespace

TEST_CASE("pools that may pass what the server allows in all are told, with their sum and who shares it") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Guest guest(server);
    const auto most = static_cast<int>(allowed_by(guest));
    const std::string rest = std::to_string(most - 5);
    CHECK(limits_of(guest.connection("a", "max = 5") + guest.connection("b", "max = " + rest)).empty());
    const std::string replica =
        "replicas = { read = [{ host = '127.0.0.1', pool = { max = 3, max_overflow = 1 } }] }\n";
    const std::string three = guest.connection("a", "max = 4, max_overflow = 1") +
                              guest.connection("b", "max = " + rest) + guest.connection("c", "max = 1", replica);
    const std::string told = may_open(R"("a", "b", "c")", most + 5) + "the server allows " + std::to_string(most);
    CHECK(limits_of(three) == Lines{"a: " + told});
    // Of one connection the others that share its server are counted too.
    CHECK(limits_of(trunkline::registry::parse(three).inspect("check", "c")) == Lines{"c: " + told});
  }
}

TEST_CASE("a limit of the user, or of the database, is of those pools alone that are theirs") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Guest guest(server);
    guest.limit_user(7);
    const std::string others = "[connections.others]\n" + line("driver", server.driver) + line("host", "127.0.0.1") +
                               "port = " + std::to_string(server.port) + "\n" + server.lines + "pool = { max = 20 }\n";
    CHECK(limits_of(guest.connection("a", "max = 7") + others).empty());
    CHECK(limits_of(guest.connection("a", "max = 7") + others + guest.connection("b", "max = 1")) ==
          Lines{"a: " + may_open(R"("a", "b")", 8) + "the server allows user \"guest\" 7"});
    if (!guest.postgresql) continue;
    guest.limit_user(-1);
    guest.admin.query("ALTER DATABASE guests CONNECTION LIMIT 6");
    CHECK(limits_of(guest.connection("a", "max = 7") + others) ==
          Lines{"a: " + may_open(R"("a")", 7) + "the server allows database \"guests\" 6"});
  }
}

TEST_CASE("a server is asked once for each login, through a pool") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Guest guest(server);
    const auto registry =
        trunkline::registry::parse(guest.connection("a", "max = 2") + guest.connection("b", "max = 2"));
    CHECK(limits_of(registry.inspect("check")).empty());
    CHECK(limits_of(registry.inspect("check")).empty());
    const auto opened = [&](const char* name) {
      auto pools = registry.inspect("pools", name);
      const auto batch = pools.next();
      return batch ? batch->get<int64_t>(0, pools.index("opened")) : 0;
    };
    CHECK(opened("a") == 1);
    CHECK(opened("b") == 0);
    CHECK(rows_of(registry.inspect("leases")) == 0);
  }
}

TEST_CASE("what was closed is not opened to be asked; another pool of the same login may know") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Guest guest(server);
    guest.limit_user(3);
    const auto registry =
        trunkline::registry::parse(guest.connection("a", "max = 2") + guest.connection("b", "max = 2"));
    registry.close("a");
    const Lines known = limits_of(registry.inspect("check"));
    REQUIRE(known.size() == 1);
    CHECK(begins(known[0], "b: " + may_open(R"("a", "b")", 4)));
    registry.close("b");
    const Lines unknown = limits_of(registry.inspect("check"));
    REQUIRE(unknown.size() == 1);
    CHECK(begins(unknown[0], "a: was not asked for its limit: connection \"a\" is closed"));
    CHECK(rows_of(registry.inspect("sessions")) == 0);
  }
}

TEST_CASE("a server that cannot be asked is a row, and what the file shows is told all the same") {
  const Secrecy secrecy;
  const Port refuses(Port::Does::refuse);
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const auto registry = trunkline::registry::parse(
        "[connections.db]\n" + line("driver", server.driver) + at_port(refuses.number()) +
        "replicas = { read = [{ host = '0.0.0.0', port = " + std::to_string(refuses.number()) + " }] }\n");
    const Lines lines = limits_of(registry.inspect("check"));
    REQUIRE(lines.size() == 2);
    for (const std::string& told : lines) CHECK(begins(told, "db: could not be asked for its limit: "));
    bool warned = false;
    for (const auto& [name, endpoint, weakness] :
         registry.inspect("check").as<std::string, std::string, std::string>()) {
      warned = warned || weakness.find("may be unencrypted") != std::string::npos;
    }
    CHECK(warned);
  }
}

TEST_CASE("a server that accepts and says nothing holds it up for seconds, however many pools it has") {
  const Secrecy secrecy;
  const Port silent(Port::Does::keep_silent);
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    std::string toml;
    for (const std::string name : {"a", "b", "c"}) {
      toml += "[connections." + name + "]\n" + line("driver", server.driver) + line("host", "127.0.0.1") +
              "port = " + std::to_string(silent.number()) + "\n" + line("database", name) + line("user", "some") +
              line("password", canary);
    }
    const auto registry = trunkline::registry::parse(toml);
    const Clock::time_point began = Clock::now();
    const Lines lines = limits_of(registry.inspect("check"));
    CHECK(Clock::now() - began < 6s);
    REQUIRE(lines.size() == 3);
    for (size_t i = 0; i < 3; ++i) {
      CHECK(begins(lines[i], std::string("abc").substr(i, 1) + ": could not be asked for its limit: "));
      secrecy.check(lines[i]);
    }
  }
}

TEST_CASE("the call's own time limit holds, and cancelling ends it: a server that stalls is waited for no longer") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    Proxy proxy(server.port);
    proxy.plan_next({.from_server = {.then = Does::stall}});
    const std::string toml = "[connections.db]\n" + line("driver", server.driver) + at_port(proxy.port());
    tl_registry* registry = nullptr;
    REQUIRE(tl_registry_parse(toml.data(), toml.size(), nullptr, nullptr, &registry, nullptr) == TL_OK);
    tl_call call{};
    call.struct_size = sizeof call;
    call.op = tl_op_new(registry);
    std::thread canceller([&] {
      while (proxy.traffic().connections == 0) std::this_thread::yield();
      CHECK(tl_cancel(registry, call.op) == TL_OK);
    });
    tl_result* table = nullptr;
    Clock::time_point began = Clock::now();
    CHECK(tl_inspect(registry, "check", nullptr, 0, &call, &table, nullptr) == TL_E_CANCELLED);
    CHECK(Clock::now() - began < 2500ms);
    canceller.join();
    call.op = 0;
    call.timeout_ms = 200;
    began = Clock::now();
    REQUIRE(tl_inspect(registry, "check", nullptr, 0, &call, &table, nullptr) == TL_OK);
    CHECK(Clock::now() - began < 2500ms);
    tl_result_release(table);
    tl_registry_release(registry);
  }
}

TEST_CASE("files are asked nothing") {
  const auto registry = trunkline::registry::parse("[connections.db]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  CHECK(rows_of(registry.inspect("check")) == 0);
  CHECK(rows_of(registry.inspect("sessions")) == 0);
}

}  // namespace faults
