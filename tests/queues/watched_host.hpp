// A program with one thread and one queue, which is watched for the time that each call into the library takes.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "queues.hpp"

namespace queues {

using Nanos = std::chrono::nanoseconds;

[[nodiscard]] inline double ms(Nanos time) { return std::chrono::duration<double, std::milli>(time).count(); }

// How long calls into the library keep one thread. That is the wall's time, whether the call sleeps or computes, less
// what the thread spent in the scheduler's line: with more threads at work than processors any call may find itself
// there for milliseconds, which is no doing of the library's. The kernel counts that for each thread; where it does
// not, the wall's time counts in full. What it does not tell is that the call slept because another thread, which held
// a lock, stood in that line. So the longest of each round counts, and of these the median: the trouble is the same in
// every round, and who waits for it does so in each. What lasts as long as the trouble does is too long even once.
class Watch {
 public:
  Watch() : schedstat_(open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}
  ~Watch() { close(schedstat_); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  template <class Call>
  void operator()(const char* name, const Call& call) {
    const Clock::time_point began = Clock::now();
    const Nanos in_line = spent_in_line();
    call();
    const Nanos preempted = spent_in_line() - in_line;
    const Nanos took = Clock::now() - began - preempted;
    REQUIRE_MESSAGE(took < bound(250ms), std::string(name));
    Calls& calls = calls_[name];
    calls.longest = std::max(calls.longest, took);
    ++calls.count;
  }
  void end_round() {
    for (auto& [name, calls] : calls_) {
      if (calls.longest > Nanos(0)) calls.of_rounds.push_back(std::exchange(calls.longest, Nanos(0)));
    }
  }
  void check() {
    for (auto& [name, calls] : calls_) {
      std::vector<Nanos>& all = calls.of_rounds;
      std::sort(all.begin(), all.end());
      const Nanos median = all[(all.size() - 1) / 2];
      MESSAGE(name, ": ", ms(median), " ms, once ", ms(all.back()), " ms, ", calls.count, " calls");
      CHECK_MESSAGE(median < bound(10ms), std::string(name));
    }
  }

 private:
  struct Calls {
    Nanos longest{0};  // of this round
    std::vector<Nanos> of_rounds;
    int count = 0;
  };
  // The second of three numbers.
  [[nodiscard]] Nanos spent_in_line() const {
    char text[96];
    const ssize_t n = pread(schedstat_, text, sizeof text - 1, 0);
    if (n <= 0) return Nanos(0);
    text[n] = '\0';
    char* end = nullptr;
    (void)std::strtoull(text, &end, 10);
    return Nanos(std::strtoull(end, nullptr, 10));
  }

  const int schedstat_;
  std::map<std::string, Calls> calls_;
};

// A call that meets trouble, and what may come of it.
struct Expected {
  std::string of;
  Millis within{0};
  std::vector<tl_status> ends;
};

// One thread with a loop of its own and one queue. On it real servers are asked a query each every millisecond, always,
// beside whatever else is asked.
class Host {
 public:
  Host() {
    for (const Database& database : databases()) healthy_.push_back(std::make_unique<Desk>(database, "max = 2\n"));
    loop_.emplace(*healthy_.front());
    for (size_t i = 0; i < healthy_.size(); ++i) due_.push_back(i);
    drive([this] { return answers_ > 100; });  // their sessions are open
  }

  [[nodiscard]] const Loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] int64_t answers() const noexcept { return answers_; }
  [[nodiscard]] bool all_ended() const noexcept { return under_way_ == 0; }

  // Submits a call that meets trouble; `submit` is given its number.
  template <class Submit>
  void ask(const char* name, Expected expected, const Submit& submit) {
    const uint64_t user = first_of_trouble + troubled_.size();
    troubled_.push_back({std::move(expected), Clock::now()});
    ++under_way_;
    watch(name, [&] { submit(user); });
  }

  // What a host's loop does, until it holds.
  template <class Condition>
  void drive(const Condition& holds) {
    const Clock::time_point began = Clock::now();
    while (!holds()) {
      if (Clock::now() - began > 60s) FAIL("it never came to hold");
      ask_due();
      pollfd readable{loop_->fd(), POLLIN, 0};
      (void)poll(&readable, 1, 1);
      std::vector<Done> all;
      watch("tl_queue_wait", [&] { all = loop_->take(0ms); });
      for (Done& done : all) heed(done);
      watch("tl_completion_release", [&] { all.clear(); });
    }
  }
  // Exactly one completion each, and nothing behind them.
  void end() {
    ending_ = true;
    drive([this] { return under_way_ == 0 && healthy_under_way_ == 0; });
    CHECK(loop_->take(50ms).empty());
    watch.end_round();
    watch.check();
  }

  Watch watch;

 private:
  static constexpr uint64_t first_of_trouble = 1000;
  struct Troubled {
    Expected expected;
    Clock::time_point began;
    int completions = 0;
  };

  void ask_due() {
    if (ending_ || Clock::now() - asked_ < 1ms) return;
    asked_ = Clock::now();
    for (const uint64_t user : std::exchange(due_, {})) ask(user);
  }
  void ask(uint64_t user) {
    ++healthy_under_way_;
    tl_conn* const conn = healthy_[user]->raw();
    if (answers_ % 16 == 0) {
      watch("tl_begin", [&] { loop_->begin(conn, {.user = user}); });  // rolled back as it is released
    } else {
      watch("tl_query", [&] { loop_->query(conn, {.user = user}, "SELECT 1"); });
    }
  }
  void heed(const Done& done) {
    if (done.user() < first_of_trouble) {
      CHECK_MESSAGE(done.status() == TL_OK, done.told());
      ++answers_;
      --healthy_under_way_;
      due_.push_back(done.user());
      return;
    }
    --under_way_;
    Troubled& of = troubled_.at(done.user() - first_of_trouble);
    const Expected& expected = of.expected;
    CAPTURE(expected.of);
    CHECK(++of.completions == 1);
    CHECK_MESSAGE(std::count(expected.ends.begin(), expected.ends.end(), done.status()) == 1, done.told());
    CHECK(Clock::now() - of.began < expected.within + bound(250ms));
  }

  std::vector<std::unique_ptr<Desk>> healthy_;
  std::optional<Loop> loop_;
  std::vector<Troubled> troubled_;
  std::vector<uint64_t> due_;  // the healthy ones who have their answer
  Clock::time_point asked_;
  int64_t answers_ = 0;
  int under_way_ = 0;
  int healthy_under_way_ = 0;
  bool ending_ = false;
};

}  // namespace queues
