#include "proxy.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "faults.hpp"

namespace faults {

namespace {

int tcp_socket() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

sockaddr_in local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool send_all(int fd, const char* data, uint64_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<uint64_t>(sent);
  }
  return true;
}

// A TLS record with the client's first message, wherever it lies in what was read.
bool begins_tls(std::string_view said) { return said.find(std::string_view("\x16\x03\x01", 3)) != said.npos; }

}  // namespace

// One connection through the proxy. Its threads keep it; its sockets are closed with it.
struct Proxy::Link {
  Link(int caller, int upstream, const Plan& plan) : fds{caller, upstream} { obey(plan); }
  ~Link() {
    for (const int fd : fds) close(fd);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void obey(const Plan& plan) {
    rules = {plan.from_client, plan.from_server};
    passed = {};
  }
  // Wakes both threads, which then end. The client is told unless it shall find out by itself.
  void end(bool tells_client) {
    ended = true;
    shutdown(fds[server], SHUT_RDWR);
    shutdown(fds[client], tells_client ? SHUT_RDWR : SHUT_RD);
  }
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fds[client], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);  // what close() does then
    end(false);
  }

  const std::array<int, 2> fds;
  std::array<Rule, 2> rules;
  std::array<uint64_t, 2> passed{};  // since the rules were given
  bool in_tls = false;
  bool client_speaks = false;
  bool client_left = false;
  bool ended = false;
};

Proxy::Proxy(int server_port) : listener_(tcp_socket()), server_port_(server_port) {
  port_ = bind_to_free_port(listener_);
  REQUIRE(listen(listener_, 128) == 0);
  listening_ = std::thread([this] { accept_calls(); });
}

Proxy::~Proxy() {
  shutdown(listener_, SHUT_RDWR);
  listening_.join();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const auto& each : links_) {
      if (const auto link = each.lock()) link->end(true);
    }
    changed_.notify_all();
  }
  for (std::thread& pump : pumps_) pump.join();
  close(listener_);
}

void Proxy::plan_next(const Plan& plan) {
  const std::lock_guard lock(mutex_);
  next_ = plan;
}

void Proxy::plan_all(const Plan& plan) {
  const std::lock_guard lock(mutex_);
  next_ = plan;
  for (const auto& each : links_) {
    if (const auto link = each.lock()) link->obey(plan);
  }
  changed_.notify_all();
}

Traffic Proxy::traffic() const {
  const std::lock_guard lock(mutex_);
  return traffic_;
}

int Proxy::held() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count_if(links_.begin(), links_.end(), [](const auto& each) {
    const auto link = each.lock();
    return link != nullptr && !link->client_left;
  }));
}

void Proxy::accept_calls() {
  for (;;) {
    const int caller = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (caller < 0) return;
    const int upstream = tcp_socket();
    const sockaddr_in address = local(server_port_);
    if (connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      close(upstream);
      close(caller);
      continue;
    }
    const std::lock_guard lock(mutex_);
    const auto link = std::make_shared<Link>(caller, upstream, next_);
    ++traffic_.connections;
    links_.push_back(link);
    for (const Side from : {client, server}) pumps_.emplace_back([this, link, from] { pump(*link, from); });
  }
}

// What has been read is held back as long as the plan says so: a plan that comes later still applies to it.
void Proxy::pump(Link& link, Side from) {
  const int to = link.fds[from == client ? server : client];
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = recv(link.fds[from], buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const auto size = static_cast<uint64_t>(got);
    note(link, from, buffer.data(), size);
    for (uint64_t sent = 0; sent < size;) {
      const uint64_t turn = await_turn(link, from, size - sent);
      if (turn == 0 || !send_all(to, buffer.data() + sent, turn)) return;
      sent += turn;
    }
  }
  shutdown(to, SHUT_WR);
  const std::lock_guard lock(mutex_);
  if (from == client) link.client_left = true;
}

// How many of the bytes that wait may pass now; 0: the connection has ended.
uint64_t Proxy::await_turn(Link& link, Side from, uint64_t wanted) {
  std::unique_lock lock(mutex_);
  for (bool has_paced = false; !ended_ && !link.ended;) {
    const Rule& rule = link.rules[from];
    uint64_t& passed = link.passed[from];
    const bool is_free = rule.then == Does::forward || (rule.of_tls && !link.in_tls);
    const uint64_t turn = is_free ? wanted : std::min(wanted, rule.after - std::min(rule.after, passed));
    if (turn > 0) {
      passed += turn;
      return turn;
    }
    switch (rule.then) {
      case Does::forward: break;
      case Does::stall: changed_.wait(lock); break;
      case Does::drip:
        if (has_paced) return 1;
        has_paced = changed_.wait_for(lock, rule.pace) == std::cv_status::timeout;
        break;
      case Does::close: link.end(true); break;
      case Does::reset: link.reset(); break;
    }
  }
  changed_.notify_all();  // the other direction may be waiting
  return 0;
}

void Proxy::note(Link& link, Side from, const char* data, uint64_t size) {
  const std::lock_guard lock(mutex_);
  (from == client ? traffic_.client_bytes : traffic_.server_bytes) += size;
  if (from == client && !link.client_speaks) ++traffic_.exchanges;
  link.client_speaks = from == client;
  if (from == client && !link.in_tls && begins_tls({data, size})) {
    link.in_tls = true;
    link.passed = {};  // a rule of TLS counts from here
  }
}

}  // namespace faults
