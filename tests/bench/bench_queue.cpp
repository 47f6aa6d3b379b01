#include "bench_queue.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "bench_clients.hpp"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* point = "SELECT id, name FROM bench_points WHERE id = $1";
constexpr size_t callers = 64;
constexpr size_t connections = 10;  // the default of pool.max

int64_t id_of(uint64_t i) { return static_cast<int64_t>(i * 7919 % points); }

struct OnQueue : Ours {
  OnQueue() : Ours("pg") { check(tl_queue_new(registry, 0, &queue, nullptr) == TL_OK, "no queue"); }
  ~OnQueue() { tl_queue_release(queue); }

  void submit(uint64_t i) const {
    tl_call call{};
    call.struct_size = sizeof call;
    call.queue = queue;
    call.user_data = i;
    tl_value id{};
    id.type = TL_INT64;
    id.v.i64 = id_of(i);
    check(tl_query(conn, point, std::strlen(point), &id, 1, nullptr, 0, &call, nullptr, nullptr) == TL_OK, "refused");
  }
  // Answers how many there were, each told to `done(user_data)` when it has been read.
  template <class Done>
  void take(const Done& done) const {
    tl_completion completions[callers];
    size_t n = 0;
    check(tl_queue_wait(queue, completions, callers, -1, &n) == TL_OK, "no completion");
    for (size_t i = 0; i < n; ++i) {
      check(completions[i].status == TL_OK, "failed");
      read_point(static_cast<tl_result*>(completions[i].value), id_of(completions[i].user_data));
      done(completions[i].user_data);
    }
  }

  tl_queue* queue = nullptr;
};

void one_on_queue(double seconds) {
  const OnQueue on;
  tell(measure(seconds, [&](int64_t i) {
    bool done = false;
    on.submit(static_cast<uint64_t>(i));
    while (!done) on.take([&](uint64_t) { done = true; });
  }));
}

void one_blocking(double seconds) {
  const Ours ours("pg");
  tell(measure(seconds, [&](int64_t i) {
    tl_value id{};
    id.type = TL_INT64;
    id.v.i64 = id_of(static_cast<uint64_t>(i));
    read_point(ours.query(point, std::strlen(point), &id, 1), id.v.i64);
  }));
}

// How long each query took, in nanoseconds, and all of them.
struct Run {
  std::vector<double> latencies;
  double spent = 0;
};

double since(Clock::time_point began) { return std::chrono::duration<double, std::nano>(Clock::now() - began).count(); }

Run many_on_queue(const OnQueue& on, double seconds) {
  Run run;
  std::vector<Clock::time_point> began;
  const auto start = Clock::now();
  const auto submit = [&] {
    began.push_back(Clock::now());
    on.submit(began.size() - 1);
  };
  for (size_t i = 0; i < callers; ++i) submit();
  while (run.latencies.size() < began.size()) {
    const bool more = since(start) < seconds * 1e9;
    on.take([&](uint64_t i) {
      run.latencies.push_back(since(began[i]));
      if (more) submit();
    });
  }
  run.spent = since(start);
  return run;
}

// Raw connections, the last that was given back first.
class Connections {
 public:
  Connections() {
    const Oid int4 = 23;
    for (size_t i = 0; i < connections; ++i) {
      PGconn* conn = connect_pg();
      PQclear(PQprepare(conn, "point", point, 1, &int4));
      free_.push_back(conn);
    }
  }
  ~Connections() {
    for (PGconn* conn : free_) PQfinish(conn);
  }
  PGconn* take() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return !free_.empty(); });
    PGconn* conn = free_.back();
    free_.pop_back();
    return conn;
  }
  void give_back(PGconn* conn) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(conn);
    }
    came_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<PGconn*> free_;
};

void query_raw(PGconn* conn, int64_t wanted) {
  const auto id = static_cast<uint32_t>(wanted);
  const uint32_t sent = __builtin_bswap32(id);
  const char* values[] = {reinterpret_cast<const char*>(&sent)};
  const int lengths[] = {4};
  const int formats[] = {1};
  PGresult* result = PQexecPrepared(conn, "point", 1, values, lengths, formats, 1);
  uint32_t got = 0;
  check(PQntuples(result) == 1, "no row");
  std::memcpy(&got, PQgetvalue(result, 0, 0), sizeof got);
  check(__builtin_bswap32(got) == id, "another row");
  use(PQgetvalue(result, 0, 1));
  PQclear(result);
}

Run many_on_threads(Connections& pool, double seconds) {
  std::vector<Run> runs(callers);
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  for (size_t t = 0; t < callers; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = t; since(start) < seconds * 1e9; i += callers) {
        const auto began = Clock::now();
        PGconn* conn = pool.take();
        query_raw(conn, id_of(i));
        pool.give_back(conn);
        runs[t].latencies.push_back(since(began));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Run all;
  all.spent = since(start);
  for (const Run& run : runs) all.latencies.insert(all.latencies.end(), run.latencies.begin(), run.latencies.end());
  return all;
}

double mean_of(const Run& run) { return run.spent / static_cast<double>(run.latencies.size()); }

double p99_of(Run run) {
  const auto at = run.latencies.begin() + static_cast<int64_t>(run.latencies.size() * 99 / 100);
  std::nth_element(run.latencies.begin(), at, run.latencies.end());
  return *at;
}

template <double (*figure)(Run)>
void tell_ours(double seconds) {
  const OnQueue on;
  (void)many_on_queue(on, seconds / 5);
  tell(figure(many_on_queue(on, seconds)));
}

template <double (*figure)(Run)>
void tell_theirs(double seconds) {
  Connections pool;
  (void)many_on_threads(pool, seconds / 5);
  tell(figure(many_on_threads(pool, seconds)));
}

double mean(Run run) { return mean_of(run); }

constexpr QueueCase cases[] = {
    {"pg_queue_1", one_on_queue, one_blocking},
    {"pg_64over10", tell_ours<mean>, tell_theirs<mean>},
    {"pg_64over10_p99", tell_ours<p99_of>, tell_theirs<p99_of>},
};

}  // namespace

const QueueCase* find_queue_case(const std::string& name) {
  for (const QueueCase& one : cases) {
    if (name == one.name) return &one;
  }
  return nullptr;
}

}  // namespace bench
