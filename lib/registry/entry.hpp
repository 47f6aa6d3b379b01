// One name of the registry: its settings, and its connection from its first use on. A name that nobody uses costs
// little more than its settings.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "connection.hpp"

namespace tl::registry {

class Entry {
 public:
  // What was given to Registry::add(); of a name from the file there is none.
  struct Text {
    std::string toml;
    std::vector<std::string> warnings;
  };

  Entry(config::Connection settings, std::shared_ptr<observe::Hub> hub, std::shared_ptr<pool::SessionLimit> limit,
        uint64_t number, std::unique_ptr<Text> text);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const config::Connection& settings() const noexcept { return settings_; }
  [[nodiscard]] uint64_t number() const noexcept { return number_; }       // by order of registration
  [[nodiscard]] const Text* text() const noexcept { return text_.get(); }  // null: it stands in the file
  [[nodiscard]] connection::State state() const;

  // Made by whoever comes first; keeps the entry. Null: the name was released before anybody used it.
  [[nodiscard]] static std::shared_ptr<connection::Connection> connection(const std::shared_ptr<Entry>& entry) {
    connection::Connection* made = entry->made();
    if (made == nullptr) made = entry->make();
    return made == nullptr ? nullptr : std::shared_ptr<connection::Connection>(entry, made);
  }
  // The endpoints of an open connection, else null.
  [[nodiscard]] std::shared_ptr<connection::Endpoints> peek() const;
  void close();
  // Closes it for good: its handles answer `closed` from now on.
  void release();
  // As of Connection.
  [[nodiscard]] Result<void> await_home(Deadline until, const runtime::Ticket* ticket) const;

 private:
  // Null: not yet.
  [[nodiscard]] connection::Connection* made() const noexcept { return made_.load(std::memory_order_acquire); }
  [[nodiscard]] connection::Connection* make();

  // What a lookup needs stands first, next to the count of those who hold this: in one line of the cache.
  std::atomic<connection::Connection*> made_{nullptr};
  const std::string name_;
  const config::Connection settings_;
  const std::shared_ptr<observe::Hub> hub_;
  const std::shared_ptr<pool::SessionLimit> limit_;
  const uint64_t number_;
  const std::unique_ptr<const Text> text_;
  mutable ForkMutex mutex_;
  std::unique_ptr<connection::Connection> connection_;
  bool closed_ = false;  // of a name whose connection is not made yet
  bool released_ = false;
};

using Entries = std::vector<std::shared_ptr<Entry>>;

}  // namespace tl::registry
