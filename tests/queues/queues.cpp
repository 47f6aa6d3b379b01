#include "queues.hpp"

namespace queues {
namespace {

using faults::folder;
using faults::line;

Database make_postgresql() {
  return {.name = "postgresql",
          .lines = line("driver", "postgresql") + line("socket", variable("TL_PG_SOCKET")) +
                   "port = " + variable("TL_PG_PORT") + "\n" + line("database", variable("TL_PG_DATABASE")) +
                   line("user", variable("TL_PG_USER")),
          .sleeps = "SELECT 1 /* victim */ FROM pg_sleep({s})",
          .endless = "SELECT count(*) /* victim */ FROM generate_series(1, 1000000000000) i",
          .active =
              "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%* victim%' AND pid "
              "<> pg_backend_pid()",
          .backend = "SELECT pg_backend_pid()::int8",
          .stream = "SELECT generate_series(1, 1000000000), repeat('x', 100)"};
}

Database make_mariadb() {
  return {
      .name = "mariadb",
      .lines = line("driver", "mariadb") + line("host", "127.0.0.1") + "port = " + variable("TL_MARIADB_PORT") + "\n" +
               line("sslmode", "disable") + line("database", variable("TL_MARIADB_DATABASE")) +
               line("user", variable("TL_MARIADB_PASSWORD_USER")) + line("password", variable("TL_MARIADB_PASSWORD")),
      .sleeps = "SELECT SLEEP({s}) /* victim */",
      .endless = "SELECT COUNT(*) /* victim */ FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq <> b.seq + 0",
      .active =
          "SELECT COUNT(*) FROM information_schema.processlist WHERE command <> 'Sleep' AND info LIKE '%* "
          "victim%' AND id <> CONNECTION_ID()",
      .backend = "SELECT CONNECTION_ID()",
      .stream = "SELECT seq, REPEAT('x', 100) FROM seq_1_to_1000000000"};
}

Database make_sqlite() {
  const std::string numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n";
  return {.name = "sqlite",
          .lines = line("driver", "sqlite") + line("database", folder() + "/db.sqlite"),
          .sleeps = numbers + " WHERE i < 5000000 * {s}) SELECT count(*) FROM n",
          .endless = numbers + ") SELECT count(*) FROM n",
          .active = "",
          .backend = "",
          .stream = numbers + ") SELECT i, printf('%100d', i) FROM n"};
}

tl_registry* parsed(const std::string& toml) {
  tl_registry* made = nullptr;
  tl_error* error = nullptr;
  if (tl_registry_parse(toml.data(), toml.size(), nullptr, nullptr, &made, &error) != TL_OK) {
    const std::string message = tl_error_message(error);
    tl_error_release(error);
    FAIL(message);
  }
  return made;
}

tl_conn* conn_of(tl_registry* registry) {
  tl_conn* made = nullptr;
  REQUIRE(tl_conn_get(registry, "db", 2, TL_DUAL, &made, nullptr) == TL_OK);
  return made;
}

}  // namespace

bool in_soak() noexcept { return std::getenv("TRUNKLINE_SOAK") != nullptr; }

Millis bound(Millis promised) noexcept { return in_soak() ? promised : 10 * promised; }

const Database& postgresql() {
  static const Database made = make_postgresql();
  return made;
}

const std::vector<Database>& databases() {
  static const std::vector<Database> all = [] {
    std::vector<Database> found;
    if (tl_has_feature("driver.postgresql") == 1) found.push_back(postgresql());
    if (tl_has_feature("driver.mariadb") == 1) found.push_back(make_mariadb());
    if (tl_has_feature("driver.sqlite") == 1) found.push_back(make_sqlite());
    return found;
  }();
  return all;
}

std::string with_seconds(std::string text, double seconds) {
  return text.replace(text.find("{s}"), 3, std::to_string(seconds));
}

Desk::Desk(const Database& database, const std::string& pool)
    : registry_(parsed("[connections.db]\nretry.attempts = 1\n" + database.lines + "[connections.db.pool]\n" + pool)),
      raw_(conn_of(registry_.get())),
      db(conn_of(registry_.get())) {}

int64_t Desk::figure(const std::string& name) const {
  tl_result* out = nullptr;
  REQUIRE(tl_inspect(registry(), "pools", nullptr, 0, nullptr, &out, nullptr) == TL_OK);
  trunkline::result pools(out);
  return pools.next()->get<int64_t>(0, pools.index(name));
}

tl_op Desk::new_op() const {
  const tl_op op = tl_op_new(registry());
  REQUIRE(op != 0);
  return op;
}

std::string Done::told() const { return tl_status_name(status()) + std::string(": ") + message(); }

void* Done::take(uint32_t kind) {
  REQUIRE_MESSAGE(status() == TL_OK, told());
  REQUIRE(completion_.kind == kind);
  return std::exchange(completion_.value, nullptr);
}

Loop::Loop(const Desk& desk, uint32_t flags) {
  tl_queue* made = nullptr;
  REQUIRE(tl_queue_new(desk.registry(), flags, &made, nullptr) == TL_OK);
  queue_.reset(made);
}

tl_call Loop::call(const How& how) const noexcept {
  tl_call asked{};
  asked.struct_size = sizeof asked;
  asked.flags = how.flags;
  asked.timeout_ms = how.timeout.count();
  asked.queue = queue_.get();
  asked.user_data = how.user;
  asked.op = how.op;
  asked.batch_rows = how.batch_rows;
  return asked;
}

void Loop::next(tl_result* result, const How& how) const {
  const tl_call asked = call(how);
  submitted(tl_result_next(result, &asked, nullptr, nullptr));
}

void Loop::submitted(tl_status status) { REQUIRE(tl_status_name(status) == std::string("ok")); }

std::vector<Done> Loop::take(Millis patience, size_t max) const {
  std::vector<tl_completion> got(max);
  size_t n = 0;
  REQUIRE(tl_queue_wait(queue_.get(), got.data(), max, patience.count(), &n) == TL_OK);
  std::vector<Done> all;
  all.reserve(n);
  for (size_t i = 0; i < n; ++i) all.emplace_back(got[i]);
  return all;
}

Done Loop::next_done() const {
  std::vector<Done> one = take(30s, 1);
  REQUIRE(one.size() == 1);
  return std::move(one.front());
}

}  // namespace queues
