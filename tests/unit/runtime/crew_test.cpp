// Threads for work that may block: how many, whose, and what becomes of those that never come back.
#include "crew.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "events.hpp"
#include "no_threads.hpp"

namespace tl::runtime {
namespace {

// Crews live as long as the process, as the library's own do: their threads look at them to the end.
Crew& a_crew(const Crew::Limits& limits, const char* name = "tl-test") {
  static auto* crews = new std::deque<Crew>();
  return crews->emplace_back(name, limits);
}

// One that makes no difference between groups.
Crew& a_crew(size_t threads, size_t lost = 4) {
  return a_crew({.threads = threads, .share = threads, .most = threads, .lost = lost});
}

// The process's threads of that name.
size_t threads_named(const std::string& name) {
  size_t found = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");  // empty where the thread has just ended
    std::string line;
    if (std::getline(file, line) && line == name) ++found;
  }
  return found;
}

Deadline in(Nanos budget) { return Deadline::after(steady_clock().now(), budget); }

// Notes its beginning, and runs until it is let go. One with a deadline outlives it unless told otherwise.
class Gated final : public Job {
 public:
  Gated(Events& events, std::string name, uint64_t group = 0, Deadline deadline = Deadline::never())
      : Job(group, deadline), heeds_interrupt(deadline.is_never()), events_(events), name_(std::move(name)) {}

  void run() noexcept override {
    events_.add(name_);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }
  void interrupt() noexcept override {
    ++interrupts;
    if (heeds_interrupt) let_go();
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  bool heeds_interrupt;
  std::atomic<int> interrupts{0};

 private:
  Events& events_;
  const std::string name_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

using Gate = std::shared_ptr<Gated>;

Gate submitted(Crew& crew, Gate job) {
  crew.submit(job);
  return job;
}

// Runs what it is given.
class Doing final : public Job {
 public:
  explicit Doing(std::function<void()> what) : Job(0, Deadline::never()), what_(std::move(what)) {}
  void run() noexcept override { what_(); }

 private:
  std::function<void()> what_;
};

}  // namespace

TEST_CASE("jobs run in order, one at a time on one thread") {
  static Events events;
  Crew& crew = a_crew(1);
  for (int i = 0; i < 20; ++i) crew.submit(std::make_shared<Doing>([i] { events.add(std::to_string(i)); }));
  REQUIRE(events.reach(20));
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) expected.push_back(std::to_string(i));
  CHECK(events.all() == expected);
  crew.stop(1s);
}

TEST_CASE("at most its threads are at work; the next begins when one ends") {
  static Events events;
  Crew& crew = a_crew(3);
  std::vector<Gate> jobs;
  for (int i = 0; i < 5; ++i) jobs.push_back(submitted(crew, std::make_shared<Gated>(events, std::to_string(i))));
  REQUIRE(events.reach(3));
  // Everyone at work is held: a fourth could begin only on a thread too many.
  jobs[1]->let_go();
  REQUIRE(events.reach(4));
  CHECK(events.size() == 4);
  auto begun = events.all();
  std::sort(begun.begin(), begun.begin() + 3);
  CHECK(begun == std::vector<std::string>{"0", "1", "2", "3"});
  for (const Gate& job : jobs) job->let_go();
  REQUIRE(events.reach(5));
  CHECK(crew.lost() == 0);
  crew.stop(1s);
}

TEST_CASE("one group takes no more than its share; others pass it by, and its own follow when one ends") {
  static Events events;
  Crew& crew = a_crew({.threads = 4, .share = 2, .most = 4, .lost = 4});
  std::vector<Gate> slow;
  for (int i = 0; i < 3; ++i) slow.push_back(submitted(crew, std::make_shared<Gated>(events, "slow", 1)));
  const Gate other = submitted(crew, std::make_shared<Gated>(events, "other", 2));
  const Gate none = submitted(crew, std::make_shared<Gated>(events, "none"));
  REQUIRE(events.reach(4));
  auto begun = events.all();
  std::sort(begun.begin(), begun.end());
  CHECK(begun == std::vector<std::string>{"none", "other", "slow", "slow"});
  // A job of another group ends, and its thread is free: still nothing for the group at its limit.
  other->let_go();
  const Gate another = submitted(crew, std::make_shared<Gated>(events, "another", 3));
  REQUIRE(events.reach(5));
  CHECK(events.all().back() == "another");

  slow[0]->let_go();
  slow[1]->let_go();
  REQUIRE(events.reach(6));
  CHECK(events.all().back() == "slow");
  for (const Gate& job : {slow[2], none, another}) job->let_go();
  crew.stop(1s);
}

TEST_CASE("groups that hold every thread keep no other from beginning: it has one more thread, up to a bound") {
  static Events events;
  Crew& crew = a_crew({.threads = 2, .share = 2, .most = 4, .lost = 0});
  std::vector<Gate> stuck;
  for (int i = 0; i < 3; ++i) stuck.push_back(submitted(crew, std::make_shared<Gated>(events, "stuck", 1)));
  REQUIRE(events.reach(2));
  std::vector<Gate> others;
  for (const uint64_t group : {2, 2, 3, 4}) {
    others.push_back(submitted(crew, std::make_shared<Gated>(events, std::to_string(group), group)));
  }
  REQUIRE(events.reach(4));
  auto begun = events.all();
  std::sort(begun.begin(), begun.end());
  CHECK(begun == std::vector<std::string>{"2", "3", "stuck", "stuck"});
  // Where one ends the next begins: of a group that waits for its first, not of those that have a thread.
  others[2]->let_go();
  REQUIRE(events.reach(5));
  CHECK(events.all().back() == "4");
  for (const auto& jobs : {stuck, others}) {
    for (const Gate& job : jobs) job->let_go();
  }
  REQUIRE(events.reach(7));
  crew.stop(1s);
}

TEST_CASE("threads beyond the usual ones end when they are of no more use") {
  static Events events;
  Crew& crew = a_crew({.threads = 1, .share = 1, .most = 8, .lost = 0}, "tl-few");
  std::vector<Gate> jobs;
  for (uint64_t group = 1; group <= 8; ++group) {
    jobs.push_back(submitted(crew, std::make_shared<Gated>(events, "job", group)));
  }
  REQUIRE(events.reach(8));
  CHECK(threads_named("tl-few") == 8);
  for (const Gate& job : jobs) job->let_go();
  while (threads_named("tl-few") > 1) std::this_thread::yield();
  submitted(crew, std::make_shared<Gated>(events, "last"))->let_go();
  CHECK(events.reach(9));
  crew.stop(1s);
}

TEST_CASE("a job is interrupted once, when its deadline passes, and one that heeds it costs no thread") {
  static Events events;
  Crew& crew = a_crew(2);
  const auto late = std::make_shared<Gated>(events, "late", 0, in(50ms));
  const auto later = std::make_shared<Gated>(events, "later", 0, in(100ms));
  const auto in_time = std::make_shared<Gated>(events, "in time", 0, in(10min));
  const Instant began = steady_clock().now();
  for (const Gate& job : {late, later, in_time}) {
    job->heeds_interrupt = true;
    crew.submit(job);
  }
  REQUIRE(events.reach(3));  // the third has had to wait for a thread
  CHECK(steady_clock().now() - began >= 50ms);
  while (later->interrupts == 0) std::this_thread::yield();
  CHECK(steady_clock().now() - began >= 100ms);
  CHECK(late->interrupts == 1);
  CHECK(in_time->interrupts == 0);
  CHECK(crew.lost() == 0);
  in_time->let_go();
  crew.stop(1s);
}

TEST_CASE("a thread that outlives its job's deadline is lost and replaced, though nobody submits more") {
  static Events events;
  Crew& crew = a_crew(1);
  const Gate stuck = submitted(crew, std::make_shared<Gated>(events, "stuck", 0, in(0s)));
  REQUIRE(events.reach(1));
  const Gate next = submitted(crew, std::make_shared<Gated>(events, "next"));
  REQUIRE(events.reach(2));
  CHECK(events.all() == std::vector<std::string>{"stuck", "next"});
  CHECK(crew.lost() == 1);

  // It comes back after all: no longer counted, and no thread too many.
  stuck->let_go();
  while (crew.lost() != 0) std::this_thread::yield();
  const Gate third = submitted(crew, std::make_shared<Gated>(events, "third"));
  next->let_go();
  REQUIRE(events.reach(3));
  third->let_go();
  crew.stop(1s);
}

TEST_CASE("lost threads give their group its share back") {
  static Events events;
  Crew& crew = a_crew({.threads = 2, .share = 1, .most = 2, .lost = 4});
  const Gate stuck = submitted(crew, std::make_shared<Gated>(events, "stuck", 1, in(0s)));
  const Gate next = submitted(crew, std::make_shared<Gated>(events, "next", 1));
  REQUIRE(events.reach(2));
  CHECK(crew.lost() == 1);
  stuck->let_go();
  next->let_go();
  crew.stop(1s);
}

TEST_CASE("no more threads are lost than may be") {
  static Events events;
  Crew& crew = a_crew(2, 1);
  std::vector<Gate> stuck;
  for (int i = 0; i < 2; ++i) stuck.push_back(submitted(crew, std::make_shared<Gated>(events, "stuck", 0, in(0s))));
  REQUIRE(events.reach(2));
  // One may be replaced, and its replacement gets stuck as well; then the rest must wait.
  stuck.push_back(submitted(crew, std::make_shared<Gated>(events, "third", 0, in(-1s))));
  REQUIRE(events.reach(3));
  CHECK(crew.lost() == 1);
  const Gate waits = submitted(crew, std::make_shared<Gated>(events, "fourth"));
  CHECK(events.size() == 3);
  CHECK(crew.lost() == 1);
  for (const Gate& job : stuck) job->let_go();
  REQUIRE(events.reach(4));
  waits->let_go();
  crew.stop(1s);
}

TEST_CASE("stop interrupts those at work and those that wait, and waits for them") {
  static Events events;
  Crew& crew = a_crew(1);
  const Gate working = submitted(crew, std::make_shared<Gated>(events, "working"));
  const Gate waiting = submitted(crew, std::make_shared<Gated>(events, "waiting"));
  REQUIRE(events.reach(1));
  const Instant began = steady_clock().now();
  crew.stop(10s);
  CHECK(steady_clock().now() - began < 5s);
  CHECK(working->interrupts == 1);
  CHECK(waiting->interrupts == 1);
  CHECK(events.size() == 2);

  auto late = std::make_shared<Gated>(events, "late");
  const std::weak_ptr<Job> watch = late;
  crew.submit(std::move(late));
  CHECK(watch.expired());
}

TEST_CASE("stop waits no longer than its patience for a job that does not heed") {
  static Events events;
  Crew& crew = a_crew(1);
  auto deaf = std::make_shared<Gated>(events, "deaf");
  deaf->heeds_interrupt = false;
  crew.submit(deaf);
  REQUIRE(events.reach(1));
  const Instant began = steady_clock().now();
  crew.stop(50ms);
  const Nanos took = steady_clock().now() - began;
  CHECK(took >= 50ms);
  CHECK(took < 5s);
  CHECK(deaf->interrupts == 1);
  deaf->let_go();
}

TEST_CASE("a job's end may submit the next, also from a lost thread") {
  static Events events;
  static Crew& crew = a_crew(1);
  struct Chained final : Job {
    Chained() : Job(0, Deadline::never()) {}
    ~Chained() override {
      crew.submit(std::make_shared<Doing>([] { events.add("next"); }));
    }
    void run() noexcept override { events.add("first"); }
  };
  crew.submit(std::make_shared<Chained>());
  REQUIRE(events.reach(2));
  CHECK(events.all() == std::vector<std::string>{"first", "next"});

  struct Slow final : Job {
    Slow() : Job(0, in(0s)) {}
    ~Slow() override {
      crew.submit(std::make_shared<Doing>([] { events.add("after all"); }));
    }
    void run() noexcept override {
      events.add("slow");
      while (crew.lost() == 0) std::this_thread::yield();
    }
  };
  crew.submit(std::make_shared<Slow>());
  REQUIRE(events.reach(3));
  crew.submit(std::make_shared<Doing>([] { events.add("meanwhile"); }));
  REQUIRE(events.reach(5));
  CHECK(crew.lost() <= 1);
  crew.stop(1s);
}

TEST_CASE("the crew's threads are named and deaf to signals") {
  static Events events;
  Crew& crew = a_crew(1);
  crew.submit(std::make_shared<Doing>([] {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    events.add(name);
    events.add(sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGTERM) == 1 ? "deaf" : "listens");
  }));
  REQUIRE(events.reach(2));
  CHECK(events.all() == std::vector<std::string>{"tl-test", "deaf"});
  crew.stop(1s);
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  CHECK(sigismember(&mine, SIGINT) == 0);
}

TEST_CASE("a job for which no thread can be started is let go, not kept waiting for ever") {
  static Events events;
  Crew& crew = a_crew(1);
  std::weak_ptr<Job> watch;
  {
    const NoThreads none;
    auto job = std::make_shared<Gated>(events, "never");
    watch = job;
    crew.submit(std::move(job));
  }
  CHECK(watch.expired());
  CHECK(events.size() == 0);

  crew.submit(std::make_shared<Gated>(events, "later"));
  CHECK(events.reach(1));
  crew.stop(1s);
}

}  // namespace tl::runtime
