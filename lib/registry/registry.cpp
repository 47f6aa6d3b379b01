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

// Until all that was in use of closed ones has come home; the first failure.
Result<void> await_home(const Entries& closed, std::optional<Deadline> until, const runtime::Ticket* ticket) {
  const Instant now = steady_clock().now();
  Result<void> first;
  for (const auto& entry : closed) {
    const Deadline limit = until.value_or(Deadline::after(now, entry->settings()->primary.pool.destroy_timeout));
    if (Result<void> home = entry->await_home(limit, ticket); !home && first) first = std::move(home);
  }
  return first;
}

}  // namespace

std::string_view default_name(const config::Config& config) noexcept {
  return config.default_name.empty() ? std::string_view("default") : config.default_name;
}

Registry::Registry(config::Config config)
    : limit_(std::make_shared<pool::SessionLimit>(config.max_open.value_or(pool::SessionLimit::none))),
      config_(std::make_shared<const config::Config>(std::move(config))),
      questions_(std::make_shared<Questions>(hub_, config_->ask_timeout)),
      forgetter_(std::make_shared<Forgetter>()) {
  for (const std::string& warning : config_->warnings) observe::log(observe::Level::warning, warning);
  for (const config::Connection& settings : config_->connections) (void)names_.insert(make_entry(settings, nullptr));
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

std::shared_ptr<Entry> Registry::make_entry(config::Connection settings, std::shared_ptr<const Written> written,
                                            bool was_asked_for) {
  auto shared = std::make_shared<const config::Connection>(std::move(settings));
  return std::make_shared<Entry>(Version{std::move(shared), std::move(written)}, hub_, limit_, questions_,
                                 ++last_number_, was_asked_for);
}

std::shared_ptr<const config::Config> Registry::config() const {
  const std::lock_guard lock(config_mutex_);
  return config_;
}

void Registry::take_config(std::shared_ptr<const config::Config> config) {
  questions_->take_patience(config->ask_timeout);
  const std::lock_guard lock(config_mutex_);
  config_.swap(config);
}

Result<std::shared_ptr<Entry>> Registry::entry(std::string_view name) const {
  auto found = names_.find(name.empty() ? default_name(*config()) : name);
  if (found == nullptr) return not_found(name);
  return found;
}

Failure Registry::not_found(std::string_view name) const {
  const auto config = this->config();
  if (name.empty() && config->default_name.empty()) {
    return fail(Status::not_found, config->source + " has no connection");
  }
  const std::string looked_for(name.empty() ? default_name(*config) : name);
  Failure failure =
      fail(Status::not_found, observe::one_line(config->source + " has no connection \"" + looked_for + '"'));
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

Result<Entries> Registry::chosen(const std::string_view* name) const {
  if (name == nullptr) return names_.all();
  auto found = entry(*name);
  if (!found) return found.take_error();
  return Entries{found.take()};
}

Result<bool> Registry::remove(std::string_view name, std::optional<Deadline> until, const runtime::Ticket* ticket) {
  std::shared_ptr<Entry> entry;
  {
    const Changing changing(*this);
    entry = names_.erase(name);
  }
  if (entry == nullptr) return false;
  entry->release();
  if (Result<void> home = await_home({entry}, until, ticket); !home) return home.take_error();
  return true;
}

Result<void> Registry::connect(std::string_view name, const connection::CallOptions& options) {
  const std::string meant(name.empty() ? default_name(*config()) : name);
  for (;;) {
    note_use();
    auto connection = find(meant, options);
    if (!connection) return connection.take_error();
    Result<void> done = (*connection)->connect(options);
    if (done || !(*connection)->was_forgotten(done.error())) return done;
  }
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
  auto entries = chosen(name);
  if (!entries) return entries.take_error();
  for (const auto& entry : *entries) entry->close();
  return await_home(*entries, until, ticket);
}

Result<void> Registry::trim(const std::string_view* name) const {
  auto entries = chosen(name);
  if (!entries) return entries.take_error();
  for (const auto& entry : *entries) {
    Result<void> done = entry->trim();
    if (!done && name != nullptr) return done;
  }
  return {};
}

}  // namespace tl::registry
