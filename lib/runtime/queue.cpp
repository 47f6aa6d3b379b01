#include "queue.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "crew.hpp"
#include "readiness.hpp"

namespace tl::runtime {
namespace {

using driver::Ready;

constexpr Nanos patience = std::chrono::milliseconds(20);  // how long a queue may be left alone
constexpr Nanos soon = std::chrono::microseconds(250);     // when one that was is looked at again while it moves
constexpr Nanos longest_look = std::chrono::milliseconds(5);
constexpr size_t kept_fibers = 128;  // at rest
constexpr int events_at_once = 64;
constexpr size_t most_at_once = 4096;  // fibers

// What an event of the epoll is about: a fiber's wait, or one of these.
constexpr uint64_t wake_token = UINT64_MAX;
constexpr uint64_t timer_token = UINT64_MAX - 1;

constexpr uint64_t token_of(uint32_t index, uint32_t generation) noexcept { return uint64_t{generation} << 32 | index; }

void drain(int fd) noexcept {
  uint64_t count = 0;
  while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
  }
}

Failure none_to_give(const char* what) {
  return fail(Status::resource, std::string("a queue could not be made: ") + what + ": " + std::strerror(errno));
}

}  // namespace

// The housekeeper's task of one queue.
class Queue::LastResort final : public Task {
 public:
  explicit LastResort(std::weak_ptr<Queue> queue) : queue_(std::move(queue)) {}
  Instant run() noexcept override {
    const std::shared_ptr<Queue> queue = queue_.lock();
    if (queue == nullptr) return Deadline::never().at;
    return std::min(queue->drive_if_left_alone(), queue->expire_untaken());
  }

 private:
  const std::weak_ptr<Queue> queue_;
};

Result<std::shared_ptr<Queue>> Queue::make(Driver driver) {
  auto queue = std::make_shared<Queue>(driver);
  if (Result<void> opened = queue->open(); !opened) return opened.take_error();
  queue->last_resort_ = std::make_shared<LastResort>(queue);
  housekeeper().wake_at(queue->last_resort_, Deadline::never().at);
  if (driver == Driver::own_thread) {
    try {
      queue->start_thread();
    } catch (const std::system_error& e) {
      return fail(Status::resource, std::string("a queue could not have a thread: ") + e.what());
    }
  }
  return queue;
}

Result<void> Queue::open() {
  const auto make_event = [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); };
  const auto make_timer = [] { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); };
  if (!epoll_.open([] { return epoll_create1(EPOLL_CLOEXEC); }) || !wake_.open(make_event) ||
      !timer_.open(make_timer) || (own_thread_ && !told_.open(make_event))) {
    return none_to_give("a descriptor");
  }
  epoll_event woken{.events = EPOLLIN, .data = {.u64 = wake_token}};
  epoll_event timed{.events = EPOLLIN, .data = {.u64 = timer_token}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &woken) != 0 ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &timed) != 0) {
    return none_to_give("an epoll");
  }
  return {};
}

Queue::~Queue() {
  while (Errand* errand = done_.pop()) delete errand;
}

void Queue::start_thread() {
  driven_ = true;
  auto self = std::make_unique<std::shared_ptr<Queue>>(shared_from_this());
  const auto body = [](void* kept) {
    const std::unique_ptr<std::shared_ptr<Queue>> queue(static_cast<std::shared_ptr<Queue>*>(kept));
    (*queue)->work();
  };
  start_detached("tl-queue", body, self.get());
  (void)self.release();
}

void Queue::work() noexcept {
  Lock lock(mutex_);
  driver_ = std::this_thread::get_id();
  while (!(forsaken_ && under_way_ == 0)) drive(lock, -1);
}

// ---- errands

Result<void> Queue::submit(std::unique_ptr<Errand>& errand) {
  Fiber* fiber = nullptr;
  {
    const Lock lock(mutex_);
    if (shut_) return fail(Status::shutdown, "the queue was shut down");
    if (under_way_ + expiring_ + done_.size() - posted_ >= most) {
      return fail(Status::busy, "the queue is full: " + std::to_string(most) +
                                    " calls are under way or have answers that nobody has taken");
    }
    fiber = &rested();
    if (under_way_++ == 0) self_ = shared_from_this();
  }
  fiber->errand_ = std::move(errand);
  run(*fiber);
  return {};
}

bool Queue::post(std::unique_ptr<Errand>& errand, Loss loss) noexcept {
  const Lock lock(mutex_);
  if (shut_ || posted_ >= (loss == Loss::told ? most : most_posted)) {
    if (loss == Loss::counted) ++lost_;
    return false;
  }
  errand->posted_ = true;
  errand->note_lost(std::exchange(lost_, 0));
  done_.push(*errand.release());
  ++posted_;
  tell();
  return true;
}

Fiber& Queue::rested() {
  if (Fiber* const fiber = resting_.pop()) return *fiber;
  fibers_.push_back(std::make_unique<Fiber>(*this, static_cast<uint32_t>(fibers_.size())));
  return *fibers_.back();
}

void Queue::run(Fiber& fiber) noexcept {
  for (;;) {
    fiber.enter();
    if (fiber.ended_) return finish(fiber);
    const Lock lock(mutex_);
    if (!fiber.woken_) {
      put_aside(fiber);
      return;
    }
    fiber.woken_ = false;
    fiber.got_ = Ready::start;
  }
}

void Queue::finish(Fiber& fiber) noexcept {
  std::shared_ptr<Queue> last;       // outlives the lock
  std::unique_ptr<Errand> unwanted;  // likewise
  std::vector<std::unique_ptr<Fiber>> spare;
  const Lock lock(mutex_);
  fiber.ended_ = fiber.woken_ = false;
  std::unique_ptr<Errand> errand = std::move(fiber.errand_);
  resting_.push(fiber);
  if (forsaken_) {
    unwanted = std::move(errand);
  } else {
    expect_taken(*errand);
    done_.push(*errand.release());
  }
  if (--under_way_ == 0) {
    last = std::move(self_);
    if (fibers_.size() > kept_fibers) {
      spare.swap(fibers_);
      resting_ = {};
    }
  }
  if (unwanted == nullptr) tell();
  if (under_way_ == 0 && shut_) {
    signal();  // also where nothing is told: a thread may wait for the end
    changed_.notify_all();
  }
}

void Queue::put_aside(Fiber& fiber) noexcept {
  fiber.parked_ = true;
  ++fiber.generation_;
  if (!fiber.until_.is_never()) expect(fiber.until_.at);
  if (fiber.expects()) {
    ++expecting_;
    watch_over();
  }
  if (fiber.fd_ >= 0) arm(fiber);
}

void Queue::take_up(Fiber& fiber, Ready got) noexcept {
  fiber.parked_ = false;
  fiber.got_ = got;
  if (fiber.expects()) --expecting_;
}

// A descriptor is known to the epoll as long as it is open; one that was closed and has the same number is another.
void Queue::arm(Fiber& fiber) noexcept {
  epoll_event event{.events = events_of(fiber.want_) | EPOLLONESHOT,
                    .data = {.u64 = token_of(fiber.index_, fiber.generation_)}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fiber.fd_, &event) == 0) return;
  if (errno == ENOENT && epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fiber.fd_, &event) == 0) return;
  ready(fiber, fiber.want_);  // the kernel has no memory: the client library finds out by itself
}

void Queue::ready(Fiber& fiber, Ready got) noexcept {
  take_up(fiber, got);
  ready_.push(fiber);
  watch_over();
  signal();
}

void Queue::wake(Fiber& fiber) noexcept {
  const Lock lock(mutex_);
  if (fiber.parked_) {
    ready(fiber, Ready::start);
  } else {
    fiber.woken_ = true;
  }
}

bool Queue::claim(Fiber& fiber) noexcept {
  const Lock lock(mutex_);
  if (!fiber.parked_) {
    fiber.woken_ = true;
    return false;
  }
  take_up(fiber, Ready::start);
  return true;
}

// ---- deadlines

// The timer is set for the nearest deadline when it was set. Most pass unneeded, long after their waits have ended, and
// so it is set again when it goes off, not at every wait.
void Queue::expect(Instant at) noexcept {
  if (at >= expected_) return;
  expected_ = at;
  const int64_t ns = std::max<int64_t>(at.ns, 1);
  const itimerspec when{.it_interval = {}, .it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000}};
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Queue::heed_timer() noexcept {
  drain(timer_.get());
  expected_ = Deadline::never().at;
  const Instant now = steady_clock().now();
  Deadline next;
  for (const auto& fiber : fibers_) {
    if (!fiber->parked_) continue;
    if (fiber->until_.passed(now)) {
      ready(*fiber, Ready::timer);
    } else {
      next = earlier(next, fiber->until_);
    }
  }
  if (!next.is_never()) expect(next.at);
}

// ---- driving

void Queue::heed(uint64_t token, uint32_t events) noexcept {
  if (token == timer_token) return heed_timer();
  if (token == wake_token) {
    drain(wake_.get());
    signalled_ = false;
    return;
  }
  const auto index = static_cast<uint32_t>(token);
  if (index >= fibers_.size()) return;
  Fiber& fiber = *fibers_[index];
  if (fiber.parked_ && fiber.generation_ == token >> 32) ready(fiber, ready_of(events, fiber.want_));
}

bool Queue::drive(Lock& lock, int timeout_ms) noexcept {
  epoll_event events[events_at_once];
  const bool at_once = !ready_.empty();
  lock.unlock();
  const int n = epoll_wait(epoll_.get(), events, events_at_once, at_once ? 0 : timeout_ms);
  lock.lock();
  for (int i = 0; i < n; ++i) heed(events[i].data.u64, events[i].events);
  run_ready(lock);
  return n == events_at_once || !ready_.empty();
}

// Also what becomes so meanwhile: callers whose answers came together are told together, and what they ask for next
// leaves together.
void Queue::run_ready(Lock& lock) noexcept {
  for (size_t n = 0; n < most_at_once; ++n) {
    Fiber* const fiber = ready_.pop();
    if (fiber == nullptr) return;
    ++moves_;
    lock.unlock();
    Fiber::run_claimed(*fiber);
    lock.lock();
  }
}

void Queue::watch_over() noexcept {
  if (watched_ || own_thread_) return;
  watched_ = true;
  housekeeper().wake_at(last_resort_, steady_clock().now() + patience);
}

// Where it was, it moves on by itself: it is driven while there is something to do, but not so long that the
// housekeeper's other duties wait. Then the next answer comes soon, or else ever later.
Instant Queue::drive_if_left_alone() noexcept {
  Lock lock(mutex_);
  watched_ = !own_thread_ && (expecting_ != 0 || !ready_.empty());
  if (!watched_) return Deadline::never().at;
  const Instant now = steady_clock().now();
  if (driven_) driven_at_ = now;
  if (now - driven_at_ < patience) {
    next_look_ = soon;
    return driven_at_ + patience;
  }
  driven_ = true;
  driver_ = std::this_thread::get_id();
  const uint64_t at_first = moves_;
  (void)drive(lock, 0);
  for (uint64_t before = at_first; moves_ != before && steady_clock().now() - now < longest_look;) {
    before = moves_;
    (void)drive(lock, 1);
  }
  driven_ = false;
  if (signalled_ || !done_.empty()) nudge();  // to a host that came meanwhile, and went
  changed_.notify_one();
  next_look_ = moves_ != at_first ? soon : std::min(2 * next_look_, patience);
  return now + next_look_;
}

// Not where this thread drives: it looks before it waits again.
void Queue::signal() noexcept {
  if (!signalled_ && !(driven_ && driver_ == std::this_thread::get_id())) nudge();
}

void Queue::nudge() noexcept {
  signalled_ = true;
  eventfd_write(wake_.get(), 1);
}

void Queue::tell() noexcept {
  if (!own_thread_) {
    signal();
  } else if (!told_of_) {
    told_of_ = true;
    eventfd_write(told_.get(), 1);
  }
  changed_.notify_one();
}

// ---- taking

bool Queue::take_done(LinkedList<Errand>& out, size_t max) noexcept {
  while (out.size() < max) {
    Errand* const errand = done_.pop();
    if (errand == nullptr) break;
    if (errand->posted_) --posted_;
    out.push(*errand);
  }
  if (!done_.empty()) {
    tell();
  } else if (told_of_) {
    told_of_ = false;
    drain(told_.get());
  }
  return out.size() == max;
}

Queue::Got Queue::take(LinkedList<Errand>& out, size_t max, Deadline until) {
  bool drove = false;
  bool looked = false;  // at all that was ready
  bool woken = false;
  Lock lock(mutex_);
  for (;;) {
    if (take_done(out, max)) return Got::taken;
    if (drove && !out.empty()) {
      if (!looked) nudge();
      return Got::taken;
    }
    if (out.empty() && over()) return Got::ended;
    if (!woken) woken = std::exchange(woken_, false);
    const Instant now = out.empty() && !until.is_never() ? steady_clock().now() : Instant{};
    const bool late = woken || (out.empty() && until.passed(now));
    if (looked && late) return Got::nothing;
    if (driven_) {
      if (!out.empty()) return Got::taken;
      if (late) return Got::nothing;
      if (until.is_never()) {
        changed_.wait(lock);
      } else {
        changed_.wait_for(lock, until.at - now);
      }
      continue;
    }
    driven_ = true;
    driver_ = std::this_thread::get_id();
    looked = !drive(lock, !out.empty() || late ? 0 : until.is_never() ? -1 : until.poll_ms(now));
    driven_ = false;
    looked = looked && !signalled_;
    drove = true;
    driven_at_ = steady_clock().coarse();
    changed_.notify_one();
  }
}

void Queue::wake_up() noexcept {
  const Lock lock(mutex_);
  woken_ = true;
  signal();
  tell();
  changed_.notify_all();
}

void Queue::shut_down() noexcept {
  const Lock lock(mutex_);
  shut();
  tell();
}

// What waits for nothing but the end of the queue has it now.
void Queue::shut() noexcept {
  shut_ = true;
  for (const auto& fiber : fibers_) {
    if (fiber->parked_) {
      ready(*fiber, Ready::start);
    } else {
      fiber->woken_ = true;  // it may be about to wait
    }
  }
  signal();
  changed_.notify_all();
}

void Queue::forsake() noexcept {
  LinkedList<Errand> unwanted;
  {
    const Lock lock(mutex_);
    forsaken_ = true;
    unwanted = std::exchange(done_, LinkedList<Errand>());
    shut();
  }
  while (Errand* errand = unwanted.pop()) delete errand;
}

}  // namespace tl::runtime
