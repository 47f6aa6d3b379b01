// A server of the test's own: it says what the test has it say, and what it hears is recorded.
#pragma once
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <thread>
#include <trunkline/trunkline.hpp>

#include "faults.hpp"

namespace rogue {

using faults::canary;
using faults::line;

[[nodiscard]] std::string bytes(std::initializer_list<int> values);

class Rogue {
 public:
  // Answers one caller: called with what it has just said.
  using Script = std::function<std::string(const std::string& said)>;

  // Greets each caller, who then has a script to himself.
  Rogue(std::string greets, std::function<Script()> script);
  ~Rogue();
  Rogue(const Rogue&) = delete;
  Rogue& operator=(const Rogue&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  // From all callers.
  [[nodiscard]] std::string heard() const;
  [[nodiscard]] bool heard(const std::string& text) const { return heard().find(text) != std::string::npos; }

 private:
  void serve();
  void serve(int caller);

  const std::string greets_;
  const std::function<Script()> script_;
  int fd_ = -1;
  int port_ = 0;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::string heard_;
};

// The connection "db" to it, with the canary for a password.
[[nodiscard]] std::string connection(const Rogue& rogue, const std::string& driver, const std::string& more,
                                     const std::string& host = "127.0.0.1");

// The status of the error that the statement must end with, "" : it did not. In the error, in what is logged and in
// what inspect tells there is no canary.
[[nodiscard]] std::string refused(const std::string& toml, const std::string& sql);

// Holds a secret of its own while it lives.
struct SecretFile {
  SecretFile();
  ~SecretFile();
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;
  const std::string path;
  const std::string secret = "canary-28aed2a6-in-a-file";
};

}  // namespace rogue
