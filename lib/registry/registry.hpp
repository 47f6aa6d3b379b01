// The named connections of one configuration, and those that are added to it. Everything here: [any thread].
#pragma once
#include <optional>

#include "handle.hpp"
#include "names.hpp"

namespace tl::registry {

class Registry final : private ForkParticipant {
 public:
  explicit Registry(config::Config config);
  ~Registry() override;

  // name empty: the default. Errors: not_found, with the nearest name.
  [[nodiscard]] Result<std::shared_ptr<connection::Connection>> find(std::string_view name) const;
  [[nodiscard]] Result<std::shared_ptr<Entry>> entry(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  // By order of registration.
  [[nodiscard]] Entries entries() const { return names_.all(); }
  [[nodiscard]] const config::Config& config() const noexcept { return config_; }
  [[nodiscard]] const std::string& default_name() const noexcept { return default_name_; }
  [[nodiscard]] runtime::Tickets& tickets() noexcept { return tickets_; }
  // Where what happens to its connections can be listened to.
  [[nodiscard]] observe::Hub& hub() const noexcept { return *hub_; }
  // Over the sessions of all names.
  [[nodiscard]] const pool::SessionLimit& limit() const noexcept { return *limit_; }

  // Registers a connection as if the text stood under [connections.NAME] of the file. False: there is one with the same
  // settings already. Errors: configuration, also where there is one with others.
  [[nodiscard]] Result<bool> add(std::string_view name, std::string_view toml);
  // What add() has made of the text of such an entry, once more.
  [[nodiscard]] Result<config::Added> parsed(std::string_view name, std::string_view toml) const;
  // Closes the connection for good and forgets its name, then waits as close() does. False: there is no such name.
  [[nodiscard]] Result<bool> remove(std::string_view name, std::optional<Deadline> until,
                                    const runtime::Ticket* ticket = nullptr);

  [[nodiscard]] Result<void> connect(std::string_view name, const connection::CallOptions& options) const;
  // All of them, one after the other. Goes on after a failure, and answers the first one.
  [[nodiscard]] Result<void> connect_all(const connection::CallOptions& options) const;
  // name null: all of them, together. `until` not given: each connection's destroy_timeout from now. `ticket` may be
  // null. Errors: not_found; busy; cancelled: only the waiting is.
  [[nodiscard]] Result<void> close(const std::string_view* name, std::optional<Deadline> until,
                                   const runtime::Ticket* ticket = nullptr) const;

 private:
  void before_fork() noexcept override;
  void after_fork() noexcept override;
  void begin_in_child() noexcept override;

  [[nodiscard]] std::string_view wanted(std::string_view name) const noexcept {
    return name.empty() ? std::string_view(default_name_) : name;
  }
  [[nodiscard]] Failure not_found(std::string_view name) const;

  const config::Config config_;
  const std::string default_name_;
  const std::shared_ptr<observe::Hub> hub_ = std::make_shared<observe::Hub>();  // endpoints may outlive the registry
  const std::shared_ptr<pool::SessionLimit> limit_;
  Names names_;
  std::atomic<uint64_t> last_number_{0};
  runtime::Tickets tickets_;
};

}  // namespace tl::registry
