// The servers (or files) of one connection, each with its pool, and the jobs that dial, restore and close its sessions.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "asked_credentials.hpp"
#include "crew.hpp"
#include "driver.hpp"
#include "housekeeper.hpp"
#include "pool.hpp"
#include "routing.hpp"

namespace tl::connection {

class Lookout;
class SharedSessions;

enum class Role : uint8_t { primary, replica };

[[nodiscard]] constexpr std::string_view role_name(Role role) noexcept {
  return role == Role::primary ? "primary" : "replica";
}

class Endpoint final : public pool::Supply, public runtime::Task, public runtime::HangUpListener {
 public:
  Endpoint(Role role, config::Endpoint settings, driver::Driver& driver, const config::Connection& connection,
           std::shared_ptr<observe::Hub> hub, pool::Share share, std::shared_ptr<Credentials> credentials);
  ~Endpoint() override;
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  [[nodiscard]] pool::Pool& pool() noexcept { return *pool_; }
  [[nodiscard]] const pool::Pool& pool() const noexcept { return *pool_; }
  [[nodiscard]] SharedSessions& shared() noexcept { return *shared_; }
  [[nodiscard]] const std::string& label() const noexcept { return source_->endpoint(); }
  // What is observed of it, and outlives it where somebody else holds it.
  [[nodiscard]] const std::shared_ptr<observe::Source>& source() const noexcept { return source_; }
  // As of now: servers change places.
  [[nodiscard]] Role role() const noexcept { return role_.load(std::memory_order_relaxed); }
  void take_role(Role role) noexcept { role_.store(role, std::memory_order_relaxed); }
  void tell_role(std::string_view message) noexcept;
  [[nodiscard]] const config::Endpoint& settings() const noexcept { return settings_; }
  // Null: what the address says holds for good.
  [[nodiscard]] const std::shared_ptr<Credentials>& credentials() const noexcept { return credentials_; }
  // Has its credentials looked at, and sessions of older ones go.
  void look_at_credentials() noexcept;
  // Of the jobs that its server may hold up, dials and cancels: many names may be of one.
  [[nodiscard]] uint64_t server_group() const noexcept { return server_group_; }
  // Of those that its open sessions may: a long rollback is no other name's affair.
  [[nodiscard]] uint64_t own_group() const noexcept { return reinterpret_cast<uintptr_t>(this); }

  // Closes the pool and breaks off what is being dialled.
  void close() noexcept;
  // As of the pool.
  void drain() noexcept { pool_->drain(); }
  // Breaks off what is being dialled since before then.
  void break_off_dials(Instant since_before) noexcept;
  // The pool is, and the last session has been closed.
  [[nodiscard]] bool drained() const noexcept {
    return pool_->drained() && closing_->load(std::memory_order_acquire) == 0;
  }

  void dial(pool::Pool& pool) noexcept override;
  void watch(pool::Pool& pool, driver::Session& session) noexcept override;
  void retire(std::unique_ptr<driver::Session> session, pool::Permit permit) noexcept override;
  void wake_at(pool::Pool& pool, Instant at) noexcept override;
  Instant run() noexcept override { return pool_->maintain(); }
  void hung_up(uint64_t session) noexcept override { pool_->expire(session); }

 private:
  friend class Endpoints;
  class DialJob;
  class LookJob;

  void leave_older_credentials() noexcept;

  std::atomic<Role> role_;
  const config::Endpoint settings_;
  const uint64_t server_group_;
  driver::Driver& driver_;
  std::atomic<uint32_t> found_{0};  // by dials, of the server
  const std::shared_ptr<observe::Source> source_;
  // SQLite's reader: this address is opened once first, because a file must exist before it can be opened for reading.
  std::unique_ptr<config::Address> prime_;
  std::atomic<bool> primed_{false};
  const std::shared_ptr<Credentials> credentials_;
  std::atomic<uint64_t> followed_{0};  // their version to which the pool's sessions have been told
  std::atomic<bool> looking_{false};   // at them
  const std::shared_ptr<std::atomic<uint32_t>> closing_ = std::make_shared<std::atomic<uint32_t>>(0);  // sessions
  std::mutex dials_mutex_;
  std::vector<DialJob*> dials_;  // all there are
  bool closed_ = false;
  std::weak_ptr<class Endpoints> owner_;  // kept alive by every dial in progress
  // They go first: until then threads of other pools that share the limit may be in the pool, and use all of this.
  std::unique_ptr<pool::Pool> pool_;
  const std::unique_ptr<SharedSessions> shared_;
};

using Settings = std::shared_ptr<const config::Connection>;

// All endpoints of a connection as long as it is open with the same settings, and the statements that they run; a lease
// keeps them alive.
class Endpoints : public std::enable_shared_from_this<Endpoints> {
 public:
  Endpoints(Settings settings, driver::Driver& driver, std::shared_ptr<sql::Table> statements) noexcept;
  ~Endpoints();
  Endpoints(const Endpoints&) = delete;
  Endpoints& operator=(const Endpoints&) = delete;
  // `statements` are of the driver's dialect.
  static std::shared_ptr<Endpoints> make(Settings settings, driver::Driver& driver,
                                         std::shared_ptr<sql::Table> statements,
                                         const std::shared_ptr<observe::Hub>& hub,
                                         const std::shared_ptr<pool::SessionLimit>& limit,
                                         const std::shared_ptr<CredentialsSource>& source);

  [[nodiscard]] const config::Connection& settings() const noexcept { return *settings_; }
  [[nodiscard]] const driver::Driver& driver() const noexcept { return driver_; }
  [[nodiscard]] const std::shared_ptr<sql::Table>& statements() const noexcept { return statements_; }

  [[nodiscard]] Endpoint& operator[](uint32_t i) noexcept { return *all_[i]; }
  [[nodiscard]] const Endpoint& operator[](uint32_t i) const noexcept { return *all_[i]; }
  [[nodiscard]] uint32_t size() const noexcept { return static_cast<uint32_t>(all_.size()); }
  // Takes a turn of the policy, unless it is only to be known. Empty: nobody may serve it, see nobody_serves().
  [[nodiscard]] routing::Order order(const routing::Wish& wish, bool takes_turn = true);
  [[nodiscard]] Failure nobody_serves(const routing::Wish& wish) const;
  [[nodiscard]] Lookout& lookout() noexcept { return *lookout_; }
  [[nodiscard]] const Lookout& lookout() const noexcept { return *lookout_; }
  // Of others that it takes the place of: who takes the writes there and what else is known, if they are the same
  // servers.
  void know_what(const Endpoints& before);
  // Null where it is coming to its end.
  [[nodiscard]] std::shared_ptr<Endpoints> self() noexcept { return weak_from_this().lock(); }
  // How far it is behind the one that takes the writes, at most; nothing: not known.
  [[nodiscard]] std::optional<Nanos> lag_of(uint32_t endpoint) const noexcept;
  void open() noexcept;  // keeps `min` sessions ready
  // Whether look_at_credentials() is of use, now and then; see Endpoint.
  [[nodiscard]] bool has_changing_credentials() const noexcept;
  void look_at_credentials() noexcept;
  void close() noexcept;
  void drain() noexcept;
  void break_off_dials(Instant since_before) noexcept;
  [[nodiscard]] bool drained() const noexcept;
  [[nodiscard]] uint32_t leased() const noexcept;  // sessions
  [[nodiscard]] uint64_t uses() const noexcept;    // how often a session was lent, but to look at its server
  [[nodiscard]] bool in_use() const noexcept;      // sessions are lent, or waited for

 private:
  const Settings settings_;
  driver::Driver& driver_;
  const std::shared_ptr<sql::Table> statements_;
  [[nodiscard]] routing::Set readers(const routing::Wish& wish, uint32_t writer) const noexcept;
  using Judgement = bool (Lookout::*)(uint32_t, const driver::Position&) const noexcept;
  [[nodiscard]] routing::Set those_that(Judgement judges, const driver::Position& position,
                                        routing::Set set) const noexcept;
  [[nodiscard]] uint32_t first_of(routing::Set readers, bool takes_turn);

  std::vector<std::unique_ptr<Endpoint>> all_;  // 0: that which is configured as the primary
  std::unique_ptr<Lookout> lookout_;
  std::atomic<uint64_t> turn_{0};
};

}  // namespace tl::connection
