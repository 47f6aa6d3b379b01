#include "fork.hpp"

#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace tl {
namespace {

// Whether `holds()` is true in a child.
template <class Predicate>
bool in_child(const Predicate& holds) {
  const pid_t child = ::fork();
  if (child == 0) _exit(holds() ? 0 : 1);
  int status = 1;
  return waitpid(child, &status, 0) == child && status == 0;
}

struct Watcher final : ForkParticipant {
  Watcher() { join_forks(); }
  ~Watcher() override { leave_forks(); }
  void before_fork() noexcept override { ++locked; }
  void after_fork() noexcept override { --locked; }
  void begin_in_child() noexcept override { begun = true; }
  int locked = 0;
  bool begun = false;
};

}  // namespace

TEST_CASE("a mutex lets one thread in at a time") {
  ForkMutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20'000; ++n) {
        const std::lock_guard lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& each : threads) each.join();
  CHECK(count == 80'000);
  CHECK(mutex.take());
  mutex.unlock();
}

TEST_CASE("in a child a mutex is free, and tells that somebody held it who is gone") {
  const Watcher watcher;  // so that forks are noticed
  ForkMutex held, unheld;
  const std::lock_guard lock(held);
  CHECK(in_child([&] {
    const bool told = !held.take() && unheld.take();
    held.unlock();
    unheld.unlock();
    return told && held.take() && unheld.take();
  }));
}

TEST_CASE("a participant is locked at a fork, and begins anew in the child alone") {
  const Watcher watcher;
  const MadeHere made_here;
  CHECK(in_child([&] { return watcher.begun && !made_here && process_number() == 1; }));
  CHECK_FALSE(watcher.begun);
  CHECK(watcher.locked == 0);
  CHECK(made_here);
}

TEST_CASE("a descriptor is closed in a child, and made anew where it is wanted") {
  const auto make = [] { return eventfd(0, EFD_CLOEXEC); };
  Descriptor descriptor;
  CHECK(descriptor.get() == -1);
  REQUIRE(descriptor.open(make));
  const int fd = descriptor.get();
  CHECK(in_child([&] {
    const bool closed = descriptor.get() == -1 && eventfd_write(fd, 1) != 0;
    return closed && descriptor.open(make) && eventfd_write(descriptor.get(), 1) == 0;
  }));
  eventfd_t count = 0;
  CHECK(eventfd_write(fd, 2) == 0);
  CHECK(eventfd_read(fd, &count) == 0);
  CHECK(count == 2);
  descriptor.close();
  CHECK(descriptor.get() == -1);
  CHECK(in_child([&] { return descriptor.get() == -1; }));
}

TEST_CASE("each process has an object of its own") {
  const Watcher watcher;
  PerProcess<int> numbers;
  CHECK(numbers.peek() == nullptr);
  int& here = numbers.get([] { return new int(1); });
  CHECK(in_child([&] {
    const bool none = numbers.peek() == nullptr;
    return none && numbers.get([] { return new int(2); }) == 2 && numbers.peek() != &here;
  }));
  CHECK(numbers.peek() == &here);
  delete &here;
}

TEST_CASE("a fork waits for a delay by another thread, but not for long") {
  const Watcher watcher;
  std::atomic<int> stage = 0;
  std::thread slow([&] {
    const ForkDelay delay;
    stage = 1;
    usleep(50'000);
    stage = 2;
  });
  while (stage == 0) std::this_thread::yield();
  CHECK(in_child([&] { return stage == 2; }));
  slow.join();
  stage = 0;
  std::thread stuck([&] {
    const ForkDelay delay;
    stage = 1;
    while (stage == 1) std::this_thread::yield();
  });
  while (stage == 0) std::this_thread::yield();
  CHECK(in_child([] {
    const ForkDelay delay;
    return true;
  }));
  CHECK(stage == 1);
  stage = 2;
  stuck.join();
}

}  // namespace tl
