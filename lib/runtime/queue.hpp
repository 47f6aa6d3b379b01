// A reactor: runs errands on fibers, waits for their descriptors and deadlines by epoll, and keeps what has ended until
// somebody asks for it. Whoever submits runs the first steps, whoever waits runs the rest: one thread at a time drives.
// The housekeeper drives a queue that is left alone while something is under way.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "fiber.hpp"
#include "housekeeper.hpp"
#include "result.hpp"

namespace tl::runtime {

// What a queue runs, and hands back when it has ended.
class Errand {
 public:
  Errand() = default;
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;
  virtual ~Errand() = default;
  virtual void run() noexcept = 0;  // on a fiber
  // Of one that is posted: how many were lost since the last one that was not; those whose loss was told do not count.
  virtual void note_lost(uint64_t lost) noexcept { (void)lost; }
  // [by the housekeeper] Nobody has taken it in time: it must not wait for anything, and still is to be taken.
  virtual void expire() noexcept {}

 protected:
  // [on the fiber] Once it has ended it lies untaken until then, and expires.
  void lie_until(Deadline until) noexcept { lies_until_ = until; }

 private:
  friend class Queue;
  template <class Node>
  friend class LinkedList;
  Deadline lies_until_;
  bool posted_ = false;
  Errand* next_ = nullptr;  // of those that have ended
};

// Linked through its nodes, which it does not own.
template <class Node>
class LinkedList {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] size_t size() const noexcept { return size_; }
  void push(Node& node) noexcept {
    node.next_ = nullptr;
    (first_ == nullptr ? first_ : last_->next_) = &node;
    last_ = &node;
    ++size_;
  }
  [[nodiscard]] Node* pop() noexcept {
    Node* const node = first_;
    if (node == nullptr) return nullptr;
    first_ = node->next_;
    --size_;
    return node;
  }

 private:
  Node* first_ = nullptr;
  Node* last_ = nullptr;
  size_t size_ = 0;
};

class Queue : public std::enable_shared_from_this<Queue> {
 public:
  static constexpr size_t most = 16384;        // errands, under way or not yet taken
  static constexpr size_t most_posted = 1024;  // not yet taken, beyond which what may be lost is

  enum class Driver : uint8_t { callers, own_thread };
  // Errors: resource; the process has no descriptor or thread to give.
  [[nodiscard]] static Result<std::shared_ptr<Queue>> make(Driver driver);
  explicit Queue(Driver driver) noexcept : own_thread_(driver == Driver::own_thread) {}
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Readable when take() has something to do. Of a queue that its callers drive it is the epoll descriptor.
  [[nodiscard]] int fd() const noexcept { return (own_thread_ ? told_ : epoll_).get(); }

  // [any thread] Runs the errand until it waits for the first time. Errors, which leave it with the caller: shutdown;
  // busy, the queue is full.
  [[nodiscard]] Result<void> submit(std::unique_ptr<Errand>& errand);

  enum class Loss : uint8_t { counted, told };
  // [any thread] Hands out something that need not run. False: it is lost, since the queue is shut or too much is there
  // already: most_posted where that is only counted, `most` where the caller minds.
  bool post(std::unique_ptr<Errand>& errand, Loss loss) noexcept;

  enum class Got : uint8_t { taken, nothing, ended };  // ended: it was shut down, and all has been taken
  // [any thread] Takes up to `max` errands that have ended, after waiting for the first one if need be: until the time,
  // or a wake_up(). Fewer than `max`: the descriptor tells, by an edge too, of whatever comes next.
  // They are the caller's to delete.
  [[nodiscard]] Got take(LinkedList<Errand>& out, size_t max, Deadline until);
  // Who takes from it, as CallOptions::owner says it, and who did last; 0: nobody yet.
  void note_taker(uint64_t taker) noexcept { taker_.store(taker, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t taker() const noexcept { return taker_.load(std::memory_order_relaxed); }
  void wake_up() noexcept;    // [any thread] one take() that waits, or else the next, takes nothing
  void shut_down() noexcept;  // [any thread] no more is submitted; what is under way goes on
  [[nodiscard]] bool is_shut() const noexcept { return shut_.load(std::memory_order_acquire); }
  void forsake() noexcept;  // shut down, and nobody will take anything any more

 private:
  friend class Fiber;
  using Lock = std::unique_lock<std::mutex>;

  class LastResort;

  [[nodiscard]] Result<void> open();
  void start_thread();
  void work() noexcept;  // of the thread

  void run(Fiber& fiber) noexcept;
  void finish(Fiber& fiber) noexcept;
  void wake(Fiber& fiber) noexcept;
  [[nodiscard]] bool claim(Fiber& fiber) noexcept;
  void watch_over() noexcept;
  [[nodiscard]] Instant drive_if_left_alone() noexcept;
  [[nodiscard]] Instant expire_untaken() noexcept;

  // Waits for events and runs what they concern, with the lock released; answers whether there may be more.
  bool drive(Lock& lock, int timeout_ms) noexcept;
  void run_ready(Lock& lock) noexcept;
  // With the mutex held.
  [[nodiscard]] Fiber& rested();
  void put_aside(Fiber& fiber) noexcept;
  void take_up(Fiber& fiber, driver::Ready got) noexcept;
  void arm(Fiber& fiber) noexcept;
  void shut() noexcept;
  void expect(Instant at) noexcept;
  void expect_taken(const Errand& errand) noexcept;
  void ready(Fiber& fiber, driver::Ready got) noexcept;
  void heed(uint64_t token, uint32_t events) noexcept;
  void heed_timer() noexcept;
  void signal() noexcept;  // to whoever drives or polls
  void nudge() noexcept;   // the same, by an edge in any case
  void tell() noexcept;    // that something has ended
  [[nodiscard]] bool take_done(LinkedList<Errand>& out, size_t max) noexcept;
  [[nodiscard]] bool over() const noexcept { return shut_ && under_way_ + expiring_ == 0 && done_.empty(); }

  const bool own_thread_;
  Descriptor epoll_;
  Descriptor wake_;   // in the epoll: something happened that is no event of it
  Descriptor timer_;  // in the epoll: the nearest deadline
  Descriptor told_;   // of a queue with a thread: something has ended
  std::shared_ptr<Task> last_resort_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  LinkedList<Fiber> resting_;
  LinkedList<Fiber> ready_;
  LinkedList<Errand> done_;
  size_t under_way_ = 0;
  size_t expecting_ = 0;                     // of those, how many wait for a descriptor or a deadline
  size_t posted_ = 0;                        // of done_
  size_t expiring_ = 0;                      // not in done_ meanwhile
  Instant expiry_ = Deadline::never().at;    // when the housekeeper looks for what has expired
  uint64_t lost_ = 0;                        // posts, since the last one that was not
  std::shared_ptr<Queue> self_;              // while anything is under way
  Instant expected_ = Deadline::never().at;  // when the timer goes off
  bool driven_ = false;                      // somebody does
  std::thread::id driver_;                   // who
  Instant driven_at_;                        // when a caller last has
  Nanos next_look_{};                        // after which the last resort looks again
  uint64_t moves_ = 0;                       // of fibers that were ready
  bool watched_ = false;                     // by the last resort
  bool signalled_ = false;
  bool told_of_ = false;
  bool woken_ = false;
  std::atomic<bool> shut_ = false;
  bool forsaken_ = false;
  std::atomic<uint64_t> taker_{0};
};

}  // namespace tl::runtime
