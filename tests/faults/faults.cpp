#include "faults.hpp"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <vector>

namespace faults {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  REQUIRE_MESSAGE(value != nullptr, name);
  return value;
}

std::string line(const char* key, const std::string& value) { return std::string(key) + " = \"" + value + "\"\n"; }

std::string connection(const std::string& lines, const std::string& pool) {
  return "[connections.db]\ndriver = \"postgresql\"\nretry.attempts = 1\n" + lines + "[connections.db.pool]\n" + pool;
}

std::string by_socket() {
  return line("socket", variable("TL_PG_SOCKET")) + "port = " + variable("TL_PG_PORT") + "\n" +
         line("database", variable("TL_PG_DATABASE")) + line("user", variable("TL_PG_USER"));
}

std::string by_tcp(const std::string& host) {
  return line("host", host) + "port = " + variable("TL_PG_PORT") + "\n" + line("database", variable("TL_PG_DATABASE")) +
         line("user", variable("TL_PG_SCRAM_USER")) + line("password", variable("TL_PG_SCRAM_PASSWORD"));
}

std::string at_port(int port) {
  return line("host", "127.0.0.1") + "port = " + std::to_string(port) + "\n" + line("database", "some") +
         line("user", "some") + line("password", canary);
}

std::string folder() {
  static const struct Folder {
    Folder() {
      path = (std::filesystem::temp_directory_path() / "trunkline-faults-XXXXXX").string();
      REQUIRE(mkdtemp(path.data()) != nullptr);
    }
    ~Folder() {
      std::error_code ignored;
      if (getpid() == owner) std::filesystem::remove_all(path, ignored);
    }
    const pid_t owner = getpid();
    std::string path;
  } made;
  return made.path;
}

namespace {

// The library's own list, from its answer to who asks for something else.
std::vector<std::string> subjects(const trunkline::registry& registry) {
  std::string list;
  try {
    (void)registry.inspect("everything");
  } catch (const trunkline::error& error) {
    list = error.what();
  }
  const std::string before = "there are ";
  REQUIRE(list.find(before) != std::string::npos);
  std::istringstream words(list.substr(list.find(before) + before.size()));
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

}  // namespace

Secrecy::Secrecy(Log log) : log_(log), file_(std::tmpfile()), before_(dup(STDERR_FILENO)) {
  dup2(fileno(file_), STDERR_FILENO);
}

Secrecy::~Secrecy() {
  dup2(before_, STDERR_FILENO);
  close(before_);
  std::string text(1 << 20, '\0');
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, pread(fileno(file_), text.data(), text.size(), 0))));
  std::fclose(file_);
  CHECK(text.empty() == (log_ == Log::empty));
  check(text);
}

void Secrecy::check(const std::string& text) const {
  CHECK_FALSE((text.find(canary) != std::string::npos));
  for (const char* name : {"TL_PG_SCRAM_PASSWORD", "TL_MARIADB_PASSWORD"}) {
    const char* password = std::getenv(name);
    CHECK_FALSE((password != nullptr && text.find(password) != std::string::npos));
  }
}

void Secrecy::check(const trunkline::error& error) const {
  for (const std::string& text : {std::string(error.what()), error.connection(), error.endpoint(), error.sqlstate()})
    check(text);
  for (const auto& [key, value] : error.details()) check(key + value);
}

void Secrecy::check(const trunkline::registry& registry) const {
  const std::vector<std::string> all = subjects(registry);
  REQUIRE(std::find(all.begin(), all.end(), "check") != all.end());
  for (const std::string& what : all) {
    trunkline::result result = registry.inspect(what);
    while (const auto batch = result.next()) {
      for (const tl_column& column : batch->columns()) {
        check(std::string(static_cast<const char*>(column.data), column.data_len));
      }
    }
  }
}

Failed failure_of(const std::string& toml, std::chrono::milliseconds timeout) {
  const Secrecy secrecy;
  const auto registry = trunkline::registry::parse(toml);
  const Clock::time_point began = Clock::now();
  try {
    registry.on("db").query({.timeout = timeout}, "SELECT 1");
  } catch (const trunkline::error& error) {
    const Clock::duration took = Clock::now() - began;
    secrecy.check(error);
    secrecy.check(registry);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    CHECK(error.connection() == "db");
    return {error, took};
  }
  FAIL("the query did not fail");
  return {trunkline::error(TL_OK, ""), {}};
}

int bind_to_free_port(int fd) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  sockaddr* const any = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(fd, any, size) == 0);
  REQUIRE(getsockname(fd, any, &size) == 0);
  return ntohs(address.sin_port);
}

Port::Port(Does does, std::string answer)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), number_(bind_to_free_port(fd_)), answer_(std::move(answer)) {
  if (does == Does::refuse) return;
  REQUIRE(listen(fd_, 64) == 0);  // the system takes the calls, and nobody ever answers them
  if (does == Does::answer) server_ = std::thread([this] { serve(); });
}

Port::~Port() {
  shutdown(fd_, SHUT_RDWR);
  if (server_.joinable()) server_.join();
  close(fd_);
}

void Port::serve() const {
  for (;;) {
    const int caller = accept(fd_, nullptr, nullptr);
    if (caller < 0) return;
    char asked[8];
    if (recv(caller, asked, sizeof asked, MSG_WAITALL) > 0)
      (void)send(caller, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    close(caller);
  }
}

}  // namespace faults
