// health(): who answers, who does not, and why; and nobody's silence delays what is told of the others.
#include <optional>

#include "proxied.hpp"

namespace faults {
namespace {

using trunkline::connection_health;
using trunkline::endpoint_health;
using trunkline::health;

std::string at_port_of(const Server& server) { return "port = " + std::to_string(server.port) + "\n"; }

// A connection of any name.
std::string named(const std::string& name, const Server& server, const std::string& lines,
                  const std::string& pool = "") {
  return "[connections." + name + "]\n" + line("driver", server.driver) + lines + "[connections." + name + ".pool]\n" +
         pool;
}
std::string living(const std::string& name, const Server& server, const std::string& pool = "",
                   const std::string& lines = "") {
  return named(name, server, line("host", "127.0.0.1") + at_port_of(server) + server.lines + lines, pool);
}

std::string status_in(const health& whole, const char* name) {
  const connection_health* const found = whole.find(name);
  REQUIRE(found != nullptr);
  return found->status;
}
const endpoint_health& endpoint_of(const health& whole, const char* name, size_t i = 0) {
  const connection_health* const found = whole.find(name);
  REQUIRE(found != nullptr);
  REQUIRE(i < found->endpoints.size());
  return found->endpoints[i];
}

struct Told {
  health whole;
  Clock::duration took;
};
Told told_by(const trunkline::registry& registry, const trunkline::health_options& how = {}) {
  const Clock::time_point began = Clock::now();
  health whole = registry.health(how);
  return {std::move(whole), Clock::now() - began};
}
// The same by a queue.
Told told_on_queue(const trunkline::registry& registry, const trunkline::health_options& how) {
  const auto queue = registry.queue();
  const Clock::time_point began = Clock::now();
  health whole = registry.health(queue, how).get();
  return {std::move(whole), Clock::now() - began};
}

void check_silence(const health& whole) {
  CHECK_FALSE(whole.ok);
  CHECK(status_in(whole, "living") == "healthy");
  CHECK(status_in(whole, "silent") == "unhealthy");
  CHECK(endpoint_of(whole, "silent").reason == "connect_timeout");
  CHECK(status_in(whole, "dead") == "unhealthy");
  CHECK(endpoint_of(whole, "dead").reason == "unavailable");
  CHECK(endpoint_of(whole, "living").latency.has_value());
  CHECK_FALSE(endpoint_of(whole, "silent").latency.has_value());
}

}  // namespace

TEST_CASE("silent and dead servers beside a living one: all are told of within one time limit") {
  const Secrecy secrecy;
  const Port silent(Port::Does::keep_silent);
  const Port refuses(Port::Does::refuse);
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    std::string toml = living("living", server) + named("dead", server, at_port(refuses.number())) +
                       named("silent", server, at_port(silent.number()));
    for (const std::string name : {"a", "b", "c", "d", "e", "f"}) toml += named(name, server, at_port(silent.number()));
    const auto registry = trunkline::registry::parse(toml);
    const Told whole = told_by(registry, {.open = true, .timeout = 600ms});
    check_silence(whole.whole);
    CHECK(whole.took >= 600ms);
    CHECK(whole.took < 1500ms);
    const Told queued = told_on_queue(registry, {.timeout = 600ms});
    check_silence(queued.whole);
    CHECK(queued.took < 1500ms);
    for (const connection_health& each : queued.whole.connections) secrecy.check(each.error);
  }
}

TEST_CASE("nobody waits for longer than 3 s unless he says so") {
  const Port silent(Port::Does::keep_silent);
  const Server& server = servers().front();
  const auto registry = trunkline::registry::parse(named("silent", server, at_port(silent.number())));
  const Told whole = told_by(registry, {.open = true});
  CHECK(whole.took >= 3s);
  CHECK(whole.took < 4s);
  CHECK(status_in(whole.whole, "silent") == "unhealthy");
}

TEST_CASE("what nobody has opened is opened only on request, and what was closed never is") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const auto registry = trunkline::registry::parse(living("db", server) + living("other", server));
    health whole = registry.health();
    CHECK(whole.ok);
    CHECK(status_in(whole, "db") == "unknown");
    CHECK(whole.find("db")->state == "registered");
    CHECK(endpoint_of(whole, "db").max == 10);
    CHECK(endpoint_of(whole, "db").role == "primary");
    whole = registry.health("db", {.open = true});
    CHECK(whole.connections.size() == 1);
    CHECK(status_in(whole, "db") == "healthy");
    CHECK(whole.find("db")->state == "open");
    CHECK(endpoint_of(whole, "db").idle == 1);
    CHECK(status_in(registry.health(), "other") == "unknown");
    registry.close("db");
    registry.close("other");
    whole = registry.health({.open = true});
    CHECK(whole.ok);
    for (const char* name : {"db", "other"}) {
      CHECK(status_in(whole, name) == "unknown");
      CHECK(whole.find(name)->state == "closed");
      CHECK(whole.find(name)->error.find("closed") != std::string::npos);
    }
    CHECK(failed_by([&] { (void)registry.health("nobody"); }).error.status() == TL_E_NOT_FOUND);
  }
}

TEST_CASE("a refused password is told, without it, and a name with health_check = false does not count") {
  const Secrecy secrecy;
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const std::string user = variable(server.driver == "postgresql" ? "TL_PG_SCRAM_USER" : "TL_MARIADB_PASSWORD_USER");
    const auto refused = [&](const std::string& lines) {
      return trunkline::registry::parse(named("db", server,
                                              line("host", "127.0.0.1") + at_port_of(server) + line("user", user) +
                                                  line("password", canary) + line("database", "some") + lines));
    };
    const auto counted = refused("").health({.open = true});
    CHECK_FALSE(counted.ok);
    CHECK(status_in(counted, "db") == "unhealthy");
    CHECK(endpoint_of(counted, "db").reason == "authentication");
    CHECK_FALSE(counted.find("db")->error.empty());
    secrecy.check(counted.find("db")->error);
    const auto uncounted = refused("health_check = false\n").health({.open = true});
    CHECK(uncounted.ok);
    CHECK(status_in(uncounted, "db") == "unhealthy");
    CHECK_FALSE(uncounted.find("db")->health_check);
  }
}

TEST_CASE("a pool whose sessions are all in use is told as that, and not what they run") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const auto registry = trunkline::registry::parse(living("db", server, "max = 2\n"));
    const auto db = registry.on("db");
    std::optional first(db.pin(20s));
    std::optional second(db.pin(20s));
    CHECK(first->query("SELECT 'canary of a statement'").value<std::string>().starts_with("canary"));
    std::thread waiting([&] { CHECK(db.query({.timeout = 20s}, "SELECT 1").value<int64_t>() == 1); });
    while (endpoint_of(registry.health({.timeout = 20ms}), "db").waiting == 0) std::this_thread::yield();
    const health full = registry.health(registry.queue(), {.timeout = 50ms}).get();
    CHECK_FALSE(full.ok);
    const endpoint_health& row = endpoint_of(full, "db");
    CHECK(row.status == "unhealthy");
    CHECK((row.reason == "acquire_timeout" || row.reason == "busy"));
    CHECK(row.error == "no session came free in time: 2 of 2 in use, 1 waiting");
    CHECK(row.leased == 2);
    CHECK(row.waiting == 1);
    first.reset();
    second.reset();
    waiting.join();
    CHECK(status_in(registry.health(), "db") == "healthy");
  }
}

TEST_CASE("a replica that is down is told, and reads that others serve are no reason to fail") {
  const Port refuses(Port::Does::refuse);
  const Port silent(Port::Does::keep_silent);
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const auto with_replicas = [&](const std::string& replicas) {
      return trunkline::registry::parse(living("db", server, "", "replicas = { read = [" + replicas + "] }\n"));
    };
    const std::string dead = "{ port = " + std::to_string(refuses.number()) + " }";
    const health whole = with_replicas("{ host = '127.0.0.1' }, " + dead).health({.open = true});
    CHECK(whole.ok);
    CHECK(status_in(whole, "db") == "healthy");
    CHECK_FALSE(whole.find("db")->error.empty());
    CHECK(endpoint_of(whole, "db", 0).status == "healthy");
    CHECK(endpoint_of(whole, "db", 1).status == "healthy");
    CHECK(endpoint_of(whole, "db", 1).role == "replica");
    CHECK(endpoint_of(whole, "db", 2).status == "bypassed");
    // Reads wait for one that is silent, and do not go past one that refuses the password.
    const std::string user = variable(server.driver == "postgresql" ? "TL_PG_SCRAM_USER" : "TL_MARIADB_PASSWORD_USER");
    const health refused = with_replicas("{ user = '" + user + "', password = 'no' }").health({.open = true});
    CHECK_FALSE(refused.ok);
    CHECK(endpoint_of(refused, "db", 0).status == "healthy");
    CHECK(endpoint_of(refused, "db", 1).status == "unhealthy");
    const health waits =
        with_replicas("{ port = " + std::to_string(silent.number()) + " }").health({.open = true, .timeout = 100ms});
    CHECK_FALSE(waits.ok);
    CHECK(endpoint_of(waits, "db", 1).status == "unhealthy");
  }
}

TEST_CASE("a server that falls silent on open sessions, and one that has closed them") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    Proxy proxy(server.port);
    const auto registry = trunkline::registry::parse(named(
        "db", server, line("host", "127.0.0.1") + "port = " + std::to_string(proxy.port()) + "\n" + server.lines));
    CHECK(status_in(registry.health({.open = true}), "db") == "healthy");
    proxy.plan_all({.from_client = {.then = Does::close}, .from_server = {.then = Does::close}});
    proxy.plan_all({});
    CHECK(status_in(registry.health(), "db") == "healthy");
    proxy.plan_all({.from_server = {.then = Does::stall}});
    const Told silent = told_by(registry, {.timeout = 300ms});
    CHECK(status_in(silent.whole, "db") == "unhealthy");
    CHECK(endpoint_of(silent.whole, "db").reason == "connect_timeout");
    CHECK(silent.took < 1s);
  }
}

TEST_CASE("files are read; one that is no database is told") {
  const std::string good = folder() + "/good.db";
  const std::string bad = folder() + "/bad.db";
  std::FILE* const file = std::fopen(bad.c_str(), "w");
  REQUIRE(file != nullptr);
  for (int i = 0; i < 1000; ++i) std::fputs("this is no database\n", file);
  std::fclose(file);
  const auto lite = [](const std::string& name, const std::string& path) {
    return "[connections." + name + "]\n" + line("driver", "sqlite") + line("database", path);
  };
  const auto registry = trunkline::registry::parse(lite("good", good) + lite("bad", bad) + lite("memory", ":memory:"));
  registry.on("memory").query("CREATE TABLE kept (a)");
  const health whole = registry.health({.open = true});
  CHECK(status_in(whole, "good") == "healthy");
  CHECK(whole.find("good")->endpoints.size() == 2);
  CHECK(endpoint_of(whole, "good", 1).latency.has_value());
  CHECK(status_in(whole, "memory") == "healthy");
  CHECK(status_in(whole, "bad") == "unhealthy");
  CHECK_FALSE(whole.ok);
  CHECK(registry.on("memory").query("SELECT count(*) FROM kept").value<int64_t>() == 0);
  auto leases = registry.inspect("leases");
  CHECK_FALSE(leases.next().has_value());
}

TEST_CASE("cancelling ends it") {
  const Port silent(Port::Does::keep_silent);
  for (const Server& server : servers()) {
    const std::string toml =
        named("db", server, at_port(silent.number())) + named("other", server, at_port(silent.number()));
    tl_registry* registry = nullptr;
    REQUIRE(tl_registry_parse(toml.data(), toml.size(), nullptr, nullptr, &registry, nullptr) == TL_OK);
    tl_call call{};
    call.struct_size = sizeof call;
    call.op = tl_op_new(registry);
    std::thread canceller([&] {
      std::this_thread::sleep_for(50ms);
      CHECK(tl_cancel(registry, call.op) == TL_OK);
    });
    tl_result* table = nullptr;
    const Clock::time_point began = Clock::now();
    CHECK(tl_inspect(registry, "health_open", nullptr, 0, &call, &table, nullptr) == TL_E_CANCELLED);
    CHECK(Clock::now() - began < 2s);
    canceller.join();
    tl_registry_release(registry);
  }
}

}  // namespace faults
