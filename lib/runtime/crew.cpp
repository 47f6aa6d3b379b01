#include "crew.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace tl::runtime {
namespace {

constexpr Nanos patience_past_deadline = std::chrono::seconds(1);
constexpr Nanos oversight_interval = std::chrono::milliseconds(500);
constexpr Nanos patience_at_exit = std::chrono::seconds(1);

void stop_at_exit() {
  connectors().stop(patience_at_exit);
  workers().stop(patience_at_exit);
}

Crew& started(Crew* crew) {
  static const int registered = std::atexit(stop_at_exit);
  (void)registered;
  return *crew;
}

}  // namespace

void start_detached(const std::string& name, void (*body)(void*), void* argument) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread([name, body, argument] {
      pthread_setname_np(pthread_self(), name.c_str());
      body(argument);
    });
    thread.detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Crew::Crew(std::string name, size_t threads, size_t max_lost)
    : name_(std::move(name)), threads_(threads), max_lost_(max_lost), overseer_(std::make_shared<Overseer>(*this)) {}

void Crew::submit(std::shared_ptr<Job> job) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  waiting_.push_back(job);
  replace_lost();
  if (resting_ < waiting_.size() && present() < threads_ && !start_thread() && workers_.empty()) {
    waiting_.pop_back();
    return;
  }
  wake_.notify_one();
  const bool may_wait = resting_ < waiting_.size() || job->group() != 0;
  if (may_wait && !overseen_) {
    overseen_ = true;
    housekeeper().wake_at(overseer_, steady_clock().now() + oversight_interval);
  }
}

void Crew::stop(Nanos patience) noexcept {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (const auto& job : waiting_) job->interrupt();
  for (Worker& worker : workers_) {
    if (worker.job != nullptr) worker.job->interrupt();
  }
  wake_.notify_all();
  idle_.wait_for(lock, patience, [this] {
    return waiting_.empty() &&
           std::none_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.job != nullptr; });
  });
}

size_t Crew::lost() const {
  const std::lock_guard lock(mutex_);
  return workers_.size() - present();
}

size_t Crew::present() const noexcept {
  return static_cast<size_t>(std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) { return !w.lost; }));
}

size_t Crew::busy_of(uint64_t group) const noexcept {
  return static_cast<size_t>(std::count_if(workers_.begin(), workers_.end(), [&](const Worker& w) {
    return !w.lost && w.job != nullptr && w.job->group() == group;
  }));
}

void Crew::replace_lost() noexcept {
  const Instant now = steady_clock().now();
  for (Worker& worker : workers_) {
    if (worker.lost || worker.job == nullptr || worker.job->deadline().is_never()) continue;
    if (workers_.size() - present() >= max_lost_) return;
    if (now - worker.job->deadline().at > patience_past_deadline) worker.lost = true;
  }
}

Instant Crew::oversee() noexcept {
  const std::lock_guard lock(mutex_);
  overseen_ = !waiting_.empty() && !stopping_;
  if (!overseen_) return Deadline::never().at;
  replace_lost();
  while (resting_ < waiting_.size() && present() < threads_ && start_thread()) {
  }
  wake_.notify_all();
  return steady_clock().now() + oversight_interval;
}

bool Crew::start_thread() noexcept {
  try {
    workers_.emplace_back();
  } catch (const std::bad_alloc&) {
    return false;
  }
  try {
    start_detached(
        name_, [](void* crew) { static_cast<Crew*>(crew)->work(); }, this);
  } catch (const std::exception&) {
    workers_.pop_back();
    return false;
  }
  ++resting_;  // it will look for a job as soon as the lock is free
  return true;
}

bool Crew::fits(const Job& job) const {
  return job.group() == 0 || busy_of(job.group()) < std::max<size_t>(1, threads_ / 2);
}

std::shared_ptr<Job> Crew::next_job() {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [this](const auto& job) { return fits(*job); });
  if (found == waiting_.end()) return nullptr;
  std::shared_ptr<Job> job = std::move(*found);
  waiting_.erase(found);
  return job;
}

void Crew::work() noexcept {
  std::unique_lock lock(mutex_);
  const auto self = std::find_if(workers_.begin(), workers_.end(), [](const Worker& w) { return !w.claimed; });
  self->claimed = true;
  for (;;) {
    std::shared_ptr<Job> job = next_job();
    if (job == nullptr) {
      if (stopping_) break;
      wake_.wait(lock);
      continue;
    }
    self->job = job;
    --resting_;
    lock.unlock();
    job->run();
    job.reset();
    lock.lock();
    std::shared_ptr<Job> finished = std::move(self->job);
    if (!self->lost) ++resting_;
    idle_.notify_all();
    wake_.notify_one();  // a job held back by its group's limit may fit now
    lock.unlock();
    finished.reset();  // its end may submit another
    lock.lock();
    if (self->lost) break;  // a replacement works in its stead
  }
  if (!self->lost) --resting_;
  workers_.erase(self);
  idle_.notify_all();
}

Crew& connectors() {
  static Crew* crew = new Crew("tl-connect", 16, 16);
  return started(crew);
}

Crew& workers() {
  static Crew* crew = new Crew("tl-work", 4, 8);
  return started(crew);
}

}  // namespace tl::runtime
