// What the tests of limits share: two servers on which many names have their sessions, and somebody who counts these.
#pragma once
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <trunkline/trunkline.hpp>
#include <vector>

#include "faults.hpp"

namespace limits {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Server {
  std::string name;
  std::string lines;    // of a connection
  std::string counter;  // and of one that sees all sessions
  std::string count;    // a query for the sessions that it has, but for the one that asks
};

// PostgreSQL and MariaDB.
[[nodiscard]] const std::array<Server, 2>& servers();

// With a limit, and what else there is at the top of the file.
[[nodiscard]] trunkline::registry registry_with(int max_open, const std::string& toml);

// Counts the sessions of a server, all the time that it lives.
class Census {
 public:
  explicit Census(const Server& server);
  ~Census();
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;

  [[nodiscard]] int64_t now() const { return db_.query(count_).value<int64_t>(); }
  [[nodiscard]] int64_t most() const noexcept { return most_; }
  [[nodiscard]] int64_t samples() const noexcept { return samples_; }

 private:
  void work();

  const std::string count_;
  const trunkline::registry registry_;
  const trunkline::connection db_;
  std::atomic<int64_t> most_{0};
  std::atomic<int64_t> samples_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

[[nodiscard]] int64_t figure(const trunkline::registry& registry, const std::string& name, const std::string& column);

}  // namespace limits
