#include "rogue.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace rogue {

using namespace std::chrono_literals;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

Rogue::Rogue(std::string greets, std::function<Script()> script)
    : greets_(std::move(greets)), script_(std::move(script)) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  port_ = faults::bind_to_free_port(fd_);
  REQUIRE(listen(fd_, 8) == 0);
  thread_ = std::thread([this] { serve(); });
}

Rogue::~Rogue() {
  shutdown(fd_, SHUT_RDWR);
  thread_.join();
  close(fd_);
}

std::string Rogue::heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

void Rogue::serve() {
  for (;;) {
    const int caller = accept(fd_, nullptr, nullptr);
    if (caller < 0) return;
    serve(caller);
    close(caller);
  }
}

void Rogue::serve(int caller) {
  const auto say = [caller](const std::string& text) { (void)send(caller, text.data(), text.size(), MSG_NOSIGNAL); };
  const Script script = script_();
  say(greets_);
  char buffer[65536];
  pollfd readable{caller, POLLIN, 0};
  while (poll(&readable, 1, 5000) == 1) {
    const ssize_t n = read(caller, buffer, sizeof buffer);
    if (n <= 0) return;
    const std::string said(buffer, static_cast<size_t>(n));
    {
      const std::lock_guard lock(mutex_);
      heard_ += said;
    }
    say(script(said));
  }
}

std::string connection(const Rogue& rogue, const std::string& driver, const std::string& more,
                       const std::string& host) {
  return "[connections.db]\n" + line("driver", driver) + line("host", host) + "port = " + std::to_string(rogue.port()) +
         "\n" + line("user", "app") + line("database", "app") + line("password", canary) + "retry.attempts = 1\n" +
         more;
}

std::string refused(const std::string& toml, const std::string& sql) {
  const faults::Secrecy secrecy;
  const auto registry = trunkline::registry::parse(toml);
  std::string status;
  try {
    (void)registry.on("db").query({.timeout = 3s}, sql);
  } catch (const trunkline::error& error) {
    secrecy.check(error);
    status = error.status_name();
  }
  secrecy.check(registry);
  return status;
}

SecretFile::SecretFile()
    : path((std::filesystem::temp_directory_path() / ("trunkline-rogue-" + std::to_string(getpid()))).string()) {
  std::ofstream(path) << secret << '\n';
}

SecretFile::~SecretFile() { std::filesystem::remove(path); }

}  // namespace rogue
