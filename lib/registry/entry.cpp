#include "entry.hpp"

namespace tl::registry {

using connection::Connection;
using connection::State;

Entry::Entry(Version version, std::shared_ptr<observe::Hub> hub, std::shared_ptr<pool::SessionLimit> limit,
             std::shared_ptr<connection::CredentialsSource> source, uint64_t number, bool was_asked_for)
    : name_(version.settings->name),
      hub_(std::move(hub)),
      limit_(std::move(limit)),
      source_(std::move(source)),
      number_(number),
      was_asked_for_(was_asked_for),
      version_(std::move(version)) {}

Version Entry::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::shared_ptr<const Written> Entry::answered() const {
  if (!was_asked_for_) return nullptr;
  auto written = version().written;
  return written == nullptr || written->in_file ? nullptr : written;
}

std::optional<Nanos> Entry::unused_for() const {
  const auto written = answered();
  return written == nullptr ? std::nullopt : written->unused_for;
}

State Entry::state() const {
  const std::lock_guard lock(mutex_);
  if (const Connection* const connection = made()) return connection->state();
  return closed_ ? State::closed : State::registered;
}

// One that a parent's thread was making at the fork may be half made.
Entry::~Entry() {
  if (made() == nullptr) abandon(connection_);
}

Connection* Entry::make(const std::shared_ptr<Entry>& entry) {
  Entry& self = *entry;
  const std::lock_guard lock(self.mutex_);
  if (self.made() == nullptr && !self.released_) {
    abandon(self.connection_);
    const State state = self.closed_ ? State::closed : State::registered;
    self.connection_ =
        std::make_unique<Connection>(self.version_.settings, self.hub_, self.limit_, self.source_, state);
    self.connection_->be_kept_by(std::shared_ptr<Connection>(entry, self.connection_.get()));
    self.made_.store(self.connection_.get(), std::memory_order_release);
  }
  return self.made();
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

void Entry::release(bool is_forgotten) {
  {
    const std::lock_guard lock(mutex_);
    released_ = true;
  }
  if (Connection* const connection = made()) connection->release(is_forgotten);
  observe::tell_state(*hub_, name(), "released");
}

Result<void> Entry::await_home(Deadline until, const runtime::Ticket* ticket) const {
  Connection* const connection = made();
  return connection == nullptr ? Result<void>() : connection->await_home(until, ticket);
}

Result<void> Entry::may_change() const {
  const Connection* const connection = made();
  return connection == nullptr ? Result<void>() : connection->may_change();
}

// Under the lock all the while: nobody makes the connection with the settings from before.
Result<void> Entry::patch(Version version, connection::Tried tried) {
  const std::lock_guard lock(mutex_);
  if (made() != nullptr && version.settings != version_.settings) {
    if (Result<void> done = connection_->patch(version.settings, std::move(tried)); !done) return done;
  }
  version_ = std::move(version);
  return {};
}

std::vector<EndpointSettings> endpoint_settings(const connection::Settings& settings) {
  std::vector<EndpointSettings> all{EndpointSettings(settings, &settings->primary)};
  for (const config::Endpoint& replica : settings->replicas) all.emplace_back(settings, &replica);
  return all;
}

Result<void> Entry::trim() {
  Connection* const connection = made();
  return connection == nullptr ? Result<void>() : connection->trim();
}

}  // namespace tl::registry
