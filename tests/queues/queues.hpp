// What the tests of queues share: one registry of the three databases, calls that are submitted to a queue and what
// they have come to.
#pragma once
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <trunkline/trunkline.hpp>
#include <vector>

#include "faults.hpp"

namespace queues {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

// ./dev soak measures what is promised, ./dev test ten times that at a tenth of the size.
[[nodiscard]] bool in_soak() noexcept;
[[nodiscard]] Millis bound(Millis promised) noexcept;

using faults::variable;

struct Database {
  std::string name;
  std::string lines;    // of its connection
  std::string sleeps;   // takes "{s}" seconds, about, and can be told by its comment in `active`
  std::string endless;  // a query that does not end by itself within minutes; likewise
  std::string active;   // how many of those there are on the server now, "": cannot be asked
  std::string backend;  // a query for the server's number of the session, "": it has none
  std::string stream;   // a query of rows without end, all of some 100 bytes
};

[[nodiscard]] const Database& postgresql();
[[nodiscard]] const std::vector<Database>& databases();  // those that this build has drivers for

[[nodiscard]] std::string with_seconds(std::string text, double seconds);

struct Release {
  void operator()(tl_registry* of) const noexcept { tl_registry_release(of); }
  void operator()(tl_conn* of) const noexcept { tl_conn_release(of); }
  void operator()(tl_result* of) const noexcept { tl_result_release(of); }
  void operator()(tl_batch* of) const noexcept { tl_batch_release(of); }
  void operator()(tl_queue* of) const noexcept { tl_queue_release(of); }
};
using Conn = std::unique_ptr<tl_conn, Release>;

// The connection "db" of a database, with its pool's settings.
class Desk {
 public:
  explicit Desk(const Database& database, const std::string& pool = "");

  [[nodiscard]] tl_registry* registry() const noexcept { return registry_.get(); }
  [[nodiscard]] tl_conn* raw() const noexcept { return raw_.get(); }
  [[nodiscard]] int64_t figure(const std::string& name) const;  // of the pool
  [[nodiscard]] tl_op new_op() const;
  void cancel(tl_op op) const noexcept { (void)tl_cancel(registry(), op); }

 private:
  const std::unique_ptr<tl_registry, Release> registry_;
  const Conn raw_;

 public:
  const trunkline::connection db;
};

// A completion, released with it.
class Done {
 public:
  Done() = default;
  explicit Done(const tl_completion& completion) noexcept : completion_(completion) {}
  Done(Done&& other) noexcept : completion_(std::exchange(other.completion_, {})) {}
  Done& operator=(Done&& other) noexcept {
    std::swap(completion_, other.completion_);
    return *this;
  }
  ~Done() { tl_completion_release(&completion_); }

  [[nodiscard]] uint64_t user() const noexcept { return completion_.user_data; }
  [[nodiscard]] tl_status status() const noexcept { return completion_.status; }
  [[nodiscard]] const char* message() const noexcept { return tl_error_message(completion_.error); }
  [[nodiscard]] int32_t outcome() const noexcept { return tl_error_outcome(completion_.error); }
  [[nodiscard]] std::string told() const;  // the status's name and its message
  // The value, of one that has succeeded; then no longer here.
  [[nodiscard]] Conn conn() { return Conn(static_cast<tl_conn*>(take(TL_DONE_CONN))); }
  [[nodiscard]] tl_result* result() { return static_cast<tl_result*>(take(TL_DONE_RESULT)); }
  [[nodiscard]] tl_batch* batch() { return static_cast<tl_batch*>(take(TL_DONE_BATCH)); }
  template <class T>
  [[nodiscard]] T value() {
    return trunkline::result(result()).template value<T>();
  }

 private:
  [[nodiscard]] void* take(uint32_t kind);
  tl_completion completion_{};
};

struct How {
  uint64_t user = 0;
  tl_op op = 0;
  Millis timeout{0};
  uint32_t flags = 0;
  uint32_t batch_rows = 0;
};

class Loop {
 public:
  explicit Loop(const Desk& desk, uint32_t flags = 0);

  [[nodiscard]] tl_queue* raw() const noexcept { return queue_.get(); }
  [[nodiscard]] int fd() const noexcept { return tl_queue_fd(queue_.get()); }
  [[nodiscard]] tl_call call(const How& how) const noexcept;

  template <class... Ps>
  void query(tl_conn* conn, const How& how, std::string_view sql, const Ps&... values) const {
    trunkline::parameters all;
    (all.add(values), ...);
    const tl_call asked = call(how);
    submitted(tl_query(conn, sql.data(), sql.size(), all.values(), all.size(), all.arena().data(), all.arena().size(),
                       &asked, nullptr, nullptr));
  }
  void begin(tl_conn* conn, const How& how) const { verb(tl_begin, conn, 0, how); }
  void commit(tl_conn* conn, const How& how) const { verb(tl_commit, conn, how); }
  void rollback(tl_conn* conn, const How& how) const { verb(tl_rollback, conn, how); }
  void next(tl_result* result, const How& how) const;

  // Up to `max`, after waiting for the first one.
  [[nodiscard]] std::vector<Done> take(Millis patience, size_t max = 64) const;
  // The next one, which is there within 30 s.
  [[nodiscard]] Done next_done() const;

 private:
  template <class Verb>
  void verb(const Verb& verb, tl_conn* conn, const How& how) const {
    const tl_call asked = call(how);
    submitted(verb(conn, &asked, nullptr));
  }
  template <class Verb>
  void verb(const Verb& verb, tl_conn* conn, uint32_t flags, const How& how) const {
    const tl_call asked = call(how);
    submitted(verb(conn, flags, &asked, nullptr, nullptr));
  }
  static void submitted(tl_status status);

  std::unique_ptr<tl_queue, Release> queue_;
};

// Until it holds, at most 30 s.
template <class Condition>
void await(const Condition& holds) {
  const Clock::time_point began = Clock::now();
  while (!holds()) {
    if (Clock::now() - began > 30s) FAIL("it never came to hold");
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace queues
