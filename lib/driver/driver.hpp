// A driver: the code that speaks to one kind of database through its client library.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "config.hpp"
#include "session.hpp"

namespace tl::driver {

enum class Isolation : uint8_t { server_default, read_committed, repeatable_read, serializable };

struct TransactionOptions {
  Isolation isolation = Isolation::server_default;
  bool read_only = false;
};

// One connecting to a server in progress, on a thread for that: how long it may take, and how another thread ends it,
// which also happens when its deadline passes.
class Dial {
 public:
  explicit Dial(Deadline deadline) : deadline_(deadline) {}

  [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }
  [[nodiscard]] bool interrupted() const noexcept;

  // This one goes before the user and the password of the address; null: those hold. Before the dialling begins.
  void log_in_as(std::shared_ptr<const config::Login> login) noexcept { login_ = std::move(login); }
  [[nodiscard]] const std::string& user(const config::Address& address) const noexcept {
    return login_ == nullptr || login_->user.empty() ? address.user : login_->user;
  }
  [[nodiscard]] const config::Secret& password(const config::Address& address) const noexcept {
    return login_ == nullptr ? address.password : login_->password;
  }

  // What earlier dials have found out about the same server, in bits that are the driver's own; 0: nothing. Without a
  // place that outlives the dial nothing is remembered. Before the dialling begins.
  void remember_in(std::atomic<uint32_t>& place) noexcept { found_ = &place; }
  [[nodiscard]] uint32_t found() const noexcept {
    return found_ == nullptr ? 0 : found_->load(std::memory_order_relaxed);
  }
  void remember(uint32_t bits) noexcept {
    if (found_ != nullptr) found_->fetch_or(bits, std::memory_order_relaxed);
  }

  // The descriptor that interrupt() shuts down; -1 before the driver closes it. The driver calls it whenever it
  // changes.
  void watch(int fd) noexcept;
  // Waits until the descriptor is ready: true; false when the deadline passed or the dial was interrupted.
  [[nodiscard]] bool wait(int fd, Ready want) noexcept;
  // The passed deadline or the interruption, as a failure to open.
  [[nodiscard]] Failure stopped() const;

  // [any thread]
  void interrupt() noexcept;

 private:
  const Deadline deadline_;
  std::shared_ptr<const config::Login> login_;
  std::atomic<uint32_t>* found_ = nullptr;
  mutable std::mutex mutex_;
  int fd_ = -1;
  bool interrupted_ = false;
};

class Driver {
 public:
  [[nodiscard]] virtual sql::Dialect dialect() const noexcept = 0;

  // Blocks: connects, authenticates, and applies the session settings of the address. Errors: unavailable,
  // authentication, tls, connect_timeout, configuration, …, phase connect, never quoting the client library's
  // connection-string errors.
  [[nodiscard]] virtual Result<std::unique_ptr<Session>> open(const config::Address& address, Dial& dial) = 0;

  // Whether the database undoes all that Session::run_many() of the statement did where a row fails. Else the caller
  // begins a transaction or savepoint for it.
  [[nodiscard]] virtual bool runs_many_as_one(const sql::Statement&) const noexcept { return false; }

  // The text that begins a transaction, in the dialect.
  [[nodiscard]] virtual std::string begin_text(const TransactionOptions& options) const = 0;

 protected:
  ~Driver() = default;
};

}  // namespace tl::driver
