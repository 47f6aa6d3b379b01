// Sessions on the private primary and its replica.
#pragma once
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "asking.hpp"

namespace tl::validation {

using driver::Position;
using driver::ServerRole;
using driver::Sight;
using driver::Standing;
using driver::State;
using namespace std::chrono_literals;

// `place`: TL_PRIMARY or TL_REPLICA; `who`: TL_ORDINARY, TL_MONITORING or TL_OWNER.
inline Asking at(const char* place, const char* who = "TL_ORDINARY", const std::string& more = "") {
  config::Surroundings surroundings;
  const std::string lines = std::string(std::getenv(place)) + std::getenv(who) + more;
  auto parsed = config::parse("[connections.db]\n" + lines, "replicas.toml", surroundings);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return Asking(parsed.take());
}

inline bool on_postgresql() { return target().name == "postgresql"; }

inline Sight seen(Asking& ask) {
  const bool changed = ask->changed();
  Result<Sight> sight = ask.look();
  if (!sight) throw std::runtime_error(sight.error().message);
  CHECK(ask->state() == State::idle);
  CHECK(ask->changed() == changed);
  return sight.take();
}

inline bool has_come(Asking& ask, const Position& wanted, Nanos limit = 60s) {
  Result<bool> reached = ask.reach(wanted, limit);
  if (!reached) throw std::runtime_error(reached.error().message);
  return *reached;
}

template <class Condition>
void await(const Condition& condition) {
  const Instant began = steady_clock().now();
  while (!condition()) {
    REQUIRE(steady_clock().now() - began < 60s);
    std::this_thread::sleep_for(2ms);
  }
}

// The replica goes on receiving, and shows nothing new while this lives.
class Paused {
 public:
  Paused() {
    if (on_postgresql()) {
      owner_.run("SELECT pg_wal_replay_pause()");
      await([this] { return owner_.one("SELECT pg_get_wal_replay_pause_state()") == "paused"; });
    } else {
      owner_.run("STOP SLAVE SQL_THREAD");
    }
  }
  ~Paused() { resume(); }
  Paused(const Paused&) = delete;
  Paused& operator=(const Paused&) = delete;
  void resume() { owner_.run(on_postgresql() ? "SELECT pg_wal_replay_resume()" : "START SLAVE SQL_THREAD"); }

 private:
  Asking owner_ = at("TL_REPLICA", "TL_OWNER");
};

}  // namespace tl::validation
