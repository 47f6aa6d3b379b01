#include "limits.hpp"

#include <algorithm>
#include <set>

#include "asking.hpp"

namespace tl::registry {
namespace {

using connection::CallOptions;

constexpr uint64_t answer_bytes = 1 << 16;

// A query of one row, the Limits; "": nobody is there to be asked.
std::string_view question(config::DriverKind kind) noexcept {
  switch (kind) {
    case config::DriverKind::postgresql:
    case config::DriverKind::redshift:
      return "SELECT current_setting('max_connections')::bigint"
             " - current_setting('superuser_reserved_connections')::bigint"
             " - coalesce(current_setting('reserved_connections', true), '0')::bigint,"  // since 16
             " CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END::bigint,"
             " CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END::bigint"
             " FROM pg_catalog.pg_roles r, pg_catalog.pg_database d"
             " WHERE r.rolname = session_user AND d.datname = current_database()";
    case config::DriverKind::mysql:
    case config::DriverKind::mariadb:
      return "SELECT CAST(@@max_connections AS SIGNED), CAST(@@max_user_connections AS SIGNED), CAST(0 AS SIGNED)";
    default: return "";
  }
}

Result<Limits> read(const connection::BatchHandle& batch) {
  const auto is_number = [](const columnar::Field& field) { return field.type == columnar::Type::int64; };
  if (batch == nullptr || batch->rows() != 1 || batch->schema().size() != 3 ||
      !std::all_of(batch->schema().begin(), batch->schema().end(), is_number)) {
    return fail(Status::data, "the server answered something else", Phase::decode);
  }
  const auto number = [&](size_t i) { return reinterpret_cast<const int64_t*>(batch->columns()[i].data.data())[0]; };
  return Limits{number(0), number(1), number(2)};
}

Result<Limits> ask(const PlannedPool& pool, const CallOptions& options) {
  const auto connection = Entry::connection(pool.entry);
  if (connection == nullptr) return fail(Status::closed, "it was released meanwhile", Phase::acquire);
  auto found = connection->endpoints();
  if (!found) return found.take_error();
  const std::shared_ptr<connection::Endpoints> endpoints = found.take();
  if (pool.index >= endpoints->size()) {
    return fail(Status::closed, "its settings were changed meanwhile", Phase::acquire);
  }
  if (options.deadline.passed(steady_clock().now())) {
    return fail(Status::acquire_timeout, "the time for asking was up", Phase::acquire);
  }
  auto statement = endpoints->statements()->find(question(pool.address().driver), false);
  if (!statement) return statement.take_error();
  connection::QueryResult answer;
  connection::Leased& leased = answer.stream().own();
  leased.prepare(endpoints, {std::make_shared<const std::string>("budget"), *statement});
  if (Result<void> done = connection::lease(leased, pool.index, options); !done) return done.take_error();
  if (Result<void> done = answer.read_whole({*statement, {}, options.batch}, options, answer_bytes); !done) {
    return done.take_error();
  }
  auto batch = answer.next(options);
  return batch ? read(*batch) : batch.take_error();
}

std::string login_of(const PlannedPool& pool) {
  return pool.server + '\n' + pool.address().user + '\n' + pool.address().database;
}

}  // namespace

std::vector<PlannedPool> planned_pools(const Entries& entries) {
  std::vector<PlannedPool> pools;
  for (const auto& entry : entries) {
    uint32_t index = 0;
    for (const EndpointSettings& settings : endpoint_settings(entry->settings())) {
      if (question(settings->address.driver).empty()) break;
      pools.push_back({entry, index++, settings, settings->address.server()});
    }
  }
  return pools;
}

Result<std::vector<LimitsAnswer>> ask_limits(std::vector<PlannedPool> pools, const CallOptions& options) {
  // Those that are closed come last: others may know.
  std::stable_partition(pools.begin(), pools.end(),
                        [](const PlannedPool& pool) { return pool.entry->state() != connection::State::closed; });
  std::vector<LimitsAnswer> answers;
  std::set<std::string> logins;
  for (const PlannedPool& pool : pools) {
    if (logins.insert(login_of(pool)).second) answers.push_back({pool, Limits()});
  }
  Result<void> done = ask_servers(answers.size(), options, "for their limits", [&](size_t i, const CallOptions& own) {
    answers[i].limits = ask(answers[i].by, own);
  });
  if (!done) return done.take_error();
  return answers;
}

}  // namespace tl::registry
