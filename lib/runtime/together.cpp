#include "together.hpp"

#include <algorithm>
#include <atomic>
#include <new>

#include "queue.hpp"

namespace tl::runtime {
namespace {

using Body = std::function<void(size_t, const std::shared_ptr<Ticket>&)>;

constexpr size_t most_lanes = 1000;  // at once: a fiber each

// What is to be done, and the lanes that do it: each takes what comes next.
class Work final : public Cancellable {
 public:
  Work(size_t n, const Body& body) : n_(n), body_(body), tickets_(std::min(n, most_lanes)) {
    for (auto& ticket : tickets_) ticket = std::make_shared<Ticket>();
  }
  [[nodiscard]] size_t lanes() const noexcept { return tickets_.size(); }
  void run(size_t lane) noexcept {
    for (size_t i = next_++; i < n_; i = next_++) {
      try {
        body_(i, tickets_[lane]);
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    }
  }
  void cancel() noexcept override {
    for (const auto& ticket : tickets_) ticket->cancel();
  }

  std::atomic<bool> out_of_memory{false};

 private:
  const size_t n_;
  const Body& body_;
  std::vector<std::shared_ptr<Ticket>> tickets_;  // of the lanes
  std::atomic<size_t> next_{0};
};

class Lane final : public Errand {
 public:
  Lane(Work& work, size_t number) noexcept : work_(work), number_(number) {}
  void run() noexcept override { work_.run(number_); }

 private:
  Work& work_;
  const size_t number_;
};

// How many lanes there are: fewer, where memory is short, do the work of all.
size_t start(Queue& queue, Work& work) noexcept {
  size_t started = 0;
  try {
    for (; started < work.lanes(); ++started) {
      std::unique_ptr<Errand> lane = std::make_unique<Lane>(work, started);
      if (!queue.submit(lane)) break;
    }
  } catch (const std::bad_alloc&) {
    work.out_of_memory = started == 0;
  }
  return started;
}

void await_end(Queue& queue, size_t lanes) {
  Fiber* const fiber = Fiber::current();
  const Deadline until = fiber == nullptr ? Deadline::never() : Deadline{Instant{}};
  while (lanes > 0) {
    LinkedList<Errand> ended;
    (void)queue.take(ended, lanes, until);
    lanes -= ended.size();
    while (const Errand* const lane = ended.pop()) delete lane;
    if (lanes > 0 && fiber != nullptr) (void)fiber->park(queue.fd(), driver::Ready::readable, Deadline::never());
  }
}

}  // namespace

Result<void> together(size_t n, Ticket* ticket, const Body& body) {
  if (n == 0) return {};
  auto queue = Queue::make(Queue::Driver::callers);
  if (!queue) return queue.take_error();
  Work work(n, body);
  {
    const Ticket::Attachment attached(ticket, work);
    await_end(**queue, start(**queue, work));
  }
  if (work.out_of_memory) throw std::bad_alloc();
  return {};
}

}  // namespace tl::runtime
