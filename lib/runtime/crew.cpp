#include "crew.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <utility>

namespace tl::runtime {
namespace {

constexpr Nanos patience_past_deadline = std::chrono::seconds(1);
constexpr Nanos oversight_interval = std::chrono::milliseconds(500);
constexpr Nanos patience_at_exit = std::chrono::seconds(1);

constinit PerProcess<Crew> all_connectors, all_askers, all_cancellers, all_workers, all_lookouts, all_blockers;
constinit ForkMutex exit_mutex;
constinit bool stops_at_exit = false;

void stop_at_exit() {
  for (const PerProcess<Crew>* crew :
       {&all_connectors, &all_askers, &all_cancellers, &all_workers, &all_lookouts, &all_blockers}) {
    if (Crew* const started = crew->peek()) started->stop(patience_at_exit);
  }
}

// Of this process, which takes over its parent's exit handlers.
Crew& of_process(PerProcess<Crew>& crew, const char* name, const Crew::Limits& limits) {
  return crew.get([&] {
    const std::lock_guard lock(exit_mutex);
    if (!stops_at_exit) stops_at_exit = std::atexit(stop_at_exit) == 0;
    return new Crew(name, limits);
  });
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

Crew::Crew(std::string name, const Limits& limits)
    : name_(std::move(name)), limits_(limits), overseer_(std::make_shared<Overseer>(*this)) {
  housekeeper().wake_at(overseer_, Deadline::never().at);
}

void Crew::submit(const std::shared_ptr<Job>& job) noexcept {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  try {
    waiting_.push_back(job);
  } catch (const std::bad_alloc&) {
    return;
  }
  replace_lost();
  dispatch();
  if (waiting_.empty()) return;
  if (workers_.empty()) {
    waiting_.pop_back();
  } else {
    look_again(steady_clock().now() + oversight_interval);
  }
}

void Crew::stop(Nanos patience) noexcept {
  Lock lock(mutex_);
  stopping_ = true;
  for (const auto& job : waiting_) job->interrupt();
  for (const Worker& worker : workers_) {
    if (worker.job != nullptr) worker.job->interrupt();
  }
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

void Crew::replace_lost() noexcept {
  const Instant now = steady_clock().now();
  for (Worker& worker : workers_) {
    if (worker.lost || worker.job == nullptr || worker.job->deadline().is_never()) continue;
    if (workers_.size() - present() >= limits_.lost) return;
    if (now - worker.job->deadline().at > patience_past_deadline) worker.lost = true;
  }
}

void Crew::interrupt_late() noexcept {
  const Instant now = steady_clock().now();
  for (Worker& worker : workers_) {
    if (worker.job == nullptr || worker.interrupted) continue;
    if (!worker.job->deadline().passed(now)) {
      look_again(worker.job->deadline().at);
      continue;
    }
    worker.interrupted = true;
    worker.job->interrupt();
  }
}

void Crew::look_again(Instant at) noexcept {
  if (at >= next_look_) return;
  next_look_ = at;
  housekeeper().wake_at(overseer_, at);
}

Instant Crew::oversee() noexcept {
  const std::lock_guard lock(mutex_);
  next_look_ = Deadline::never().at;
  if (stopping_) return next_look_;
  interrupt_late();
  replace_lost();
  dispatch();
  if (!waiting_.empty()) look_again(steady_clock().now() + oversight_interval);
  return next_look_;
}

Crew::Worker* Crew::start_thread() noexcept {
  try {
    workers_.emplace_back().crew = this;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  try {
    const auto body = [](void* worker) {
      auto& self = *static_cast<Worker*>(worker);
      self.crew->work(self);
    };
    start_detached(name_, body, &workers_.back());
  } catch (const std::exception&) {
    workers_.pop_back();
    return nullptr;
  }
  return &workers_.back();
}

bool Crew::fits(const Job& job) const noexcept {
  size_t busy = 0;
  size_t of_group = 0;
  for (const Worker& worker : workers_) {
    if (worker.lost || worker.job == nullptr) continue;
    ++busy;
    if (worker.job->group() == job.group()) ++of_group;
  }
  return of_group < limits_.share && busy < (of_group == 0 ? limits_.most : limits_.threads);
}

Crew::Worker* Crew::resting() noexcept {
  const auto found =
      std::find_if(workers_.begin(), workers_.end(), [](const Worker& w) { return w.job == nullptr && !w.lost; });
  return found == workers_.end() ? nullptr : &*found;
}

void Crew::dispatch() noexcept {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (!fits(**next)) {
      ++next;
      continue;
    }
    Worker* worker = resting();
    if (worker == nullptr) worker = start_thread();
    if (worker == nullptr) return;
    worker->job = std::move(*next);
    worker->interrupted = false;
    look_again(worker->job->deadline().at);
    worker->wake.notify_one();
    next = waiting_.erase(next);
  }
}

// Once the process is ending threads rest for good: what a client library does where a thread ends (OpenSSL, GnuTLS)
// would meet what its exit handler does.
bool Crew::await_job(Lock& lock, Worker& self) noexcept {
  while (self.job == nullptr) {
    if (!stopping_ && (self.lost || present() > limits_.threads)) return false;
    self.wake.wait(lock);
  }
  return true;
}

void Crew::work(Worker& self) noexcept {
  Lock lock(mutex_);
  while (await_job(lock, self)) {
    lock.unlock();
    self.job->run();
    lock.lock();
    std::shared_ptr<Job> finished = std::exchange(self.job, nullptr);
    if (!self.lost) dispatch();  // perhaps to itself; a replacement works in the stead of a lost one
    idle_.notify_all();
    lock.unlock();
    finished.reset();  // its end may submit another
    lock.lock();
  }
  workers_.remove_if([&](const Worker& worker) { return &worker == &self; });
  idle_.notify_all();
}

Crew& connectors() {
  return of_process(all_connectors, "tl-connect", {.threads = 16, .share = 8, .most = 64, .lost = 16});
}

// Of its own, so that an answer that needs another connection is not waited for by all who could open that.
Crew& askers() { return of_process(all_askers, "tl-ask", {.threads = 16, .share = 8, .most = 64, .lost = 16}); }

Crew& cancellers() {
  return of_process(all_cancellers, "tl-cancel", {.threads = 8, .share = 4, .most = 32, .lost = 8});
}

Crew& workers() { return of_process(all_workers, "tl-work", {.threads = 4, .share = 2, .most = 32, .lost = 8}); }

// A server that is silent holds up one thread, for a second at most, and now and then.
Crew& lookouts() { return of_process(all_lookouts, "tl-look", {.threads = 8, .share = 2, .most = 64, .lost = 16}); }

Crew& blockers() { return of_process(all_blockers, "tl-block", {.threads = 16, .share = 1, .most = 256, .lost = 0}); }

}  // namespace tl::runtime
