#include "housekeeper.hpp"

#include <algorithm>
#include <system_error>

#include "crew.hpp"

namespace tl::runtime {

void Housekeeper::note(const std::shared_ptr<Task>& task, Instant at) {
  Due& due = due_.try_emplace(task.get(), Due{task, at}).first->second;
  // An address may have been used before, by a task that is gone.
  if (due.task.expired()) due = {task, at};
  due.at = std::min(due.at, at);
}

void Housekeeper::wake_at(const std::shared_ptr<Task>& task, Instant at) {
  const std::lock_guard lock(mutex_);
  note(task, at);
  if (!started_) start();
  wake_.notify_one();
}

void Housekeeper::start() {
  try {
    start_detached(
        "tl-housekeeper", [](void* self) { static_cast<Housekeeper*>(self)->work(); }, this);
    started_ = true;
  } catch (const std::system_error&) {
    // The system has no thread to give: the next call tries again.
  }
}

void Housekeeper::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto first = std::min_element(due_.begin(), due_.end(),
                                        [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
    if (first == due_.end()) {
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
    due_.erase(first);
    if (task == nullptr) continue;
    lock.unlock();
    const Instant next = task->run();
    lock.lock();
    if (!Deadline{next}.is_never()) note(task, next);
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
