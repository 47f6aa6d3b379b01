// Many threads on many pools that share few sessions: never more than there may be, nobody is forgotten in the line,
// and pools come and go meanwhile.
#include <random>

#include "counted_session.hpp"
#include "dialling_thread.hpp"

namespace tl::pool {
namespace {

constexpr uint32_t max_open = 4;
constexpr size_t pools = 7;
constexpr int threads = 8;
constexpr int cycles = 1'500;

// The sessions that there are on all servers, and the most that there ever were.
class Servers {
 public:
  std::unique_ptr<driver::Session> open() {
    if (++dials % 40 == 0) return nullptr;
    auto session = std::make_unique<CountedSession>(alive);
    const int now = alive.load();
    int before = most.load();
    while (before < now && !most.compare_exchange_weak(before, now)) {
    }
    return session;
  }

  std::atomic<int> alive{0};
  std::atomic<int> most{0};
  std::atomic<uint64_t> dials{0};
};

config::Pool nervous() {
  config::Pool settings;
  settings.max = settings.max_idle = 3;
  settings.max_lifetime = 50ms;
  settings.idle_timeout = 5ms;
  settings.reap_interval = 1ms;
  settings.create_retry_interval = 1ms;
  return settings;
}

struct Site {
  Site(std::string name, Servers& servers, const config::Pool& settings, std::shared_ptr<SessionLimit> limit)
      : supply([&servers] { return servers.open(); }),
        source(std::make_shared<observe::Hub>(), {.connection = std::move(name)}),
        pool(source, settings, supply, steady_clock(), 1, Share{std::move(limit)}) {}
  ~Site() {
    pool.close();
    supply.stop();
  }

  DiallingThread supply;
  observe::Source source;
  Pool pool;
};

struct Outcomes {
  std::atomic<uint64_t> served{0}, timed_out{0}, refused{0}, starved{0};
};

void use_once(Pool& pool, std::minstd_rand& random, Outcomes& outcomes) {
  const bool hurried = random() % 10 == 0;
  const Nanos patience = hurried ? Nanos(random() % 500'000) : Nanos(30s);
  Result<Lease> lease = pool.acquire({.tag = "stress"}, Deadline::after(steady_clock().now(), patience));
  if (!lease) {
    const bool late =
        lease.error().status == Status::acquire_timeout || lease.error().status == Status::connect_timeout;
    ++(late ? (hurried ? outcomes.timed_out : outcomes.starved) : outcomes.refused);
    return;
  }
  ++outcomes.served;
  auto& session = static_cast<CountedSession&>(lease->session());
  CHECK(session.holders.fetch_add(1) == 0);
  for (uint32_t i = random() % 4; i > 0; --i) std::this_thread::yield();
  session.holders.fetch_sub(1);
  if (random() % 100 == 0) lease->give_back(Fate::destroy);
}

}  // namespace

TEST_CASE("under load there are never more sessions than there may be, and everybody gets one in the end") {
  Servers servers;
  Outcomes outcomes;
  const auto limit = std::make_shared<SessionLimit>(max_open);
  {
    std::vector<std::unique_ptr<Site>> sites;
    for (size_t i = 0; i < pools; ++i) {
      config::Pool settings = nervous();
      settings.min = i % 3 == 0 ? 1 : 0;
      sites.push_back(std::make_unique<Site>("site " + std::to_string(i), servers, settings, limit));
      sites.back()->pool.open();
    }
    std::vector<std::thread> all;
    for (uint32_t i = 0; i < threads; ++i) {
      all.emplace_back([&, i] {
        std::minstd_rand random(i + 1);
        for (int cycle = 0; cycle < cycles; ++cycle) {
          use_once(sites[random() % pools]->pool, random, outcomes);
          if (random() % 200 == 0) (void)limit->holders();
          if (random() % 300 != 0) continue;
          Site passing("passing " + std::to_string(i), servers, nervous(), limit);
          for (int visit = 0; visit < 3; ++visit) use_once(passing.pool, random, outcomes);
        }
      });
    }
    for (std::thread& thread : all) thread.join();
    CHECK(outcomes.starved == 0);
    CHECK(limit->figures().open <= max_open);
    CHECK(limit->figures().waiting == 0);
  }
  CHECK(servers.most <= static_cast<int>(max_open));
  CHECK(servers.alive == 0);
  CHECK(limit->figures().open == 0);
  CHECK_FALSE(limit->is_short());
  CHECK(limit->holders().empty());
  MESSAGE("served " << outcomes.served.load() << ", timed out " << outcomes.timed_out.load() << ", refused "
                    << outcomes.refused.load() << " in " << servers.dials.load() << " dials, at most "
                    << servers.most.load() << " sessions");
}

}  // namespace tl::pool
