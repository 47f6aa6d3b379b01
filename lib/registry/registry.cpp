#include "registry.hpp"

#include <algorithm>
#include <numeric>

#include "log.hpp"

namespace tl::registry {
namespace {

using connection::Connection;

constexpr size_t most_suggested = 1000;  // names, beyond which none is looked for

// Levenshtein's distance, for "did you mean".
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

std::string_view nearest(std::string_view name, const Entries& entries) {
  std::string_view best;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const auto& entry : entries) {
    const size_t d = distance(name, entry->name());
    if (d < least) {
      least = d;
      best = entry->name();
    }
  }
  return best;
}

// How the text of an added connection is called in errors and settings.
std::string source_of(std::string_view name) { return "add(\"" + std::string(name) + "\")"; }

Failure other_settings(std::string_view name, const std::vector<std::string>& keys) {
  std::string message = source_of(name) + ": there is such a connection already, with other settings:";
  for (const std::string& key : keys) message.append(&key == &keys.front() ? " " : ", ").append(key);
  Failure failure = fail(Status::configuration, observe::one_line(std::move(message)), Phase::configure);
  failure->connection = name;
  for (const std::string& key : keys) failure->details.emplace_back("key", key);
  return failure;
}

// Until all that was in use of closed ones has come home; the first failure.
Result<void> await_home(const Entries& closed, std::optional<Deadline> until, const runtime::Ticket* ticket) {
  const Instant now = steady_clock().now();
  Result<void> first;
  for (const auto& entry : closed) {
    const Deadline limit = until.value_or(Deadline::after(now, entry->settings().primary.pool.destroy_timeout));
    if (Result<void> home = entry->await_home(limit, ticket); !home && first) first = std::move(home);
  }
  return first;
}

}  // namespace

// As in a file that does not say: a connection of this name.
Registry::Registry(config::Config config)
    : config_(std::move(config)),
      default_name_(config_.default_name.empty() ? "default" : config_.default_name),
      limit_(std::make_shared<pool::SessionLimit>(config_.max_open.value_or(pool::SessionLimit::none))) {
  for (const std::string& warning : config_.warnings) observe::log(observe::Level::warning, warning);
  for (const config::Connection& settings : config_.connections) {
    (void)names_.insert(std::make_shared<Entry>(settings, hub_, limit_, ++last_number_, nullptr));
  }
  join_forks();
}

Registry::~Registry() { leave_forks(); }

void Registry::before_fork() noexcept {
  names_.before_fork();
  tickets_.before_fork();
  hub_->before_fork();
}

void Registry::after_fork() noexcept {
  hub_->after_fork();
  tickets_.after_fork();
  names_.after_fork();
}

void Registry::begin_in_child() noexcept {
  tickets_.begin_in_child();
  hub_->begin_in_child();
  limit_->begin_in_child();
}

Result<std::shared_ptr<Connection>> Registry::find(std::string_view name) const {
  auto connection = names_.connection(wanted(name));
  if (connection == nullptr) return not_found(name);
  return connection;
}

Result<std::shared_ptr<Entry>> Registry::entry(std::string_view name) const {
  auto found = names_.find(wanted(name));
  if (found == nullptr) return not_found(name);
  return found;
}

Failure Registry::not_found(std::string_view name) const {
  if (name.empty() && config_.default_name.empty()) {
    return fail(Status::not_found, config_.source + " has no connection");
  }
  const std::string looked_for(wanted(name));
  Failure failure =
      fail(Status::not_found, observe::one_line(config_.source + " has no connection \"" + looked_for + '"'));
  if (names_.size() > most_suggested) return failure;
  const Entries entries = names_.all();
  const std::string_view near = nearest(looked_for, entries);
  if (!near.empty()) {
    failure->message += "; did you mean \"" + std::string(near) + "\"?";
    failure->details.emplace_back("suggestion", near);
  }
  return failure;
}

bool Registry::has(std::string_view name) const { return names_.has(name); }

Result<config::Added> Registry::parsed(std::string_view name, std::string_view toml) const {
  auto added = config::parse_connection(*config_.base, name, toml, source_of(name));
  if (!added) {
    Failure failure = added.take_error();
    failure->connection = name;
    return failure;
  }
  return added;
}

Result<bool> Registry::add(std::string_view name, std::string_view toml) {
  auto added = parsed(name, toml);
  if (!added) return added.take_error();
  auto text = std::make_unique<Entry::Text>(Entry::Text{std::string(toml), std::move(added->warnings)});
  const auto entry =
      std::make_shared<Entry>(std::move(added->connection), hub_, limit_, ++last_number_, std::move(text));
  if (const auto present = names_.insert(entry)) {
    const std::vector<std::string> keys = config::differences(present->settings(), entry->settings());
    if (!keys.empty()) return other_settings(name, keys);
    return false;
  }
  for (const std::string& warning : entry->text()->warnings) observe::log(observe::Level::warning, warning);
  observe::tell_state(*hub_, entry->name(), connection::state_name(connection::State::registered));
  return true;
}

Result<bool> Registry::remove(std::string_view name, std::optional<Deadline> until, const runtime::Ticket* ticket) {
  const auto entry = names_.erase(name);
  if (entry == nullptr) return false;
  entry->release();
  if (Result<void> home = await_home({entry}, until, ticket); !home) return home.take_error();
  return true;
}

Result<void> Registry::connect(std::string_view name, const connection::CallOptions& options) const {
  auto connection = find(name);
  if (!connection) return connection.take_error();
  return (*connection)->connect(options);
}

Result<void> Registry::connect_all(const connection::CallOptions& options) const {
  Result<void> first;
  for (const auto& entry : names_.all()) {
    const auto connection = Entry::connection(entry);
    if (connection == nullptr) continue;
    Result<void> done = connection->connect(options);
    const bool released = !done && done.error().status == Status::closed && names_.find(entry->name()) != entry;
    if (!done && first && !released) first = std::move(done);
  }
  return first;
}

Result<void> Registry::close(const std::string_view* name, std::optional<Deadline> until,
                             const runtime::Ticket* ticket) const {
  Entries chosen;
  if (name == nullptr) {
    chosen = names_.all();
  } else {
    auto found = entry(*name);
    if (!found) return found.take_error();
    chosen = {found.take()};
  }
  for (const auto& entry : chosen) entry->close();
  return await_home(chosen, until, ticket);
}

}  // namespace tl::registry
