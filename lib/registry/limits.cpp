#include "limits.hpp"

#include <algorithm>
#include <set>

namespace tl::registry {
namespace {

using connection::CallOptions;

constexpr Nanos patience = std::chrono::seconds(3);  // with one server
constexpr uint64_t answer_bytes = 1 << 16;

struct Pooled {
  std::shared_ptr<Entry> entry;
  uint32_t index;  // of its endpoints
  const config::Endpoint* settings;

  [[nodiscard]] const config::Address& address() const noexcept { return settings->address; }
  [[nodiscard]] std::string login() const {
    return address().server() + '\n' + address().user + '\n' + address().database;
  }
};

// How many sessions the server allows in all, the user who asks, and the database; 0 or less: there is no such limit.
struct Limits {
  int64_t server = 0, user = 0, database = 0;
};

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

std::vector<Pooled> pools_of(const Entries& entries) {
  std::vector<Pooled> pools;
  for (const auto& entry : entries) {
    const config::Connection& settings = entry->settings();
    if (question(settings.driver).empty()) continue;
    pools.push_back({entry, 0, &settings.primary});
    uint32_t index = 0;
    for (const config::Endpoint& replica : settings.replicas) pools.push_back({entry, ++index, &replica});
  }
  return pools;
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

Result<Limits> ask(const Pooled& pool, const CallOptions& options) {
  const auto connection = Entry::connection(pool.entry);
  if (connection == nullptr) return fail(Status::closed, "it was released meanwhile", Phase::acquire);
  auto endpoints = connection->endpoints();
  if (!endpoints) return endpoints.take_error();
  if (options.deadline.passed(steady_clock().now())) {
    return fail(Status::acquire_timeout, "the time for asking was up", Phase::acquire);
  }
  auto statement = connection->statements().find(question(pool.address().driver), false);
  if (!statement) return statement.take_error();
  connection::QueryResult answer;
  connection::Leased& leased = answer.stream().own();
  leased.prepare(endpoints.take(), {std::make_shared<const std::string>("check"), *statement});
  if (Result<void> done = connection::lease(leased, pool.index, options); !done) return done.take_error();
  if (Result<void> done = answer.read_whole({*statement, {}, options.batch}, options, answer_bytes); !done) {
    return done.take_error();
  }
  auto batch = answer.next(options);
  return batch ? read(*batch) : batch.take_error();
}

class LimitCheck {
 public:
  LimitCheck(Table& table, std::vector<Pooled> all) : table_(table), all_(std::move(all)) {}

  void compare(const Pooled& with, const Limits& limits) {
    const config::Address& of = with.address();
    const auto anyone = [](const config::Address&) { return true; };
    const auto same_user = [&](const config::Address& address) { return address.user == of.user; };
    const auto same_database = [&](const config::Address& address) { return address.database == of.database; };
    compare(with, limits.server, "the server allows ", anyone);
    compare(with, limits.user, "the server allows " + (of.user.empty() ? "this user " : "user \"" + of.user + "\" "),
            same_user);
    compare(with, limits.database, "the server allows database \"" + of.database + "\" ", same_database);
  }
  void add(const Pooled& pool, const std::string& weakness) {
    table_.add({pool.entry->name(), pool.address().label(), weakness});
  }

 private:
  // With those pools of the same server that `counts` names.
  template <class Counts>
  void compare(const Pooled& with, int64_t limit, const std::string& allows, const Counts& counts) {
    const std::string server = with.address().server();
    if (limit <= 0 || !compared_.insert(server + '\n' + allows).second) return;
    int64_t sum = 0;
    std::vector<std::string> names;
    for (const Pooled& pool : all_) {
      if (pool.address().server() != server || !counts(pool.address())) continue;
      sum += int64_t{pool.settings->pool.max} + pool.settings->pool.max_overflow;
      if (names.empty() || names.back() != pool.entry->name()) names.push_back(pool.entry->name());
    }
    if (sum > limit) add(with, told(names, sum) + allows + std::to_string(limit));
  }
  static std::string told(const std::vector<std::string>& names, int64_t sum) {
    std::string text = "the pools of ";
    for (const std::string& name : names) text += (&name == &names.front() ? "\"" : ", \"") + name + '"';
    return text + " may open " + std::to_string(sum) + " sessions there (max + max_overflow), and ";
  }

  Table& table_;
  const std::vector<Pooled> all_;
  std::set<std::string> compared_;
};

}  // namespace

Result<void> check_limits(Table& table, const Registry& registry, const Entries& chosen, const CallOptions& options) {
  LimitCheck check(table, pools_of(registry.entries()));
  std::vector<Pooled> pools = pools_of(chosen);
  // Those that are closed come last: others may know.
  std::stable_partition(pools.begin(), pools.end(),
                        [](const Pooled& pool) { return pool.entry->state() != connection::State::closed; });
  std::set<std::string> logins;
  std::map<std::string, Deadline> deadlines;  // of servers, from when each is asked first
  for (const Pooled& pool : pools) {
    if (!logins.insert(pool.login()).second) continue;
    const Deadline until = Deadline::after(steady_clock().now(), patience);
    CallOptions asking = options;
    asking.deadline = earlier(options.deadline, deadlines.emplace(pool.address().server(), until).first->second);
    const Result<Limits> limits = ask(pool, asking);
    if (limits) {
      check.compare(pool, *limits);
    } else if (options.ticket != nullptr && options.ticket->cancelled()) {
      return fail(Status::cancelled, "the call was cancelled while servers were asked for their limits");
    } else {
      const bool closed = limits.error().status == Status::closed;
      check.add(pool, (closed ? "was not asked for its limit: " : "could not be asked for its limit: ") +
                          limits.error().message);
    }
  }
  return {};
}

}  // namespace tl::registry
