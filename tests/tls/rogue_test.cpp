// A server that asks for more than it should be given. What it gets is recorded.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <trunkline/trunkline.hpp>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr const char* canary = "canary-2b7e1516-password";
constexpr const char* secret = "canary-28aed2a6-in-a-file";

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

// One packet of MySQL's protocol.
std::string packet(int number, const std::string& body) {
  const size_t n = body.size();
  return bytes({static_cast<int>(n & 255), static_cast<int>(n >> 8), 0, number}) + body;
}

constexpr uint32_t capabilities = 0x00000001 | 0x00000008 | 0x00000200 | 0x00002000 | 0x00008000 | 0x00080000 |
                                  0x00000080;  // LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS,
                                               // SECURE_CONNECTION, PLUGIN_AUTH, LOCAL_FILES; no SSL

std::string greeting(const std::string& plugin) {
  const auto byte = [](uint32_t value, int shift) { return static_cast<int>(value >> shift & 255); };
  return packet(0, bytes({10}) + "5.5.5-10.11.9-MariaDB" + bytes({0, 7, 0, 0, 0}) + "saltsalt" +
                       bytes({0, byte(capabilities, 0), byte(capabilities, 8), 45, 2, 0, byte(capabilities, 16),
                              byte(capabilities, 24), 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +
                       "saltsaltsalt" + bytes({0}) + plugin + bytes({0}));
}

const std::string fine = bytes({0, 0, 0, 2, 0, 0, 0});

// Greets each caller and answers what it says with the next of its packets, counting on from the caller's number.
class Rogue {
 public:
  Rogue(std::string greets, std::vector<std::string> answers)
      : greets_(std::move(greets)), answers_(std::move(answers)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    socklen_t size = sizeof at;
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    REQUIRE(listen(fd_, 8) == 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Rogue() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  Rogue(const Rogue&) = delete;
  Rogue& operator=(const Rogue&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  void serve() {
    for (;;) {
      const int caller = accept(fd_, nullptr, nullptr);
      if (caller < 0) return;
      say(caller, greets_);
      size_t next = 0;
      char buffer[65536];
      pollfd readable{caller, POLLIN, 0};
      while (poll(&readable, 1, 5000) == 1) {
        const ssize_t n = read(caller, buffer, sizeof buffer);
        if (n <= 0) break;
        {
          const std::lock_guard lock(mutex_);
          heard_.append(buffer, static_cast<size_t>(n));
        }
        if (next < answers_.size() && n > 3) say(caller, packet(buffer[3] + 1, answers_[next++]));
      }
      close(caller);
    }
  }
  static void say(int caller, const std::string& text) { (void)!write(caller, text.data(), text.size()); }

  const std::string greets_;
  const std::vector<std::string> answers_;
  int fd_ = -1;
  int port_ = 0;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::string heard_;
};

std::string connection(const Rogue& rogue, const std::string& more) {
  return "[connections.db]\ndriver = \"mariadb\"\nhost = \"127.0.0.1\"\nport = " + std::to_string(rogue.port()) +
         "\nuser = \"app\"\ndatabase = \"app\"\npassword = \"" + canary + "\"\n" + more;
}

// The status and text of the error that it must end with.
std::string refused(const Rogue& rogue, const std::string& sql, const std::string& more = "") {
  const auto registry = trunkline::registry::parse(connection(rogue, more));
  try {
    registry.on("db").query({.timeout = 3s}, sql);
  } catch (const trunkline::error& error) {
    CHECK(std::string(error.what()).find(canary) == std::string::npos);
    return error.status_name();
  }
  return "";
}

struct SecretFile {
  SecretFile() : path(std::filesystem::temp_directory_path() / ("trunkline-rogue-" + std::to_string(getpid()))) {
    std::ofstream(path) << secret << '\n';
  }
  ~SecretFile() { std::filesystem::remove(path); }
  const std::filesystem::path path;
};

}  // namespace

TEST_CASE("a server that asks for the password in clear does not get it") {
  for (const std::string plugin : {"mysql_clear_password", "dialog", "mysql_old_password", "auth_gssapi_client"}) {
    CAPTURE(plugin);
    SUBCASE("from the beginning") {
      const Rogue rogue(greeting(plugin), {bytes({254}) + plugin + bytes({0}), fine});
      CHECK(refused(rogue, "SELECT 1") != "");
      CHECK(rogue.heard().find(canary) == std::string::npos);
    }
    SUBCASE("after another way was agreed on") {
      const Rogue rogue(greeting("mysql_native_password"), {bytes({254}) + plugin + bytes({0}), fine});
      CHECK(refused(rogue, "SELECT 1") == "authentication");
      CHECK_FALSE(rogue.heard().empty());
      CHECK(rogue.heard().find(canary) == std::string::npos);
    }
  }
}

TEST_CASE("a server that asks for a file does not get it, whatever the statement") {
  const SecretFile file;
  const std::string asks = bytes({251}) + file.path.string();
  for (const std::string sql : {"SELECT 1", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "load index into cache t"}) {
    CAPTURE(sql);
    // At the session's settings, and at the statements of the caller.
    for (const std::vector<std::string>& answers :
         {std::vector{fine, asks, asks}, std::vector{fine, fine, asks, asks, asks}}) {
      const Rogue rogue(greeting("mysql_native_password"), answers);
      CHECK(refused(rogue, sql) != "");
      CHECK_FALSE(rogue.heard().empty());
      CHECK(rogue.heard().find(secret) == std::string::npos);
      CHECK(rogue.heard().find(canary) == std::string::npos);
    }
  }
}

TEST_CASE("a server that has no TLS where it is asked for hears no statement") {
  for (const std::string mode : {"require", "verify-ca", "verify-full"}) {
    CAPTURE(mode);
    const Rogue rogue(greeting("mysql_native_password"), {fine, fine, fine});
    CHECK(refused(rogue, "SELECT 'a statement'", "sslmode = \"" + mode + "\"\n") == "tls");
    CHECK(rogue.heard().find("SELECT") == std::string::npos);
    CHECK(rogue.heard().find("SET") == std::string::npos);
    CHECK(rogue.heard().find(canary) == std::string::npos);
  }
}
