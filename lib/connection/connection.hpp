// One name of the registry: its settings, its state, its endpoints. Opened by its first query.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "call.hpp"
#include "fork.hpp"

namespace tl::connection {

// migrating: open, while sessions of settings that were replaced are still in use.
enum class State : uint8_t { registered, open, migrating, closed };
[[nodiscard]] std::string_view state_name(State state) noexcept;

// Endpoints that are not a connection's yet; closed where they do not become so.
class Tried {
 public:
  Tried() = default;
  explicit Tried(std::shared_ptr<Endpoints> endpoints) noexcept : endpoints_(std::move(endpoints)) {}
  Tried(Tried&&) noexcept = default;
  Tried& operator=(Tried&& other) noexcept {
    std::swap(endpoints_, other.endpoints_);
    return *this;
  }
  ~Tried() {
    if (endpoints_ != nullptr) endpoints_->close();
  }
  [[nodiscard]] std::shared_ptr<Endpoints> take() noexcept { return std::exchange(endpoints_, nullptr); }

 private:
  std::shared_ptr<Endpoints> endpoints_;
};

class Connection final : public runtime::Task {
 public:
  // Its events go to the hub, its sessions are counted by the limit, and `source` is asked for credentials where the
  // settings say so. `state`: registered, or closed.
  Connection(Settings settings, std::shared_ptr<observe::Hub> hub, std::shared_ptr<pool::SessionLimit> limit,
             std::shared_ptr<CredentialsSource> source, State state = State::registered);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // What keeps it alive; before anybody uses it.
  void be_kept_by(std::weak_ptr<Connection> self) noexcept { self_ = std::move(self); }

  [[nodiscard]] Settings settings() const;
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::optional<Nanos> call_timeout() const noexcept;
  [[nodiscard]] State state() const;

  // Opens the connection if it was only registered. Errors: closed; unavailable where this build has no such driver.
  [[nodiscard]] Result<std::shared_ptr<Endpoints>> endpoints();
  // Runs `verb(endpoints)`, and once more on others where the connection has left these before the verb got a session.
  template <class Verb>
  [[nodiscard]] Result<void> on_endpoints(const Verb& verb) {
    for (;;) {
      auto on = endpoints();
      if (!on) return on.take_error();
      Result<void> done = verb(*on);
      if (done || !was_left(**on, done.error())) return done;
    }
  }
  // Those of an open connection, else null.
  [[nodiscard]] std::shared_ptr<Endpoints> peek() const;
  // Opens, also a closed one, and has a session of each endpoint.
  [[nodiscard]] Result<void> connect(const CallOptions& options);

  // Endpoints for other settings, each of which has given a session. Errors: those of connecting.
  [[nodiscard]] Result<Tried> try_out(const Settings& settings, const CallOptions& options);
  // Whether patch() may be called: an open database in memory would be lost. Errors: configuration.
  [[nodiscard]] Result<void> may_change() const;
  // Other settings from now on. What runs ends on its session, and who waits is served by sessions of the old settings
  // while there are some. `tried`: the endpoints for them; where there are none they are made if the connection is
  // open. Errors: that of may_change(); unavailable where this build has no such driver. Then nothing is changed.
  [[nodiscard]] Result<void> patch(Settings settings, Tried tried);
  // Lets go of its sessions, each as soon as nobody uses it; the next call opens others. Errors: that of may_change().
  [[nodiscard]] Result<void> trim();

  // Refuses new calls, closes what is idle and breaks off what is being opened. Waits for nothing.
  void close();
  // The same for good: it can no longer be opened. `is_forgotten`: its name may be looked up again.
  void release(bool is_forgotten);
  // Of a closed one: waits until all that was in use has come home. `ticket` may be null. Errors: busy when `until`
  // came first; cancelled.
  [[nodiscard]] Result<void> await_home(Deadline until, const runtime::Ticket* ticket);

  [[nodiscard]] bool is_forgotten() const noexcept { return forgotten_.load(std::memory_order_acquire); }
  // Whether that is why a verb has failed, which then has done nothing.
  [[nodiscard]] bool was_forgotten(const Error& error) const noexcept {
    return error.status == Status::closed && error.phase == Phase::acquire && is_forgotten();
  }

  // Says of a failure whose it is.
  [[nodiscard]] Failure told(Failure failure) const;

  // For the housekeeper: ends a migration, and closes what nobody uses.
  Instant run() noexcept override;

 private:
  using Lock = std::unique_lock<ForkMutex>;

  // In a forked child the connection is only registered again: its parent's sessions are left alone.
  [[nodiscard]] Lock lock() const;

  [[nodiscard]] Result<std::shared_ptr<Endpoints>> make(const Settings& settings,
                                                        const std::shared_ptr<Endpoints>& before) const;
  [[nodiscard]] Result<std::shared_ptr<Endpoints>> open(Lock locked);
  [[nodiscard]] Failure closed_locked() const;
  [[nodiscard]] Result<void> may_change_locked() const;
  void leave_locked();
  [[nodiscard]] std::vector<std::shared_ptr<Endpoints>> leaving();
  [[nodiscard]] bool was_left(const Endpoints& on, const Error& error) const;
  [[nodiscard]] bool idled_out_locked(Instant now) noexcept;
  void take_locked(Settings settings) noexcept;
  void watch() noexcept;  // has run() called from now on, if there is anything for it to do

  const std::string name_;
  const std::shared_ptr<observe::Hub> hub_;
  const std::shared_ptr<pool::SessionLimit> limit_;
  const std::shared_ptr<CredentialsSource> source_;
  std::weak_ptr<Connection> self_;
  std::atomic<Nanos> call_timeout_;  // negative: none
  mutable ForkMutex mutex_;
  mutable MadeHere used_here_;
  Settings settings_;
  mutable State state_;  // never `migrating`
  bool released_ = false;
  std::atomic<bool> forgotten_{false};
  mutable bool migrating_ = false;  // and has been told so
  mutable std::shared_ptr<Endpoints> endpoints_;
  mutable std::vector<std::shared_ptr<Endpoints>> leaving_;  // that were still in use when looked at last
  uint64_t uses_ = 0;                                        // of the endpoints, when looked at last
  Instant quiet_since_;                                      // the same then as before
};

}  // namespace tl::connection
