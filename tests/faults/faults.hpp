// What the tests of faults share: connections to the private server and to places where no server is, and the watch
// over secrets.
#pragma once
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <trunkline/trunkline.hpp>

namespace faults {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Stands for a password in connections that are refused; nobody else ever writes it.
inline constexpr const char* canary = "canary-5f0c9b7e-password";

[[nodiscard]] std::string variable(const char* name);                       // fails the test where it is not set
[[nodiscard]] std::string line(const char* key, const std::string& value);  // of TOML
// The connection "db", with TOML lines of its own; its calls are tried once.
[[nodiscard]] std::string connection(const std::string& lines, const std::string& pool = "");
[[nodiscard]] std::string by_socket();                                    // trusted
[[nodiscard]] std::string by_tcp(const std::string& host = "localhost");  // user and password of SCRAM
[[nodiscard]] std::string at_port(int port);                              // 127.0.0.1, with the canary
[[nodiscard]] std::string folder();                                       // of this process, gone afterwards

// Fails the test where a secret shows in an error, in what inspect tells, or in what is written to stderr while it
// lives, which is nothing unless the test says so.
class Secrecy {
 public:
  enum class Log { empty, some };
  explicit Secrecy(Log log = Log::empty);
  ~Secrecy();
  Secrecy(const Secrecy&) = delete;
  Secrecy& operator=(const Secrecy&) = delete;

  void check(const std::string& text) const;
  void check(const trunkline::error& error) const;
  void check(const trunkline::registry& registry) const;  // all that there is to inspect

 private:
  const Log log_;
  std::FILE* const file_;
  const int before_;
};

struct Failed {
  trunkline::error error;
  Clock::duration took;
};

// Of what must fail.
template <class Act>
Failed failed_by(const Act& act) {
  const Clock::time_point began = Clock::now();
  try {
    act();
  } catch (const trunkline::error& error) {
    return {error, Clock::now() - began};
  }
  FAIL("nothing failed");
  return {trunkline::error(TL_OK, ""), {}};
}

// The error of a query that must fail, checked for secrets.
[[nodiscard]] Failed failure_of(const std::string& toml, std::chrono::milliseconds timeout = 20s);

// Binds the socket to a free port of 127.0.0.1, and answers which.
[[nodiscard]] int bind_to_free_port(int fd);

// A TCP port of 127.0.0.1.
class Port {
 public:
  enum class Does { refuse, keep_silent, answer };
  // `answer`: what each caller is sent as soon as it has said something; then the port is closed to it.
  explicit Port(Does does, std::string answer = "");
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  void serve() const;

  int fd_;
  int number_;
  std::string answer_;
  std::thread server_;
};

}  // namespace faults
