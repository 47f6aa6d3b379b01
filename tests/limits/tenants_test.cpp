// The story of many tenants: a hundred thousand names in one process, a thousand of them in use at once, and few
// sessions. A tenth of that in ./dev test.
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <random>

#include "limits.hpp"

namespace limits {
namespace {

bool in_soak() noexcept { return std::getenv("TRUNKLINE_SOAK") != nullptr; }

constexpr int max_open = 40;
constexpr int blocking_threads = 16;
constexpr int homes = 8;        // databases or schemas, which tenants share
constexpr int visit = 10;       // queries of one tenant, one after the other
constexpr size_t at_once = 32;  // calls of the queue
constexpr double bytes_bound = 1536;

size_t registered() noexcept { return in_soak() ? 100'000 : 10'000; }
size_t active() noexcept { return in_soak() ? 1'000 : 100; }
constexpr int visits = 10;  // of each active tenant: 100 queries

std::string name_of(size_t tenant) { return "tenant_" + std::to_string(tenant); }

// Tenants of a server, in no order.
std::vector<size_t> some_of(size_t server, size_t n) {
  std::vector<size_t> all;
  for (size_t tenant = server; tenant < registered(); tenant += servers().size()) all.push_back(tenant);
  std::shuffle(all.begin(), all.end(), std::mt19937(42));
  all.resize(n);
  return all;
}

// Its own time zone says of a session at MariaDB whose it is, its own schema at PostgreSQL.
bool is_postgresql(size_t tenant) noexcept { return tenant % 2 == 0; }
size_t home_of(size_t tenant) noexcept { return tenant / 2 % homes; }

std::string settings_of(size_t tenant) {
  const std::string home = std::to_string(home_of(tenant));
  return is_postgresql(tenant) ? servers()[0].lines + "schema = \"home_" + home + "\"\n"
                               : servers()[1].lines + "timezone = \"+0" + home + ":00\"\n";
}

std::string_view question(size_t tenant) noexcept {
  return is_postgresql(tenant) ? "SELECT number + ? FROM home"
                               : "SELECT CAST(HOUR(TIMEDIFF(NOW(), UTC_TIMESTAMP())) + ? AS SIGNED)";
}

void build_homes() {
  const auto registry = trunkline::registry::parse("[connections.builder]\n" + servers()[0].lines);
  const auto db = registry.on("builder");
  for (int i = 0; i < homes; ++i) {
    const std::string home = "home_" + std::to_string(i);
    (void)db.query("CREATE SCHEMA IF NOT EXISTS " + home);
    (void)db.query("CREATE TABLE IF NOT EXISTS " + home + ".home AS SELECT CAST(" + std::to_string(i) +
                   " AS int8) AS number");
  }
}

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

struct Tally {
  std::atomic<int64_t> right{0}, wrong{0}, failed{0};
  std::mutex mutex;
  std::string first_failure;

  void note(size_t tenant, int64_t asked, int64_t answer) {
    ++(answer == asked + static_cast<int64_t>(home_of(tenant)) ? right : wrong);
  }
  void note(const trunkline::error& error) {
    ++failed;
    const std::lock_guard lock(mutex);
    if (first_failure.empty()) first_failure = error.what();
  }
};

// Which tenant comes when: each so many times, mixed.
std::vector<size_t> arrivals(const std::vector<size_t>& tenants, uint32_t seed) {
  std::vector<size_t> all;
  for (int i = 0; i < visits; ++i) all.insert(all.end(), tenants.begin(), tenants.end());
  std::shuffle(all.begin(), all.end(), std::mt19937(seed));
  return all;
}

void serve_on_threads(const trunkline::registry& registry, const std::vector<size_t>& tenants, Tally& tally) {
  const std::vector<size_t> line = arrivals(tenants, 1);
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < blocking_threads; ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < line.size(); i = next++) {
        const size_t tenant = line[i];
        try {
          const auto db = registry.on(name_of(tenant));
          for (int64_t n = 0; n < visit; ++n) tally.note(tenant, n, db.query(question(tenant), n).value<int64_t>());
        } catch (const trunkline::error& error) {
          tally.note(error);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void serve_on_a_queue(const trunkline::registry& registry, const std::vector<size_t>& tenants, Tally& tally) {
  struct Call {
    size_t tenant;
    int64_t asked;
    trunkline::pending<trunkline::result> answer;
  };
  const auto queue = registry.queue();
  std::deque<Call> under_way;
  const auto take = [&] {
    Call call = std::move(under_way.front());
    under_way.pop_front();
    try {
      tally.note(call.tenant, call.asked, call.answer.get().value<int64_t>());
    } catch (const trunkline::error& error) {
      tally.note(error);
    }
  };
  for (const size_t tenant : arrivals(tenants, 2)) {
    const auto db = registry.on(queue, name_of(tenant));
    for (int64_t n = 0; n < visit; ++n) {
      if (under_way.size() == at_once) take();
      under_way.push_back({tenant, n, db.query(question(tenant), n)});
    }
  }
  while (!under_way.empty()) take();
}

int64_t opened_in_all(const trunkline::registry& registry) {
  int64_t sum = 0;
  trunkline::result pools = registry.inspect("pools");
  const size_t at = pools.index("opened");
  while (const auto batch = pools.next()) {
    for (int64_t row = 0; row < batch->rows(); ++row) sum += batch->get<int64_t>(row, at);
  }
  return sum;
}

}  // namespace

TEST_CASE("many tenants, few sessions: each is served by his own, and no server ever has one too many") {
  build_homes();
  const auto registry = registry_with(max_open, "");

  const size_t before = mallinfo2().uordblks;
  size_t text = 0;
  Clock::time_point began = Clock::now();
  for (size_t tenant = 0; tenant < registered(); ++tenant) {
    const std::string settings = settings_of(tenant);
    REQUIRE(registry.add(name_of(tenant), settings));
    text += settings.size();
  }
  const double adding = seconds_since(began);
  const double bytes = static_cast<double>(mallinfo2().uordblks - before - text) / static_cast<double>(registered());

  // First all who are active are at one server, then at the other: so it can be seen from there that there are never
  // too many. Those of the first have theirs taken for those of the second.
  for (size_t at = 0; at < servers().size(); ++at) {
    const Census census(servers()[at]);
    const int64_t strangers = census.now();
    std::vector<size_t> chosen = some_of(at, active() / servers().size());
    const std::vector<size_t> queued(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(chosen.size() / 2));
    chosen.erase(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(queued.size()));
    Tally tally;
    began = Clock::now();
    std::thread other([&] { serve_on_a_queue(registry, queued, tally); });
    serve_on_threads(registry, chosen, tally);
    other.join();
    const double serving = seconds_since(began);

    CAPTURE(servers()[at].name);
    CHECK_MESSAGE(tally.failed == 0, tally.first_failure);
    CHECK(tally.wrong == 0);
    CHECK(tally.right == static_cast<int64_t>(queued.size() + chosen.size()) * visits * visit);
    CHECK(census.most() - strangers <= max_open);
    CHECK(census.samples() > 5);
    MESSAGE(servers()[at].name << ": " << queued.size() + chosen.size() << " tenants' " << tally.right.load()
                               << " queries in " << serving << " s, " << opened_in_all(registry)
                               << " sessions opened so far; never more than " << census.most() - strangers << " of "
                               << max_open << " there, seen " << census.samples() << " times");
  }
  MESSAGE(registered() << " names in " << adding << " s, " << bytes << " bytes each beyond their text");
  CHECK(bytes <= bytes_bound);
}

}  // namespace limits
