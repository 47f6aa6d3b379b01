// A name whose connection another thread makes while the process forks.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "registry.hpp"

namespace tl::registry {

TEST_CASE("a connection that was half made at a fork is made anew, and can be closed") {
  const config::Surroundings here;
  const Registry registry(
      config::parse("[connections.one]\ndriver = 'sqlite'\ndatabase = ':memory:'\n", "test.toml", here).take());
  const connection::Settings settings = registry.entry("one").take()->settings();
  const auto hub = std::make_shared<observe::Hub>();
  constexpr size_t names = 20'000;
  for (int round = 0; round < 100; ++round) {
    Entries entries;
    for (size_t i = 0; i < names; ++i) {
      entries.push_back(std::make_shared<Entry>(Version{settings, nullptr}, hub, nullptr, nullptr, i));
    }
    std::atomic<size_t> next = 0;
    std::thread maker([&] {
      while (next < names) (void)Entry::connection(entries[next++]);
    });
    while (next == 0) std::this_thread::yield();
    const pid_t child = fork();
    if (child == 0) {
      bool closed = true;
      for (size_t i = next < 3 ? 0 : next - 3; i < std::min(next + 3, names); ++i) {
        const auto connection = Entry::connection(entries[i]);
        entries[i]->close();
        closed = closed && connection->state() == connection::State::closed;
      }
      entries.clear();
      _exit(closed ? 0 : 1);
    }
    maker.join();
    int ended = -1;
    REQUIRE(waitpid(child, &ended, 0) == child);
    REQUIRE(ended == 0);
  }
}

}  // namespace tl::registry
