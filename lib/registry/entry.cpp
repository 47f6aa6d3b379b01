#include "entry.hpp"

namespace tl::registry {

using connection::Connection;
using connection::State;

Entry::Entry(config::Connection settings, std::shared_ptr<observe::Hub> hub, std::shared_ptr<pool::SessionLimit> limit,
             uint64_t number, std::unique_ptr<Text> text)
    : name_(settings.name),
      settings_(std::move(settings)),
      hub_(std::move(hub)),
      limit_(std::move(limit)),
      number_(number),
      text_(std::move(text)) {}

State Entry::state() const {
  const std::lock_guard lock(mutex_);
  if (const Connection* const connection = made()) return connection->state();
  return closed_ ? State::closed : State::registered;
}

Connection* Entry::make() {
  const std::lock_guard lock(mutex_);
  if (connection_ == nullptr && !released_) {
    connection_ = std::make_unique<Connection>(settings_, hub_, limit_, closed_ ? State::closed : State::registered);
    made_.store(connection_.get(), std::memory_order_release);
  }
  return connection_.get();
}

std::shared_ptr<connection::Endpoints> Entry::peek() const {
  const Connection* const connection = made();
  return connection == nullptr ? nullptr : connection->peek();
}

void Entry::close() {
  Connection* connection = nullptr;
  {
    const std::lock_guard lock(mutex_);
    connection = made();
    if (connection == nullptr && std::exchange(closed_, true)) return;
  }
  if (connection != nullptr) return connection->close();
  observe::tell_state(*hub_, name(), connection::state_name(State::closed));
}

void Entry::release() {
  {
    const std::lock_guard lock(mutex_);
    released_ = true;
  }
  if (Connection* const connection = made()) connection->release();
  observe::tell_state(*hub_, name(), "released");
}

Result<void> Entry::await_home(Deadline until, const runtime::Ticket* ticket) const {
  Connection* const connection = made();
  return connection == nullptr ? Result<void>() : connection->await_home(until, ticket);
}

}  // namespace tl::registry
