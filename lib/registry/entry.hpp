// One name of the registry: its settings, and its connection from its first use on. A name that nobody uses costs
// little more than its settings.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "connection.hpp"
#include "node.hpp"

namespace tl::registry {

// How a name has come to settings that are not those of the file.
struct Written {
  std::shared_ptr<const config::Base> base;  // what it stands upon: the file, as it was then
  std::string toml;                          // the text that was added, "" : see `own`
  std::unique_ptr<const config::Node> own;   // what a patch has made of its settings
  std::vector<std::string> warnings;
  bool in_file = false;  // the file has a connection of this name
  // Of one that was found on demand: its idle_close, and after how long without use it is forgotten; absent: never.
  std::optional<Nanos> unused_for = {};
};

// What a name is at one moment; settings that were replaced are never the same pointer again.
struct Version {
  connection::Settings settings;
  std::shared_ptr<const Written> written;  // null: as the file says
};

class Entry {
 public:
  Entry(Version version, std::shared_ptr<observe::Hub> hub, std::shared_ptr<pool::SessionLimit> limit,
        std::shared_ptr<connection::CredentialsSource> source, uint64_t number, bool was_asked_for = false);
  ~Entry();
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] Version version() const;
  [[nodiscard]] connection::Settings settings() const { return version().settings; }
  [[nodiscard]] uint64_t number() const noexcept { return number_; }  // by order of registration
  // The application has told it when it was asked, and would again: not where it has come into the file since.
  [[nodiscard]] bool was_asked_for() const { return answered() != nullptr; }
  // Of such a one: as its answer said.
  [[nodiscard]] std::optional<Nanos> unused_for() const;
  [[nodiscard]] connection::State state() const;

  // Made by whoever comes first; keeps the entry. Null: the name was released before anybody used it.
  [[nodiscard]] static std::shared_ptr<connection::Connection> connection(std::shared_ptr<Entry> entry) {
    connection::Connection* made = entry->made();
    if (made == nullptr) made = make(entry);
    return made == nullptr ? nullptr : std::shared_ptr<connection::Connection>(std::move(entry), made);
  }
  // The endpoints of an open connection, else null.
  [[nodiscard]] std::shared_ptr<connection::Endpoints> peek() const;
  void close();
  // Closes it for good: its handles answer `closed` from now on, or look for it again where it is only forgotten.
  void release(bool is_forgotten = false);
  // As of Connection.
  [[nodiscard]] Result<void> await_home(Deadline until, const runtime::Ticket* ticket) const;
  [[nodiscard]] Result<void> may_change() const;
  [[nodiscard]] Result<void> patch(Version version, connection::Tried tried);
  [[nodiscard]] Result<void> trim();

 private:
  [[nodiscard]] std::shared_ptr<const Written> answered() const;  // null: see was_asked_for()
  // Null: not yet.
  [[nodiscard]] connection::Connection* made() const noexcept { return made_.load(std::memory_order_acquire); }
  [[nodiscard]] static connection::Connection* make(const std::shared_ptr<Entry>& entry);

  // What a lookup needs stands first, next to the count of those who hold this: in one line of the cache.
  std::atomic<connection::Connection*> made_{nullptr};
  const std::string name_;
  const std::shared_ptr<observe::Hub> hub_;
  const std::shared_ptr<pool::SessionLimit> limit_;
  const std::shared_ptr<connection::CredentialsSource> source_;
  const uint64_t number_;
  const bool was_asked_for_;
  mutable ForkMutex mutex_;
  Version version_;
  std::unique_ptr<connection::Connection> connection_;
  bool closed_ = false;  // of a name whose connection is not made yet
  bool released_ = false;
};

// Of the primary, then of the replicas; each keeps all of it.
using EndpointSettings = std::shared_ptr<const config::Endpoint>;
[[nodiscard]] std::vector<EndpointSettings> endpoint_settings(const connection::Settings& settings);

using Entries = std::vector<std::shared_ptr<Entry>>;

}  // namespace tl::registry
