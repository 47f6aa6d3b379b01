// inspect("check") asks servers what they allow, says where pools may pass it, and is held up by no server.
#include <cmath>

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

// "scope whose: planned of limit verdict (connections)" of each row of the budget.
Lines budget_of(const std::string& toml, std::string_view name = {}) {
  const int64_t most = toml.find("max_open = 3\n") == toml.npos ? INT64_MAX : 3;
  using text = std::optional<std::string>;
  const auto registry = trunkline::registry::parse(toml);
  Lines lines;
  for (const auto& [server, scope, whose, names, configured, instances, workers, planned, limit, percent, verdict,
                    error] : (name.empty() ? registry.inspect("budget") : registry.inspect("budget", name))
                                 .all<std::string, std::string, text, std::string, int64_t, int64_t, int64_t, int64_t,
                                      std::optional<int64_t>, std::optional<double>, std::string, text>()) {
    CHECK(planned == std::min(configured, most) * instances * workers);
    CHECK(percent.has_value() == limit.has_value());
    CHECK(limit.has_value() == !error.has_value());
    if (limit) CHECK(*percent == doctest::Approx(100.0 * static_cast<double>(planned) / static_cast<double>(*limit)));
    lines.push_back(scope + ' ' + whose.value_or("-") + ": " + std::to_string(planned) + " of " +
                    (limit ? std::to_string(*limit) : "?") + ' ' + verdict + " (" + names + ')');
  }
  return lines;
}

}  // namespace

TEST_CASE("the budget has a row for each limit: what is planned in all processes, and who shares it") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Guest guest(server);
    const std::string most = std::to_string(allowed_by(guest));
    const std::string head = "[budget]\ninstances = 2\nworkers = 3\n";
    const std::string others = "[connections.others]\n" + line("driver", server.driver) + line("host", "127.0.0.1") +
                               "port = " + std::to_string(server.port) + "\n" + server.lines + "pool = { max = 1 }\n";
    const std::string a = guest.connection("a", "max = 1, max_overflow = 1");
    CHECK(budget_of(head + a + others) == Lines{"server -: 18 of " + most + " ok (a, others)"});
    guest.limit_user(13);
    CHECK(budget_of(head + a + others) ==
          Lines{"server -: 18 of " + most + " ok (a, others)", "user guest: 12 of 13 warning (a)"});
    CHECK(budget_of(head + a + others, "a") ==
          Lines{"server -: 18 of " + most + " ok (a, others)", "user guest: 12 of 13 warning (a)"});
    CHECK(budget_of(head + a + others, "others") == Lines{"server -: 18 of " + most + " ok (a, others)"});
    guest.limit_user(15);
    CHECK(budget_of(head + a)[1] == "user guest: 12 of 15 ok (a)");  // 80 % and no more
    guest.limit_user(11);
    CHECK(budget_of(head + a)[1] == "user guest: 12 of 11 over (a)");
    CHECK(limits_of(head + a) == Lines{"a: the pools of \"a\" may open 12 sessions there (max + max_overflow, in 6 "
                                       "processes), and the server allows user \"guest\" 11"});
    guest.limit_user(17);
    const std::string capped = "[limits]\nmax_open = 3\n" + head + guest.connection("a", "max = 50");
    CHECK(budget_of(capped)[1] == "user guest: 18 of 17 over (a)");
    CHECK(limits_of(capped) == Lines{"a: the pools of \"a\" may open 18 sessions there (max_open, in 6 processes), and "
                                     "the server allows user \"guest\" 17"});
    const std::string file = "[connections.file]\ndriver = 'sqlite'\ndatabase = ':memory:'\n";
    CHECK(budget_of(head + file).empty());
    if (!guest.postgresql) continue;
    guest.limit_user(-1);
    guest.admin.query("ALTER DATABASE guests CONNECTION LIMIT 12");
    CHECK(budget_of(head + a + others) ==
          Lines{"server -: 18 of " + most + " ok (a, others)", "database guests: 12 of 12 warning (a)"});
  }
}

TEST_CASE("a server that does not tell is in the budget, with what is planned there") {
  const Port refuses(Port::Does::refuse);
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Guest guest(server);
    const std::string dead = "[connections.dead]\n" + line("driver", server.driver) + at_port(refuses.number());
    CHECK(budget_of(dead + guest.connection("a", "max = 2")) ==
          Lines{"server -: 10 of ? unknown (dead)", "server -: 2 of " + std::to_string(allowed_by(guest)) + " ok (a)"});
  }
}

TEST_CASE("pools that may pass what the server allows in all are told, with their sum and who shares it") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Guest guest(server);
    const auto most = static_cast<int>(allowed_by(guest));
    const std::string rest = std::to_string(most - 5);
    const auto two = [&](int sum) {
      return limits_of(guest.connection("a", "max = 5") + guest.connection("b", "max = " + std::to_string(sum - 5)));
    };
    CHECK(two(most * 80 / 100).empty());
    const int warned = most * 80 / 100 + 1;
    CHECK(two(warned) == Lines{"a: " + may_open(R"("a", "b")", warned) + "the server allows " + std::to_string(most) +
                               ": " + std::to_string(std::lround(100.0 * warned / most)) + " % of it"});
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
    CHECK(limits_of(guest.connection("a", "max = 5") + others).empty());
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
    for (const std::string name : {"a", "b", "c", "d", "e", "f"}) {
      toml += "[connections." + name + "]\n" + line("driver", server.driver) + line("host", "127.0.0.1") +
              "port = " + std::to_string(silent.number()) + "\n" + line("database", name) + line("user", "some") +
              line("password", canary);
    }
    const auto registry = trunkline::registry::parse(toml);
    const Clock::time_point began = Clock::now();
    const Lines lines = limits_of(registry.inspect("check"));
    CHECK(Clock::now() - began < 6s);
    REQUIRE(lines.size() == 6);
    for (size_t i = 0; i < 6; ++i) {
      CHECK(begins(lines[i], std::string("abcdef").substr(i, 1) + ": could not be asked for its limit: "));
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
