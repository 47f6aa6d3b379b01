#include "registry.hpp"

#include <algorithm>
#include <numeric>

#include "log.hpp"

namespace tl::registry {
namespace {

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

}  // namespace

Registry::Registry(config::Config config) : config_(std::move(config)) {
  for (const std::string& warning : config_.warnings) observe::log(observe::Level::warning, warning);
  for (const config::Connection& settings : config_.connections) {
    connections_.push_back(std::make_shared<connection::Connection>(settings, hub_));
    by_name_.emplace(settings.name, connections_.back());
  }
}

Result<std::shared_ptr<connection::Connection>> Registry::find(std::string_view name) const {
  const std::string_view wanted = name.empty() ? std::string_view(config_.default_name) : name;
  const auto found = by_name_.find(wanted);
  if (found != by_name_.end()) return found->second;
  if (wanted.empty()) return fail(Status::not_found, config_.source + " has no connection");
  Failure failure = fail(Status::not_found, config_.source + " has no connection \"" + std::string(wanted) + '"');
  const std::string_view near = nearest(wanted);
  if (!near.empty()) {
    failure->message += "; did you mean \"" + std::string(near) + "\"?";
    failure->details.emplace_back("suggestion", near);
  }
  return failure;
}

bool Registry::has(std::string_view name) const { return by_name_.find(name) != by_name_.end(); }

std::string_view Registry::nearest(std::string_view name) const {
  std::string_view best;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const auto& connection : connections_) {
    const size_t d = distance(name, connection->name());
    if (d < least) {
      least = d;
      best = connection->name();
    }
  }
  return best;
}

Result<void> Registry::connect(std::string_view name, const connection::CallOptions& options) const {
  auto connection = find(name);
  if (!connection) return connection.take_error();
  return (*connection)->connect(options);
}

Result<void> Registry::close(const std::string_view* name, std::optional<Deadline> until,
                             const runtime::Ticket* ticket) const {
  std::vector<std::shared_ptr<connection::Connection>> chosen = connections_;
  if (name != nullptr) {
    auto connection = find(*name);
    if (!connection) return connection.take_error();
    chosen = {connection.take()};
  }
  for (const auto& connection : chosen) connection->close();
  const Instant now = steady_clock().now();
  Result<void> first;
  for (const auto& connection : chosen) {
    const Deadline limit = until.value_or(Deadline::after(now, connection->settings().primary.pool.destroy_timeout));
    if (Result<void> home = connection->await_home(limit, ticket); !home && first) first = std::move(home);
  }
  return first;
}

}  // namespace tl::registry
