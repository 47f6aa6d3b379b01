// What max = "auto" comes to.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "config_fixture.hpp"

namespace tl::config::tests {

TEST_CASE("a budget that no pool asks for need not be whole") {
  CHECK(loaded("[budget]\ninstances = 2\n[connections.a]\ndriver = \"mysql\"\n").find("a")->primary.pool.max == 10);
  const Error error = refused("[connections.a]\ndriver = \"mysql\"\npool.max = \"auto\"\n[budget]\ninstances = 2\n");
  CHECK(detail(error, "key") == "budget.server_max");
}

TEST_CASE("the budget shares what a server allows") {
  const auto max_of = [](const std::string& budget, const std::string& keys, const char* name = "a") {
    return loaded("[budget]\n" + budget + "\n[connections.a]\ndriver = \"mysql\"\npool.max = \"auto\"\n" + keys)
        .find(name)
        ->primary.pool.max;
  };
  CHECK(max_of("server_max = 100\nreserve = 0", "") == 100);
  CHECK(max_of("server_max = 151", "") == 120);
  CHECK(max_of("server_max = 151\ninstances = 3\nworkers = 4", "") == 10);
  CHECK(max_of("server_max = 2", "") == 2);
  const std::string other = "[connections.b]\ndriver = \"mysql\"\npool.max = ";
  CHECK(max_of("server_max = 100\nreserve = 0", other + "\"auto\"") == 50);
  CHECK(max_of("server_max = 100\nreserve = 0", other + "\"auto\"", "b") == 50);
  CHECK(max_of("server_max = 100\nreserve = 0", other + "30\npool.max_overflow = 10") == 60);
  CHECK(max_of("server_max = 100\nreserve = 0\ninstances = 2", other + "30") == 20);
  CHECK(max_of("server_max = 100\nreserve = 0", other + "300") == 2);
  CHECK(max_of("server_max = 100\nreserve = 0", other + "30\nport = 3307") == 100);  // another server
  CHECK(max_of("server_max = 100\nreserve = 0", "pool.max_overflow = 10") == 90);
  CHECK(max_of("server_max = 100\nreserve = 0\nworkers = -1", "") >= 1);
}

TEST_CASE("the budget is what CONFIG's formula says, to the last session") {
  struct Share {
    int server_max;
    const char* reserve;
    int instances, workers, autos, fixed, overflow;  // fixed: max of one more pool, with that overflow
    uint32_t is;
  };
  for (const Share& share : {
           Share{100, "0.2", 3, 1, 1, 1, 0, 25},    // (80 - 3) / 3 = 25.67
           Share{100, "0.2", 3, 1, 1, 1, 1, 24},    // (80 - 6) / 3 = 24.67
           Share{100, "0.2", 2, 4, 3, 1, 0, 3},     // (80 - 8) / 24 = 3, exactly
           Share{100, "0.2", 2, 4, 3, 1, 1, 2},     // (80 - 16) / 24 = 2.67
           Share{1000, "0.9", 1, 1, 1, 1, 0, 99},   // 1000 x (1 - 0.9) is 99.99999999999997 in binary
           Share{1000, "0.3", 7, 1, 1, 0, 0, 100},  // 700 / 7
           Share{10, "0", 1, 1, 1, 8, 0, 2},        // exactly the least
           Share{10, "0", 1, 1, 1, 9, 0, 2},        // 1 is left
           Share{10, "0", 1, 1, 1, 9, 9, 2},        // less than nothing is
           Share{10, "0", 1000, 1000, 9, 0, 0, 2},
       }) {
    CAPTURE(share.server_max);
    CAPTURE(share.is);
    std::string text = "[defaults]\ndriver = \"mysql\"\n[budget]\nserver_max = " + std::to_string(share.server_max) +
                       "\nreserve = " + share.reserve + "\ninstances = " + std::to_string(share.instances) +
                       "\nworkers = " + std::to_string(share.workers) + "\n";
    for (int i = 0; i < share.autos; ++i) {
      text += "[connections.auto" + std::to_string(i) + "]\npool.max = \"auto\"\n";
    }
    if (share.fixed > 0) {
      text += "[connections.fixed]\npool = { max = " + std::to_string(share.fixed) +
              ", max_overflow = " + std::to_string(share.overflow) + " }\n";
    }
    const Config config = loaded(text);
    for (int i = 0; i < share.autos; ++i) {
      CHECK(config.find("auto" + std::to_string(i))->primary.pool.max == share.is);
    }
  }
}

TEST_CASE("the budget's overflow is of every pool, and each server is for itself") {
  const Config config = loaded(R"(
[defaults]
driver = "pg"
[defaults.pool]
max = "auto"
max_overflow = 5
[budget]
server_max = 100
reserve = 0
workers = 2
[connections.a]
host = "one"
[connections.b]
host = "one"
replicas.read = [{ host = "two" }, { host = "one" }]
[connections.c]
host = "two"
pool.max = 20
[connections.other]
driver = "mysql"
host = "one"
port = 5432
)");
  // One: three pools share 100 less 2 x 3 x 5.
  CHECK(config.find("a")->primary.pool.max == 11);
  CHECK(config.find("b")->primary.pool.max == 11);
  CHECK(config.find("b")->replicas[1].pool.max == 11);
  // Two: one takes 100 less 2 x (5 + 20 + 5).
  CHECK(config.find("b")->replicas[0].pool.max == 20);
  CHECK(config.find("other")->primary.pool.max == 45);  // another kind of server: 100 less 2 x 5
}

TEST_CASE("as many workers as cores") {
  const std::string text = "[budget]\nserver_max = 100000\nreserve = 0\nworkers = ";
  const std::string pool = "\n[connections.a]\ndriver = \"mysql\"\npool.max = \"auto\"\n";
  const uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  const Config config = loaded(text + "-1" + pool);
  CHECK(config.budget.workers == cores);
  CHECK(config.find("a")->primary.pool.max == std::max(2U, 100'000 / cores));
}

TEST_CASE("files share no server: they are no part of the budget, and need none") {
  const std::string file = "[connections.file]\ndriver = \"sqlite\"\ndatabase = \"a.db\"\npool.max = ";
  const std::string server = "[connections.a]\ndriver = \"mysql\"\npool.max = \"auto\"\n";
  const std::string budget = "[budget]\nserver_max = 100\nreserve = 0\n";
  CHECK(loaded(budget + server + file + "50\n").find("a")->primary.pool.max == 100);
  const Config both = loaded(budget + server + file + "\"auto\"\n");
  CHECK(both.find("a")->primary.pool.max == 100);
  CHECK(both.find("file")->primary.pool.max == 10);
  const Config alone = loaded(file + "\"auto\"\n");
  CHECK(alone.find("file")->primary.pool.max == 10);
  CHECK(value(alone, "connections.file.pool.max") == "10");
  CHECK(detail(refused(file + "\"auto\"\npool.min = 11\n"), "key") == "connections.file.pool.max");
}

TEST_CASE("a replica on the budget's server counts, and may be auto itself") {
  const Config config = loaded(R"(
[budget]
server_max = 100
reserve = 0
[connections.a]
driver = "mysql"
host = "one"
pool.max = "auto"
replicas.read = [{ host = "two" }, { host = "one", pool = { max = 40 } }]
)");
  const Connection& a = config.connections[0];
  CHECK(a.primary.pool.max == 60);
  CHECK(a.replicas[0].pool.max == 100);
  CHECK(a.replicas[1].pool.max == 40);
  CHECK(value(config, "connections.a.pool.max") == "60");
}

}  // namespace tl::config::tests
