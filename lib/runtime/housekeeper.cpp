#include "housekeeper.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <new>

#include "crew.hpp"

namespace tl::runtime {
namespace {

constexpr uint64_t wake_token = UINT64_MAX;  // the number of no session

}  // namespace

Housekeeper::Known& Housekeeper::known(const std::shared_ptr<Task>& task) {
  if (const auto found = tasks_.find(task.get()); found != tasks_.end()) {
    Known& known = found->second;
    if (known.task.expired()) {  // the address was that of a task that is gone
      known.task = task;
      set(known, Deadline::never().at);
    }
    return known;
  }
  if (tasks_.size() >= forget_from_) forget_tasks();
  const auto due = due_.emplace(Deadline::never().at, task.get()).first;
  try {
    return tasks_.emplace(task.get(), Known{task, due}).first->second;
  } catch (const std::bad_alloc&) {
    due_.erase(due);
    throw;
  }
}

// Each time when they have become twice as many, so that it costs little for each of them.
void Housekeeper::forget_tasks() noexcept {
  std::erase_if(tasks_, [this](const auto& task) {
    const bool is_gone = task.second.task.expired();
    if (is_gone) due_.erase(task.second.due);
    return is_gone;
  });
  forget_from_ = std::max<size_t>(64, tasks_.size() * 2);
}

void Housekeeper::set(Known& known, Instant at) noexcept {
  auto moved = due_.extract(known.due);
  moved.value().first = at;
  known.due = due_.insert(std::move(moved)).position;
}

void Housekeeper::wake_at(const std::shared_ptr<Task>& task, Instant at) {
  const Lock lock(mutex_);
  Known& known = this->known(task);
  if (at < known.due->first) set(known, at);
  if (Deadline{at}.is_never()) return;
  if (start() && at < sleeps_until_) eventfd_write(wake_.get(), 1);
}

void Housekeeper::watch(int fd, uint64_t session, std::weak_ptr<HangUpListener> listener) noexcept {
  const Lock lock(mutex_);
  if (fd < 0 || !start()) return;
  try {
    watched_.emplace(session, std::move(listener));
  } catch (const std::bad_alloc&) {
    return;
  }
  epoll_event event{.events = EPOLLRDHUP | EPOLLONESHOT, .data = {.u64 = session}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) watched_.erase(session);
}

// The epoll forgets the descriptor when it is closed.
void Housekeeper::forget(uint64_t session) noexcept {
  const Lock lock(mutex_);
  watched_.erase(session);
}

bool Housekeeper::open() noexcept {
  if (!epoll_.open([] { return epoll_create1(EPOLL_CLOEXEC); })) return false;
  if (!wake_.open([] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); })) return false;
  epoll_event event{.events = EPOLLIN, .data = {.u64 = wake_token}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0 || errno == EEXIST;
}

// Where the system has no thread or descriptor to give, or no memory, the next call tries again.
bool Housekeeper::start() noexcept {
  if (started_ || !open()) return started_;
  try {
    start_detached(
        "tl-housekeeper", [](void* self) { static_cast<Housekeeper*>(self)->work(); }, this);
    started_ = true;
  } catch (const std::exception&) {
  }
  return started_;
}

void Housekeeper::wait(Lock& lock, Instant until) noexcept {
  epoll_event events[16];
  sleeps_until_ = until;
  lock.unlock();
  const int n = epoll_wait(epoll_.get(), events, 16, Deadline{until}.poll_ms(steady_clock().now()));
  lock.lock();
  sleeps_until_ = Instant{};
  for (int i = 0; i < n; ++i) {
    if (events[i].data.u64 != wake_token) {
      tell_hung_up(lock, events[i].data.u64);
      continue;
    }
    eventfd_t count = 0;
    eventfd_read(wake_.get(), &count);
  }
}

void Housekeeper::tell_hung_up(Lock& lock, uint64_t session) noexcept {
  const auto found = watched_.find(session);
  if (found == watched_.end()) return;
  std::shared_ptr<HangUpListener> listener = found->second.lock();
  watched_.erase(found);
  if (listener == nullptr) return;
  lock.unlock();
  listener->hung_up(session);
  listener.reset();  // perhaps the last to hold it: not under the lock
  lock.lock();
}

void Housekeeper::work() noexcept {
  Lock lock(mutex_);
  for (;;) {
    const Instant at = due_.empty() ? Deadline::never().at : due_.begin()->first;
    if (at > steady_clock().now()) {
      wait(lock, at);
      continue;
    }
    const auto first = tasks_.find(due_.begin()->second);
    std::shared_ptr<Task> task = first->second.task.lock();
    if (task == nullptr) {
      due_.erase(first->second.due);
      tasks_.erase(first);
      continue;
    }
    Known& known = first->second;  // it stays where it is as long as its task lives
    set(known, Deadline::never().at);
    lock.unlock();
    const Instant next = task->run();
    lock.lock();
    if (next < known.due->first) set(known, next);
    lock.unlock();
    task.reset();  // perhaps the last to hold it: not under the lock
    lock.lock();
  }
}

Housekeeper& housekeeper() {
  static constinit PerProcess<Housekeeper> keeper;
  return keeper.get([] { return new Housekeeper(); });
}

}  // namespace tl::runtime
