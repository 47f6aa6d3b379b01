// Servers that take what they are sent and say nothing: what they hold up is their own.
#include <signal.h>

#include <functional>
#include <memory>
#include <vector>

#include "faults.hpp"

namespace faults {

namespace {

// A connection of any name.
std::string named(const std::string& name, const std::string& driver, const std::string& lines,
                  const std::string& pool = "") {
  return "[connections." + name + "]\nretry.attempts = 1\n" + line("driver", driver) + lines + "[connections." + name +
         ".pool]\n" + pool;
}

std::string silent(const std::string& name, const Port& port, const std::string& pool = "") {
  return named(name, "postgresql", at_port(port.number()), pool);
}

int64_t pool_figure(const trunkline::registry& registry, const std::string& name, const char* column) {
  int64_t sum = 0;
  trunkline::result result = registry.inspect("pools", name);
  const size_t index = result.index(column);
  while (const auto batch = result.next()) {
    for (int64_t row = 0; row < batch->rows(); ++row) sum += batch->get<int64_t>(row, index);
  }
  return sum;
}

void await_figure(const trunkline::registry& registry, const std::string& name, const char* column, int64_t wanted) {
  const Clock::time_point began = Clock::now();
  while (pool_figure(registry, name, column) != wanted) {
    REQUIRE(Clock::now() - began < 20s);
    std::this_thread::sleep_for(1ms);
  }
}

// Threads that each ask one question, and the statuses of those that got no answer.
class Callers {
 public:
  Callers(const trunkline::registry& registry, const std::string& name, int n) {
    for (int i = 0; i < n; ++i) {
      threads_.emplace_back([registry, name, this] {
        try {
          registry.on(name).query({.timeout = 60s}, "SELECT 1");
        } catch (const trunkline::error& error) {
          if (error.status() == TL_E_CLOSED) ++closed;
        }
      });
    }
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ~Callers() { join(); }
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  std::atomic<int> closed{0};

 private:
  std::vector<std::thread> threads_;
};

trunkline::error error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const trunkline::error& error) {
    return error;
  }
  FAIL("nothing failed");
  return {TL_OK, ""};
}

}  // namespace

TEST_CASE("two servers that never answer: files are opened, other servers dialled, statements cancelled as ever") {
  const Port port(Port::Does::keep_silent);
  std::string toml = silent("one", port) + silent("two", port) + named("pg", "postgresql", by_socket());
  if (tl_has_feature("driver.sqlite") == 1) {
    toml += named("lite", "sqlite", line("database", folder() + "/stalling.db"));
  }
  const auto registry = trunkline::registry::parse(toml);
  Callers one(registry, "one", 10);
  Callers two(registry, "two", 10);
  await_figure(registry, "one", "dialling", 10);
  await_figure(registry, "two", "dialling", 10);

  const Clock::time_point began = Clock::now();
  if (registry.has("lite")) CHECK(registry.on("lite").query({.timeout = 20s}, "SELECT 1").value<int64_t>() == 1);
  CHECK(registry.on("pg").query({.timeout = 20s}, "SELECT 1").value<int64_t>() == 1);
  CHECK(Clock::now() - began < 10s);
  // The server's word that it has stopped may be late on a busy machine, but not every time.
  auto outcome = trunkline::outcome::unknown;
  for (int i = 0; i < 10 && outcome == trunkline::outcome::unknown; ++i) {
    outcome = error_of([&] { registry.on("pg").query({.timeout = 50ms}, "SELECT pg_sleep(60)"); }).outcome();
  }
  CHECK(outcome != trunkline::outcome::unknown);
  registry.close(20s);
}

TEST_CASE("closing breaks off what is being opened, and those who wait for it are told") {
  const Port port(Port::Does::keep_silent);
  const auto registry = trunkline::registry::parse(silent("db", port) + silent("other", port));
  Callers callers(registry, "db", 3);
  await_figure(registry, "db", "dialling", 3);
  // One that nobody waits for any more.
  CHECK(error_of([&] { registry.on("other").query({.timeout = 10ms}, "SELECT 1"); }).status() == TL_E_CONNECT_TIMEOUT);

  const Clock::time_point began = Clock::now();
  registry.close();
  CHECK(Clock::now() - began < 4s);  // less than destroy_timeout, far less than create_timeout
  callers.join();
  CHECK(callers.closed == 3);
}

TEST_CASE("a replica that never answers: the statement's time to get a session ends as the dial would have") {
  const Port port(Port::Does::keep_silent);
  const auto registry = trunkline::registry::parse(silent("db", port, "acquire_timeout = \"200ms\"\n"));
  const trunkline::error error = error_of([&] { registry.on("db").query("SELECT 1"); });
  CHECK(error.status() == TL_E_CONNECT_TIMEOUT);
  CHECK(error.outcome() == trunkline::outcome::not_sent);
}

TEST_CASE("sessions of a frozen server are given up within destroy_timeout, and nobody else's wait for them") {
  const int frozen = 12;
  std::string toml = named("pg", "postgresql", by_socket(), "max = 12\ndestroy_timeout = \"2s\"\n");
  toml += named("other", "postgresql", by_socket());
  const auto registry = trunkline::registry::parse(toml);
  auto held = std::make_unique<std::vector<trunkline::transaction>>();
  std::vector<pid_t> backends;
  for (int i = 0; i < frozen; ++i) {
    held->push_back(registry.on("pg").begin({.timeout = 20s}));
    backends.push_back(static_cast<pid_t>(held->back().query("SELECT pg_backend_pid()::int8").value<int64_t>()));
  }
  registry.on("other").query("SELECT 1");
  for (const pid_t backend : backends) REQUIRE(kill(backend, SIGSTOP) == 0);
  const Clock::time_point began = Clock::now();
  held.reset();

  // A session that has to be cleaned before it is lent again.
  registry.on("other").query("SET geqo = off");
  await_figure(registry, "other", "leased", 0);
  CHECK(Clock::now() - began < 1900ms);
  await_figure(registry, "pg", "leased", 0);
  CHECK(Clock::now() - began < 3800ms);
  for (const pid_t backend : backends) kill(backend, SIGCONT);
  registry.close(20s);
}

}  // namespace faults
