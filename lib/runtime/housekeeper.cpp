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

Housekeeper::Due& Housekeeper::entry(const std::shared_ptr<Task>& task) {
  const auto found = due_.find(task.get());
  if (found != due_.end() && !found->second.task.expired()) return found->second;
  // An address may have been used before, by a task that is gone.
  std::erase_if(due_, [](const auto& known) { return known.second.task.expired(); });
  return due_.emplace(task.get(), Due{task, Deadline::never().at}).first->second;
}

void Housekeeper::wake_at(const std::shared_ptr<Task>& task, Instant at) {
  const Lock lock(mutex_);
  Due& due = entry(task);
  if (Deadline{at}.is_never()) return;
  due.at = std::min(due.at, at);
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
    const auto first = std::min_element(due_.begin(), due_.end(),
                                        [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
    const Instant at = first == due_.end() ? Deadline::never().at : first->second.at;
    if (at > steady_clock().now()) {
      wait(lock, at);
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
  static constinit PerProcess<Housekeeper> keeper;
  return keeper.get([] { return new Housekeeper(); });
}

}  // namespace tl::runtime
