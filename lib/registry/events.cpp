#include "events.hpp"

#include "condition.hpp"
#include "queue.hpp"

namespace tl::registry {
namespace {

class Follower final : public observe::Listener {
 public:
  Follower(std::weak_ptr<const runtime::Queue> queue, std::function<bool(const observe::Event&)> heard)
      : queue_(std::move(queue)), heard_(std::move(heard)) {}

  bool event(const std::shared_ptr<const observe::Event>& event) noexcept override {
    const std::lock_guard lock(mutex_);
    return heard_ == nullptr || heard_(*event);
  }
  [[nodiscard]] uint64_t taker() const noexcept override {
    const auto queue = queue_.lock();
    return queue == nullptr ? 0 : queue->taker();
  }
  void end() noexcept {
    const std::lock_guard lock(mutex_);
    heard_ = nullptr;
  }

 private:
  const std::weak_ptr<const runtime::Queue> queue_;
  std::mutex mutex_;
  std::function<bool(const observe::Event&)> heard_;  // null: it has ended
};

class End final : public runtime::Cancellable {
 public:
  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    came_ = true;
    changed_.notify();
  }
  // False: the queue was shut down first.
  [[nodiscard]] bool wait(const runtime::Queue& queue) {
    std::unique_lock lock(mutex_);
    (void)changed_.wait(lock, Deadline::never(), [&] { return came_ || queue.is_shut(); });
    return came_;
  }

 private:
  std::mutex mutex_;
  runtime::Condition changed_;
  bool came_ = false;
};

}  // namespace

Failure follow(observe::Hub& hub, observe::Kinds kinds, runtime::Ticket* ticket,
               std::function<bool(const observe::Event&)> heard) {
  const auto& queue = runtime::Fiber::current()->queue();
  const auto follower = std::make_shared<Follower>(queue.weak_from_this(), std::move(heard));
  hub.subscribe(follower, kinds);
  End end;
  bool cancelled = false;
  {
    const runtime::Ticket::Attachment attached(ticket, end);
    cancelled = end.wait(queue);
  }
  follower->end();
  hub.unsubscribe(*follower);
  return cancelled ? fail(Status::cancelled, "the subscription was cancelled")
                   : fail(Status::shutdown, "the queue of the subscription was shut down");
}

}  // namespace tl::registry
