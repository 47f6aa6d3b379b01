// An opening in progress: its deadline, and its end from another thread.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "fake_case.hpp"

namespace tl::driver {
namespace {

class Pair {
 public:
  Pair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_) == 0); }
  ~Pair() {
    close(fds_[0]);
    close(fds_[1]);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  [[nodiscard]] int here() const noexcept { return fds_[0]; }
  [[nodiscard]] int there() const noexcept { return fds_[1]; }

 private:
  int fds_[2];
};

Deadline in(Nanos budget) { return Deadline::after(steady_clock().now(), budget); }

// The other side sees the end of the stream.
bool is_shut(const Pair& pair) {
  char byte;
  return recv(pair.there(), &byte, 1, MSG_DONTWAIT) == 0;
}

}  // namespace

TEST_CASE("a dial waits until its descriptor is ready") {
  Pair pair;
  Dial dial(in(1min));
  CHECK(dial.wait(pair.here(), Ready::writable));
  CHECK(dial.wait(pair.here(), Ready::readable | Ready::writable));
  std::thread server([&] { CHECK(write(pair.there(), "x", 1) == 1); });
  CHECK(dial.wait(pair.here(), Ready::readable));
  server.join();
}

TEST_CASE("a dial waits no longer than its deadline") {
  Pair pair;
  SUBCASE("that comes") {
    const Instant began = steady_clock().now();
    Dial dial(in(30ms));
    CHECK_FALSE(dial.wait(pair.here(), Ready::readable));
    const Nanos took = steady_clock().now() - began;
    CHECK(took >= 30ms);
    CHECK(took < 5s);
    CHECK_FALSE(dial.interrupted());
  }
  SUBCASE("that has passed: not even for what is ready") {
    Dial dial(in(-1s));
    CHECK_FALSE(dial.wait(pair.here(), Ready::writable));
  }
}

TEST_CASE("interrupt ends a wait from another thread, soon, and shuts the socket down") {
  Pair pair;
  Dial dial(Deadline::never());
  dial.watch(pair.here());
  std::atomic<bool> waits{false};
  bool answered = true;
  std::thread waiter([&] {
    waits = true;
    answered = dial.wait(pair.here(), Ready::readable);
  });
  while (!waits) std::this_thread::yield();
  const Instant began = steady_clock().now();
  dial.interrupt();
  waiter.join();
  CHECK_FALSE(answered);
  CHECK(steady_clock().now() - began < 1s);
  CHECK(dial.interrupted());
  CHECK(is_shut(pair));
}

TEST_CASE("interrupt ends the wait on a descriptor that nobody watches") {
  Pair pair;
  Dial dial(Deadline::never());
  std::thread other([&] { dial.interrupt(); });
  CHECK_FALSE(dial.wait(pair.here(), Ready::readable));
  other.join();
  CHECK_FALSE(is_shut(pair));
}

TEST_CASE("a dial that was interrupted") {
  Pair pair;
  Dial dial(in(1min));
  dial.interrupt();
  SUBCASE("does not wait") { CHECK_FALSE(dial.wait(pair.here(), Ready::writable)); }
  SUBCASE("shuts down what it is given to watch later") {
    dial.watch(pair.here());
    CHECK(is_shut(pair));
  }
}

TEST_CASE("only the descriptor watched last is shut down, and none after -1") {
  Pair first;
  Pair second;
  Dial dial(Deadline::never());
  dial.watch(first.here());
  dial.watch(second.here());
  SUBCASE("the last") {
    dial.interrupt();
    CHECK(is_shut(second));
  }
  SUBCASE("none") {
    dial.watch(-1);
    dial.interrupt();
    CHECK_FALSE(is_shut(second));
  }
  CHECK_FALSE(is_shut(first));
}

}  // namespace tl::driver
