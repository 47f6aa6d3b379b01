// A TCP proxy in front of a real server that does to connections what networks and dying servers do. It counts what
// passes, so that a test can also say that nothing did. All of it ends with the object.
//
//   Proxy proxy(std::stoi(variable("TL_PG_PORT")));
//   proxy.plan_next({.from_server = {.then = Does::stall}});             // whoever calls from now on hears nothing
//   proxy.plan_all({.from_server = {.after = 20, .then = Does::drip}});  // all: 20 bytes more, then one at a time
//   proxy.plan_all({});                                                  // the server is well again
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace faults {

enum class Does : uint8_t {
  forward,
  stall,  // nothing passes any more, and nobody is told
  drip,   // one byte every `pace`
  close,  // as a server that ends in order
  reset,  // as one whose machine has crashed and come back
};

// For one direction of a connection.
struct Rule {
  uint64_t after = 0;   // bytes that pass first, counted from when the rule was given
  bool of_tls = false;  // these are counted from where TLS begins, behind what asks for it in the clear
  Does then = Does::forward;
  std::chrono::milliseconds pace{100};
};

struct Plan {
  Rule from_client;
  Rule from_server;
};

// What was said since the proxy began, on all connections.
struct Traffic {
  uint64_t connections = 0;
  uint64_t exchanges = 0;  // that the client began to speak, at first or after the server did: round trips
  uint64_t client_bytes = 0;
  uint64_t server_bytes = 0;
};

class Proxy {
 public:
  explicit Proxy(int server_port);  // on 127.0.0.1, both sides
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  void plan_next(const Plan& plan);  // for connections to come
  void plan_all(const Plan& plan);   // and for those that there are, whatever held them up before
  [[nodiscard]] Traffic traffic() const;
  [[nodiscard]] int held() const;  // connections that their clients have not ended

 private:
  enum Side : uint8_t { client, server };
  struct Link;

  void accept_calls();
  void pump(Link& link, Side from);
  [[nodiscard]] uint64_t await_turn(Link& link, Side from, uint64_t wanted);
  void note(Link& link, Side from, const char* data, uint64_t size);

  const int listener_;
  const int server_port_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Plan next_;
  Traffic traffic_;
  bool ended_ = false;
  std::vector<std::weak_ptr<Link>> links_;
  std::vector<std::thread> pumps_;
  std::thread listening_;
};

}  // namespace faults
