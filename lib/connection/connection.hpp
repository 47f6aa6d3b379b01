// One name of the registry: its settings, its state, its endpoints, its statements. Opened by its first query.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "call.hpp"
#include "fork.hpp"

namespace tl::connection {

enum class State : uint8_t { registered, open, closed };
[[nodiscard]] std::string_view state_name(State state) noexcept;

class Connection {
 public:
  // Its events go to the hub, its sessions are counted by the limit. `state`: registered, or closed.
  Connection(config::Connection settings, std::shared_ptr<observe::Hub> hub, std::shared_ptr<pool::SessionLimit> limit,
             State state = State::registered);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] const config::Connection& settings() const noexcept { return settings_; }
  [[nodiscard]] const std::string& name() const noexcept { return settings_.name; }
  [[nodiscard]] const driver::Driver& driver() const noexcept { return *driver_; }
  [[nodiscard]] sql::Table& statements() noexcept { return statements_; }
  [[nodiscard]] State state() const;

  // Opens the connection if it was only registered. Errors: closed; unavailable where this build has no such driver.
  [[nodiscard]] Result<std::shared_ptr<Endpoints>> endpoints();
  // Those of an open connection, else null.
  [[nodiscard]] std::shared_ptr<Endpoints> peek() const;
  // Opens, also a closed one, and has a session of each endpoint.
  [[nodiscard]] Result<void> connect(const CallOptions& options);
  // Refuses new calls, closes what is idle and breaks off what is being opened. Waits for nothing.
  void close();
  // The same for good: it can no longer be opened.
  void release();
  // Of a closed one: waits until all that was in use has come home. `ticket` may be null. Errors: busy when `until`
  // came first; cancelled.
  [[nodiscard]] Result<void> await_home(Deadline until, const runtime::Ticket* ticket);

  // Says of a failure whose it is.
  [[nodiscard]] Failure told(Failure failure) const;

 private:
  using Lock = std::unique_lock<ForkMutex>;

  // In a forked child the connection is only registered again: its parent's sessions are left alone.
  [[nodiscard]] Lock lock() const;
  [[nodiscard]] Result<std::shared_ptr<Endpoints>> open_locked();
  [[nodiscard]] Failure closed_locked() const;
  [[nodiscard]] Result<std::shared_ptr<Endpoints>> open(Lock locked);
  [[nodiscard]] std::vector<std::shared_ptr<Endpoints>> leaving();

  const config::Connection settings_;
  const std::shared_ptr<observe::Hub> hub_;
  const std::shared_ptr<pool::SessionLimit> limit_;
  driver::Driver* const driver_;  // null: this build has none
  sql::Table statements_;
  mutable ForkMutex mutex_;
  mutable MadeHere used_here_;
  mutable State state_;
  bool released_ = false;
  mutable std::shared_ptr<Endpoints> endpoints_;
  mutable std::vector<std::shared_ptr<Endpoints>> leaving_;  // closed ones that were still in use when looked at last
};

}  // namespace tl::connection
