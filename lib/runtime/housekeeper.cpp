#include "housekeeper.hpp"

#include <algorithm>
#include <exception>

#include "crew.hpp"

namespace tl::runtime {

Housekeeper::Due& Housekeeper::entry(const std::shared_ptr<Task>& task) {
  const auto found = due_.find(task.get());
  if (found != due_.end() && !found->second.task.expired()) return found->second;
  // An address may have been used before, by a task that is gone.
  std::erase_if(due_, [](const auto& known) { return known.second.task.expired(); });
  return due_.emplace(task.get(), Due{task, Deadline::never().at}).first->second;
}

void Housekeeper::wake_at(const std::shared_ptr<Task>& task, Instant at) {
  const std::lock_guard lock(mutex_);
  Due& due = entry(task);
  if (Deadline{at}.is_never()) return;
  due.at = std::min(due.at, at);
  if (!started_) start();
  wake_.notify_one();
}

void Housekeeper::start() noexcept {
  try {
    start_detached(
        "tl-housekeeper", [](void* self) { static_cast<Housekeeper*>(self)->work(); }, this);
    started_ = true;
  } catch (const std::exception&) {
    // The system has no thread to give, or no memory: the next call tries again.
  }
}

void Housekeeper::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto first = std::min_element(due_.begin(), due_.end(),
                                        [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
    if (first == due_.end() || Deadline{first->second.at}.is_never()) {
      wake_.wait(lock);
      continue;
    }
    const Instant now = steady_clock().now();
    if (first->second.at > now) {
      // libstdc++'s steady clock is CLOCK_MONOTONIC, as ours is.
      wake_.wait_for(lock, std::min<Nanos>(first->second.at - now, std::chrono::hours(1)));
      continue;
    }
    std::shared_ptr<Task> task = first->second.task.lock();
    if (task == nullptr) {
      due_.erase(first);
      continue;
    }
    Due& due = first->second;  // it stays where it is as long as its task lives
    due.at = Deadline::never().at;
    lock.unlock();
    const Instant next = task->run();
    lock.lock();
    due.at = std::min(due.at, next);
    lock.unlock();
    task.reset();  // perhaps the last to hold it: not under the lock
    lock.lock();
  }
}

Housekeeper& housekeeper() {
  static Housekeeper* keeper = new Housekeeper();
  return *keeper;
}

}  // namespace tl::runtime
