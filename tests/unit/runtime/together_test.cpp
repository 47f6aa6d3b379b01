// Several waits side by side: for a thread, for a fiber, cancelled, and more of them than there are fibers.
#include "together.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "condition.hpp"
#include "queue.hpp"

namespace tl::runtime {
namespace {

// [on a fiber] Until `n` have come.
class Meeting {
 public:
  explicit Meeting(size_t n) : wanted_(n) {}
  void await() {
    ++come_;
    while (come_ < wanted_) sleep_for(std::chrono::milliseconds(1));
  }
  [[nodiscard]] size_t come() const { return come_; }

 private:
  const size_t wanted_;
  std::atomic<size_t> come_{0};
};

class Heard final : public Cancellable {
 public:
  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify();
  }
  void await() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, Deadline::never(), [this] { return cancelled_; });
  }

 private:
  std::mutex mutex_;
  Condition changed_;
  bool cancelled_ = false;
};

class Errands final : public Errand {
 public:
  explicit Errands(std::function<void()> body) : body_(std::move(body)) {}
  void run() noexcept override { body_(); }

 private:
  const std::function<void()> body_;
};

// Runs it on a fiber of a queue that this thread drives.
void on_fiber(const std::function<void()>& body) {
  auto queue = Queue::make(Queue::Driver::callers);
  REQUIRE(queue.ok());
  std::unique_ptr<Errand> errand = std::make_unique<Errands>(body);
  REQUIRE((*queue)->submit(errand).ok());
  LinkedList<Errand> ended;
  REQUIRE((*queue)->take(ended, 1, Deadline::never()) == Queue::Got::taken);
  delete ended.pop();
  (*queue)->forsake();
}

}  // namespace

TEST_CASE("those that wait for each other all end, also for a caller on a fiber") {
  const auto meet = [] {
    Meeting meeting(50);
    std::vector<std::atomic<int>> times(50);
    CHECK(together(50, nullptr, [&](size_t i, const std::shared_ptr<Ticket>& ticket) {
            CHECK_FALSE(ticket->cancelled());
            ++times[i];
            meeting.await();
          }).ok());
    CHECK(meeting.come() == 50);
    for (const auto& n : times) CHECK(n == 1);
  };
  meet();
  on_fiber(meet);
}

TEST_CASE("there may be more than run at once, or none") {
  std::atomic<size_t> sum = 0;
  CHECK(together(5000, nullptr, [&](size_t i, const auto&) { sum += i; }).ok());
  CHECK(sum == size_t{4999} * 2500);
  CHECK(together(0, nullptr, [](size_t, const auto&) { FAIL("there is none"); }).ok());
}

TEST_CASE("cancelling reaches each of them, also those that have not begun") {
  const auto cancelled = [] {
    Ticket ticket;
    std::atomic<size_t> waiting = 0;
    std::thread canceller([&] {
      while (waiting < 1000) std::this_thread::yield();
      ticket.cancel();
    });
    CHECK(together(1200, &ticket, [&](size_t, const std::shared_ptr<Ticket>& own) {
            Heard heard;
            const Ticket::Attachment attached(own.get(), heard);
            ++waiting;
            heard.await();
          }).ok());
    canceller.join();
    CHECK(waiting == 1200);
  };
  cancelled();
  on_fiber(cancelled);
}

TEST_CASE("what lacks memory is told when the others have ended") {
  size_t ended = 0;
  const auto body = [&](size_t i, const auto&) {
    if (i == 1) throw std::bad_alloc();
    sleep_for(std::chrono::milliseconds(2));
    ++ended;
  };
  CHECK_THROWS_AS((void)together(4, nullptr, body), std::bad_alloc);
  CHECK(ended == 3);
}

}  // namespace tl::runtime
