#include "forking.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace forking {
namespace {

using faults::line;
using faults::variable;

int from_parent = -1;  // of a child

std::string of_tcp(const std::string& driver, const char* port, const std::string& sslmode, const char* authority) {
  return line("driver", driver) + line("host", "127.0.0.1") + "port = " + variable(port) + "\n" +
         line("sslmode", sslmode) + (sslmode == "disable" ? "" : line("ca", variable(authority)));
}

void add_servers(std::vector<Database>& all) {
  for (const char* const sslmode : {"disable", "verify-full"}) {
    const std::string suffix = sslmode == std::string("disable") ? "" : " with TLS";
    if (tl_has_feature("driver.postgresql") == 1) {
      all.push_back({.name = "postgresql" + suffix,
                     .lines = of_tcp("postgresql", "TL_PG_PORT", sslmode, "TL_PG_CA") +
                              line("database", variable("TL_PG_DATABASE")) +
                              line("user", variable("TL_PG_SCRAM_USER")) +
                              line("password", variable("TL_PG_SCRAM_PASSWORD")),
                     .backend = "SELECT pg_backend_pid()::int8",
                     .stream = "SELECT generate_series(1, 100000)",
                     .end = "SELECT pg_terminate_backend({id})",
                     .port = std::stoi(variable("TL_PG_PORT"))});
    }
    if (tl_has_feature("driver.mariadb") == 1) {
      all.push_back({.name = "mariadb" + suffix,
                     .lines = of_tcp("mariadb", "TL_MARIADB_PORT", sslmode, "TL_MARIADB_CA") +
                              line("database", variable("TL_MARIADB_DATABASE")) +
                              line("user", variable("TL_MARIADB_PASSWORD_USER")) +
                              line("password", variable("TL_MARIADB_PASSWORD")),
                     .backend = "SELECT CONNECTION_ID()",
                     .stream = "SELECT seq FROM seq_1_to_100000",
                     .end = "KILL {id}",
                     .port = std::stoi(variable("TL_MARIADB_PORT"))});
    }
  }
}

}  // namespace

Child::Child(const std::function<std::string()>& what) {
  int answers[2];
  int words[2];
  REQUIRE(pipe2(answers, O_CLOEXEC) == 0);
  REQUIRE(pipe2(words, O_CLOEXEC) == 0);
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ > 0) {
    close(answers[1]);
    close(words[0]);
    from_ = answers[0];
    to_ = words[1];
    return;
  }
  close(answers[0]);
  close(words[1]);
  from_parent = words[0];
  std::string told;
  try {
    told = what();
  } catch (const std::exception& error) {
    told = error.what();
  }
  told += '\n';  // that it has ended by itself
  (void)!write(answers[1], told.data(), told.size());
  _exit(0);
}

Child::~Child() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(from_);
  close(to_);
}

std::string Child::answer(std::chrono::milliseconds within) {
  const Clock::time_point until = Clock::now() + within;
  std::string told;
  for (;;) {
    pollfd p{from_, POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (poll(&p, 1, static_cast<int>(std::max(left, 0ms).count())) <= 0) return "the child has not ended in time";
    char bytes[4096];
    const ssize_t n = read(from_, bytes, sizeof bytes);
    if (n > 0) told.append(bytes, static_cast<size_t>(n));
    if (!told.empty() && told.back() == '\n') return told.substr(0, told.size() - 1);
    if (n <= 0) return "the child has crashed";
  }
}

void Child::go_on() const { REQUIRE(write(to_, "x", 1) == 1); }

void Child::wait() {
  char byte = 0;
  (void)!read(from_parent, &byte, 1);
}

std::string in_child(const std::function<std::string()>& what) {
  Child child(what);
  return child.answer();
}

const std::vector<Database>& databases() {
  static const std::vector<Database> all = [] {
    std::vector<Database> found;
    add_servers(found);
    if (tl_has_feature("driver.sqlite") == 1) {
      found.push_back({.name = "sqlite",
                       .lines = line("driver", "sqlite") + line("database", faults::folder() + "/db.sqlite"),
                       .backend = "SELECT 1",
                       .stream = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                                 "SELECT i FROM n",
                       .end = "",
                       .port = 0});
    }
    return found;
  }();
  return all;
}

trunkline::registry opened(const Database& database, const std::string& pool) {
  return trunkline::registry::parse("[connections.db]\n" + database.lines + "[connections.db.pool]\n" + pool);
}

trunkline::registry opened_at(const Database& database, int port) {
  Database there = database;
  const std::string number = "port = " + std::to_string(database.port);
  there.lines.replace(there.lines.find(number), number.size(), "port = " + std::to_string(port));
  return opened(there);
}

std::string belongs_to_parent(const std::function<void()>& act) {
  try {
    act();
    return "nothing failed; ";
  } catch (const trunkline::error& error) {
    const bool told = std::string(error.what()).find("belongs to the parent process") != std::string::npos;
    if (error.status() == TL_E_CLOSED && told) return "";
    return std::string("it says ") + error.what() + "; ";
  }
}

int open_descriptors() {
  int count = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) count += each.exists() ? 1 : 1;
  return count;
}

int rounds(int in_soak) { return std::getenv("TRUNKLINE_SOAK") != nullptr ? in_soak : in_soak / 10; }

}  // namespace forking
