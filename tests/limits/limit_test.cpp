// What [limits] max_open promises to programs whose names need more sessions than there may be.
#include <deque>

#include "limits.hpp"

namespace limits {
namespace {

// `n` names for each server: "postgresql_0", …
std::string names_of(const Server& server, int n, const std::string& pool = "") {
  std::string toml;
  for (int i = 0; i < n; ++i) {
    const std::string name = server.name + '_' + std::to_string(i);
    toml += "[connections." + name + "]\n" + server.lines + "[connections." + name + ".pool]\n" + pool;
  }
  return toml;
}

std::string sqlite(const std::string& name, const std::string& database) {
  return "[connections." + name + "]\ndriver = \"sqlite\"\ndatabase = \"" + database + "\"\n";
}

bool asked(const trunkline::connection& db, int64_t value) {
  return db.query("SELECT CAST(? AS DECIMAL(20))", value).value<std::string>() == std::to_string(value);
}

}  // namespace

TEST_CASE("many names share few sessions, one after the other, and the server never has one more") {
  for (const Server& server : servers()) {
    CAPTURE(server.name);
    const Census census(server);
    const int64_t before = census.now();
    const auto registry = registry_with(3, names_of(server, 8));
    for (int i = 0; i < 200; ++i) {
      CHECK(asked(registry.on(server.name + '_' + std::to_string(i % 8)), i));
    }
    CHECK(census.most() <= before + 3);
    CHECK(census.most() > before);
  }
}

TEST_CASE("the session that was used least recently goes, on whichever server") {
  const auto registry = registry_with(2, names_of(servers()[0], 2) + names_of(servers()[1], 2));
  const auto linger = [&] { (void)registry.on("postgresql_0").query("SELECT pg_sleep(0.02)"); };  // times have some ms
  linger();
  CHECK(asked(registry.on("mariadb_0"), 1));
  linger();
  CHECK(figure(registry, "postgresql_0", "opened") == 1);
  CHECK(asked(registry.on("postgresql_1"), 1));
  CHECK(figure(registry, "postgresql_0", "idle") == 1);
  CHECK(figure(registry, "mariadb_0", "closed") == 1);
  CHECK(asked(registry.on("mariadb_1"), 1));
  CHECK(figure(registry, "postgresql_0", "closed") == 1);
  CHECK(registry.metrics().find("\ntrunkline_sessions_open 2\n") != std::string::npos);
  CHECK(registry.metrics().find("\ntrunkline_sessions_open_limit 2\n") != std::string::npos);
}

TEST_CASE("threads on many names wait for each other's sessions, and all are served") {
  for (const Server& server : servers()) {
    CAPTURE(server.name);
    const Census census(server);
    const int64_t before = census.now();
    const auto registry = registry_with(4, names_of(server, 6));
    std::atomic<int> served{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 12; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 40; ++i) {
          served += asked(registry.on(server.name + '_' + std::to_string((t + i / 4) % 6)), i) ? 1 : 0;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(served == 12 * 40);
    CHECK(census.most() <= before + 4);
  }
}

TEST_CASE("calls of a queue on many names share few sessions, in order and without an error") {
  for (const Server& server : servers()) {
    CAPTURE(server.name);
    const Census census(server);
    const int64_t before = census.now();
    const auto registry = registry_with(4, names_of(server, 10));
    const auto queue = registry.queue();
    std::deque<trunkline::pending<trunkline::result>> under_way;
    for (int i = 0; i < 400; ++i) {
      const auto db = registry.on(queue, server.name + '_' + std::to_string(i % 10));
      under_way.push_back(db.query("SELECT CAST(? AS DECIMAL(20))", i));
    }
    for (int i = 0; i < 400; ++i) {
      CHECK(under_way.front().get().value<std::string>() == std::to_string(i));
      under_way.pop_front();
    }
    CHECK(census.most() <= before + 4);
  }
}

TEST_CASE("who gets no session is told that the limit was the reason, and who has how many") {
  const auto registry = registry_with(3, names_of(servers()[0], 3));
  const auto first = registry.on("postgresql_0").pin();
  const auto second = registry.on("postgresql_0").pin();
  const auto third = registry.on("postgresql_1").pin();
  try {
    (void)registry.on("postgresql_2").query({.timeout = 100ms}, "SELECT 1");
    FAIL("there was a session");
  } catch (const trunkline::error& error) {
    CHECK(error.status() == TL_E_ACQUIRE_TIMEOUT);
    CHECK(error.outcome() == trunkline::outcome::not_sent);
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("max_open: 3 of 3 sessions over all names are open (most of them: \"postgresql_0\" 2, "
                       "\"postgresql_1\" 1)") != std::string::npos);
    CHECK(error.detail("max_open") == "3");
    CHECK(error.detail("open") == "3");
    CHECK(error.detail("most") == "\"postgresql_0\" 2, \"postgresql_1\" 1");
  }
}

TEST_CASE("one session is enough for writers and readers of a file, for replicas, and for connect()") {
  const std::string file = faults::folder() + "/one.sqlite";
  const Server& server = servers()[0];
  const auto registry =
      registry_with(1, sqlite("file", file) + "[connections.split]\n" + server.lines + "replicas.read = [{}, {}]\n");
  registry.connect_all();
  const auto db = registry.on("file");
  (void)db.query("CREATE TABLE IF NOT EXISTS t (i INTEGER)");
  for (int i = 0; i < 5; ++i) {
    (void)db.query("INSERT INTO t VALUES (?)", i);
    CHECK(db.query("SELECT count(*) FROM t").value<int64_t>() == i + 1);
    CHECK(registry.on("split").query("SELECT 1").value<int64_t>() == 1);
    CHECK(registry.on("split", trunkline::mode::write).query("SELECT 2").value<int64_t>() == 2);
  }
}

TEST_CASE("a database in memory keeps its data, whoever needs a session") {
  const auto registry = registry_with(2, sqlite("memory", ":memory:") + names_of(servers()[0], 2));
  const auto memory = registry.on("memory");
  (void)memory.query("CREATE TABLE t (i INTEGER)");
  (void)memory.query("INSERT INTO t VALUES (7)");
  for (int i = 0; i < 4; ++i) {
    CHECK(asked(registry.on("postgresql_" + std::to_string(i % 2)), i));
    CHECK(memory.query("SELECT i FROM t").value<int64_t>() == 7);
  }
}

TEST_CASE("a name that wants to keep more sessions ready than there may be does not fight for them") {
  for (const Server& server : servers()) {
    CAPTURE(server.name);
    const Census census(server);
    const int64_t before = census.now();
    const auto registry = registry_with(2, "[connections.greedy]\n" + server.lines + "pool.min = 5\n" +
                                               names_of(server, 1, "idle_timeout = \"none\"\n"));
    CHECK(asked(registry.on("greedy"), 1));
    for (int i = 0; i < 100; ++i) CHECK(asked(registry.on(server.name + "_0"), i));
    CHECK(figure(registry, server.name + "_0", "opened") == 1);
    CHECK(figure(registry, "greedy", "opened") <= 3);
    CHECK(census.most() <= before + 2);
  }
}

TEST_CASE("a server that answers nobody keeps the others waiting for no longer than its own opening may take") {
  const faults::Port silent(faults::Port::Does::keep_silent);
  const auto registry = registry_with(
      1, "[connections.silent]\ndriver = \"postgresql\"\nhost = \"127.0.0.1\"\nport = " +
             std::to_string(silent.number()) + "\npool.create_timeout = \"300ms\"\n" + names_of(servers()[0], 1));
  std::thread unlucky([&] { CHECK_THROWS_AS((void)registry.on("silent").query("SELECT 1"), trunkline::error); });
  while (figure(registry, "silent", "dialling") == 0) std::this_thread::sleep_for(1ms);
  CHECK(asked(registry.on("postgresql_0"), 1));
  unlucky.join();
}

TEST_CASE("sessions that their callers lose are counted until they are gone") {
  for (const Server& server : servers()) {
    CAPTURE(server.name);
    const Census census(server);
    const int64_t before = census.now();
    const auto registry = registry_with(2, names_of(server, 3, "max_idle = 0\n"));
    for (int i = 0; i < 60; ++i) CHECK(asked(registry.on(server.name + '_' + std::to_string(i % 3)), i));
    CHECK(census.most() <= before + 2);
  }
}

}  // namespace limits
