// The named connections of one configuration.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "handle.hpp"

namespace tl::registry {

class Registry {
 public:
  explicit Registry(config::Config config);

  // name empty: the default. Errors: not_found, with the nearest name.
  [[nodiscard]] Result<std::shared_ptr<connection::Connection>> find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] const std::vector<std::shared_ptr<connection::Connection>>& connections() const noexcept {
    return connections_;
  }
  [[nodiscard]] const config::Config& config() const noexcept { return config_; }
  [[nodiscard]] runtime::Tickets& tickets() noexcept { return tickets_; }
  // Where what happens to its connections can be listened to.
  [[nodiscard]] observe::Hub& hub() const noexcept { return *hub_; }

  [[nodiscard]] Result<void> connect(std::string_view name, const connection::CallOptions& options) const;
  // name null: all of them, together. `until` not given: each connection's destroy_timeout from now. `ticket` may be
  // null. Errors: not_found; busy; cancelled: only the waiting is.
  [[nodiscard]] Result<void> close(const std::string_view* name, std::optional<Deadline> until,
                                   const runtime::Ticket* ticket = nullptr) const;

 private:
  [[nodiscard]] std::string_view nearest(std::string_view name) const;

  const config::Config config_;
  const std::shared_ptr<observe::Hub> hub_ = std::make_shared<observe::Hub>();  // endpoints may outlive the registry
  std::vector<std::shared_ptr<connection::Connection>> connections_;            // by source position
  std::map<std::string, std::shared_ptr<connection::Connection>, std::less<>> by_name_;
  runtime::Tickets tickets_;
};

}  // namespace tl::registry
