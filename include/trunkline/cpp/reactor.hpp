// What a queue and the answers that it owes share.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "options.hpp"

namespace trunkline::detail {

// A verb on a queue, from its submission until its answer is taken. What changes is the reactor's until it has ended.
struct queued_verb {
  queued_verb() = default;
  queued_verb(const queued_verb&) = delete;
  queued_verb& operator=(const queued_verb&) = delete;
  virtual ~queued_verb() { tl_completion_release(&completion); }

  std::optional<operation> own_op;  // where the program has given none
  tl_op op = 0;
  size_t place = 0;  // among those under way
  bool ended = false;
  tl_completion completion{};    // since then
  std::function<void()> waiter;  // what is to be called then; may be none
};

// A subscription, which is under way until its last completion.
struct listener : queued_verb {
  // Takes an event's value; on the thread that drives.
  virtual void tell(tl_completion& event) = 0;

  bool silenced = false;                 // is told nothing more
  std::vector<std::thread::id> tellers;  // who is in tell()
};

// tl_queue for several threads that each want something else of it: one drives, the others sleep here until it has
// taken what they wait for, or until it is their turn. No function of the C ABI but tl_queue_wake and tl_cancel, and
// nothing of the program's, is called under the lock.
//
// A forked child's copy is the parent's: threads that are not there may have held the lock and be in tl_queue_wait, so
// that nothing of it is touched, nor destroyed.
class reactor {
 public:
  using clock = std::chrono::steady_clock;
  using deadline = std::optional<clock::time_point>;  // none: without limit

  [[nodiscard]] static std::shared_ptr<reactor> make(std::shared_ptr<tl_registry> registry) {
    const auto destroy = [](reactor* made) {
      if (made->is_here()) delete made;
    };
    return {new reactor(std::move(registry)), destroy};
  }
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  // False: it belongs to the process that forked this one.
  [[nodiscard]] bool is_here() const noexcept { return process_ == ::getpid(); }
  [[nodiscard]] int fd() const { return is_here() ? tl_queue_fd(raw().get()) : -1; }

  // Starts a verb by start(call, err). Throws what it reports; nothing is under way then.
  template <class Start>
  void submit(const std::shared_ptr<queued_verb>& verb, tl_call call, const Start& start) {
    must_be_here(outcome::not_sent);
    if (call.op == 0) call.op = verb->own_op.emplace(registry_).id();
    verb->op = call.op;
    const auto queue = enter(verb);
    if (queue == nullptr) throw error(TL_E_SHUTDOWN, "the queue is gone", outcome::not_sent);
    call.queue = queue.get();
    call.user_data = reinterpret_cast<uint64_t>(verb.get());
    tl_error* err = nullptr;
    const tl_status status = start(&call, &err);
    if (status == TL_OK) return;
    leave(*verb);
    raise(status, err);
  }

  [[nodiscard]] bool ended(const queued_verb& verb) const {
    if (!is_here()) return verb.ended;
    const std::lock_guard lock(mutex_);
    return verb.ended;
  }
  // False: it has ended, and `waiter` will not be called.
  bool await(queued_verb& verb, std::function<void()> waiter) {
    if (!is_here() && verb.ended) return false;
    must_be_here(outcome::unknown);
    const std::lock_guard lock(mutex_);
    if (verb.ended) return false;
    if (verb.waiter) throw error(TL_E_MISUSE, "this answer is awaited already");
    verb.waiter = std::move(waiter);
    return true;
  }
  void cancel(const queued_verb& verb) const noexcept { static_cast<void>(tl_cancel(registry_.get(), verb.op)); }
  // Nobody wants the answer any more.
  void forget(queued_verb& verb) noexcept {
    if (!is_here()) return;
    {
      const std::lock_guard lock(mutex_);
      if (verb.ended) return;
      verb.waiter = nullptr;  // a coroutine's: what awaits by a callback holds its own answer, and is not forgotten
    }
    cancel(verb);
  }

  // Ends a subscription. It is told nothing more; waits for other threads that are telling it something.
  void silence(listener& to) {
    cancel(to);
    Lock lock(mutex_);
    to.silenced = true;
    changed_.wait(lock, [&to, self = std::this_thread::get_id()] {
      return std::ranges::all_of(to.tellers, [self](std::thread::id each) { return each == self; });
    });
  }

  // Drives the queue until a completion has been served here, which is true, or `enough()`, which is asked under the
  // lock, or the time is up.
  template <class Enough>
  bool serve_one(const deadline& until, const Enough& enough) {
    must_be_here(outcome::unknown);
    std::unique_lock lock(mutex_);
    while (!enough() && raw_ != nullptr) {
      if (driving_) {
        if (!until) {
          changed_.wait(lock);
        } else if (changed_.wait_until(lock, *until) == std::cv_status::timeout && driving_) {
          return false;
        }
        continue;
      }
      tl_completion done{};
      size_t taken = 0;
      const tl_status status = drive(lock, until, done, taken);
      if (taken != 0) return serve(lock, done);
      if (status != TL_OK || (until && clock::now() >= *until)) return false;
    }
    return false;
  }
  void finish(const queued_verb& verb) {
    while (!ended(verb)) serve_one({}, [&] { return verb.ended; });
  }
  // Until nothing is under way, or a wake().
  void run() {
    while (serve_one({}, [this] { return idle() || std::exchange(woken_, false); })) continue;
  }
  bool run_one(const deadline& until) {
    return serve_one(until, [this] { return std::exchange(woken_, false); });
  }

  void wake() {
    if (!is_here()) return;
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
    tl_queue_wake(raw_.get());
  }
  void shutdown() {
    if (is_here()) tl_queue_shutdown(raw().get());
  }

  // The queue goes. What is under way is cancelled, and ends here and now; no waiter is called.
  void close() noexcept {
    if (!is_here()) return;
    std::vector<std::shared_ptr<queued_verb>> left;
    std::shared_ptr<tl_queue> gone;
    {
      const std::lock_guard lock(mutex_);
      left.swap(under_way_);
      gone.swap(raw_);
      for (const auto& verb : left) {
        verb->completion.status = TL_E_SHUTDOWN;
        verb->ended = true;
      }
      changed_.notify_all();
    }
    tl_queue_shutdown(gone.get());
    for (const auto& verb : left) {
      cancel(*verb);
      verb->waiter = nullptr;
    }
  }

 private:
  using Lock = std::unique_lock<std::mutex>;

  explicit reactor(std::shared_ptr<tl_registry> registry) : registry_(std::move(registry)) {
    tl_queue* raw = nullptr;
    checked([&](tl_error** err) { return tl_queue_new(registry_.get(), 0, &raw, err); });
    raw_.reset(raw, &tl_queue_release);
  }
  void must_be_here(outcome of_verb) const {
    if (is_here()) return;
    throw error(TL_E_CLOSED, "the queue belongs to the parent process, which forked this one", of_verb);
  }

  [[nodiscard]] std::shared_ptr<tl_queue> raw() const {
    const std::lock_guard lock(mutex_);
    return raw_;
  }
  [[nodiscard]] bool idle() const noexcept { return under_way_.empty() && serving_ == 0; }

  // Null: closed.
  std::shared_ptr<tl_queue> enter(const std::shared_ptr<queued_verb>& verb) {
    const std::lock_guard lock(mutex_);
    if (raw_ == nullptr) return nullptr;
    verb->place = under_way_.size();
    under_way_.push_back(verb);
    return raw_;
  }
  void leave(queued_verb& verb) {
    const std::lock_guard lock(mutex_);
    if (raw_ == nullptr) return;
    static_cast<void>(removed(verb));
    tell_if_idle();
  }
  std::shared_ptr<queued_verb> removed(const queued_verb& verb) noexcept {
    const size_t place = verb.place;
    std::swap(under_way_[place], under_way_.back());
    under_way_[place]->place = place;
    auto owned = std::move(under_way_.back());
    under_way_.pop_back();
    return owned;
  }

  tl_status drive(Lock& lock, const deadline& until, tl_completion& done, size_t& taken) {
    const std::shared_ptr<tl_queue> queue = raw_;
    driving_ = true;
    lock.unlock();
    const tl_status status = tl_queue_wait(queue.get(), &done, 1, milliseconds_to(until), &taken);
    lock.lock();
    driving_ = false;
    changed_.notify_all();
    return status;
  }
  static int64_t milliseconds_to(const deadline& until) {
    if (!until) return -1;
    return std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(*until - clock::now()).count());
  }

  bool serve(Lock& lock, tl_completion& done) {
    if (raw_ == nullptr) {  // closed meanwhile: the verb may be gone
      lock.unlock();
      tl_completion_release(&done);
      return false;
    }
    if (done.kind == TL_EVENT || done.kind == TL_QUESTION) {
      tell(lock, done);
      return true;
    }
    auto verb = removed(*reinterpret_cast<queued_verb*>(done.user_data));
    verb->completion = done;
    verb->ended = true;
    const auto waiter = std::exchange(verb->waiter, nullptr);
    ++serving_;
    lock.unlock();
    const served at_end(*this);
    verb.reset();
    if (waiter) waiter();
    return true;
  }
  struct served {
    explicit served(reactor& of, listener* who = nullptr) noexcept : from(of), told(who) {}
    served(const served&) = delete;
    served& operator=(const served&) = delete;
    ~served() {
      if (!from.is_here()) return;  // what it called has forked
      const std::lock_guard lock(from.mutex_);
      --from.serving_;
      if (told != nullptr) {
        told->tellers.erase(std::ranges::find(told->tellers, std::this_thread::get_id()));
        if (told->silenced) from.changed_.notify_all();
      }
      from.tell_if_idle();
    }
    reactor& from;
    listener* const told;  // null: it was no event
  };
  // The listener stays under way.
  void tell(Lock& lock, tl_completion& event) {
    const std::unique_ptr<tl_completion, decltype(&tl_completion_release)> owned(&event, &tl_completion_release);
    const auto verb = under_way_[reinterpret_cast<queued_verb*>(event.user_data)->place];
    auto& to = static_cast<listener&>(*verb);
    if (to.silenced) return lock.unlock();
    to.tellers.push_back(std::this_thread::get_id());
    ++serving_;
    lock.unlock();
    const served at_end(*this, &to);
    to.tell(event);
  }
  // Who runs until nothing is under way may drive, or sleep.
  void tell_if_idle() noexcept {
    if (!idle()) return;
    changed_.notify_all();
    if (driving_) tl_queue_wake(raw_.get());
  }

  const pid_t process_ = ::getpid();
  const std::shared_ptr<tl_registry> registry_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<tl_queue> raw_;  // null: closed
  std::vector<std::shared_ptr<queued_verb>> under_way_;
  size_t serving_ = 0;    // threads that are in a waiter
  bool driving_ = false;  // a thread is in tl_queue_wait
  bool woken_ = false;
};

}  // namespace trunkline::detail
