// A connection that is looked up by its name when it is used: it may not be known yet, and be forgotten in between.
#pragma once
#include "connection.hpp"

namespace tl::connection {

class Finder {
 public:
  virtual ~Finder() = default;
  // May wait for whoever knows. Errors: not_found, and why nobody has told.
  [[nodiscard]] virtual Result<std::shared_ptr<Connection>> find(const std::string& name,
                                                                 const CallOptions& options) = 0;
  // A verb begins on what it has found. Cheap.
  virtual void note_use() = 0;
};

class Named {
 public:
  // The finder outlives this. `known`: the connection where it is there already, else null.
  Named(std::string name, Finder& finder, std::shared_ptr<Connection> known)
      : name_(std::move(name)), finder_(finder), connection_(std::move(known)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // As found last; null: not yet, or it was forgotten since. One that was closed for good stays so.
  [[nodiscard]] std::shared_ptr<Connection> peek() const;
  // As of Connection; once more where the connection was forgotten before the verb got a session.
  template <class Verb>
  [[nodiscard]] Result<void> on_endpoints(const Verb& verb, const CallOptions& options) {
    for (;;) {
      auto found = find(options);
      if (!found) return found.take_error();
      Result<void> done = (*found)->on_endpoints(verb);
      if (done || !(*found)->was_forgotten(done.error())) return done;
    }
  }
  [[nodiscard]] Result<std::shared_ptr<Connection>> find(const CallOptions& options);
  [[nodiscard]] Finder& finder() const noexcept { return finder_; }

 private:
  const std::string name_;
  Finder& finder_;
  mutable ForkMutex mutex_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace tl::connection
