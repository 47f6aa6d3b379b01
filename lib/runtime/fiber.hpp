// A stack of its own, on which straight-line code runs for a queue: where it must wait it is put aside, and its thread
// goes on with something else. It goes on on whatever thread drives the queue: nothing of a thread may be kept across a
// wait (no lock, no thread_local, no exception that is being handled).
#pragma once
#include <memory>

#include "operation.hpp"

namespace tl::runtime {

class Errand;
class Queue;
template <class Node>
class LinkedList;

class Fiber {
 public:
  Fiber(Queue& queue, uint32_t index);  // may throw std::bad_alloc
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The one that this code runs on; null: a thread's own stack, which may block.
  [[nodiscard]] static Fiber* current() noexcept;

  [[nodiscard]] const Queue& queue() const noexcept { return queue_; }
  // [on it] Waits until the descriptor (-1: none) is ready for `want`, `until` has passed, or wake() is called: answers
  // what of `want` is ready, `timer` or `start`. May answer `start` for no reason.
  [[nodiscard]] driver::Ready park(int fd, driver::Ready want, Deadline until) noexcept;
  // [any thread] Whoever calls it makes sure that the code on the fiber cannot end meanwhile.
  void wake() noexcept;
  // [any thread] Whether it is put aside: then it is the caller's to run_claimed(), else it is woken.
  [[nodiscard]] bool claim() noexcept;
  // Runs what was claimed on the calling thread until it waits again, or after that which runs here already.
  static void run_claimed(Fiber& fiber) noexcept;

 private:
  friend class Queue;
  template <class Node>
  friend class LinkedList;
  struct Stack;

  // Whether it waits for more than to be woken.
  [[nodiscard]] bool expects() const noexcept { return fd_ >= 0 || !until_.is_never(); }

  void enter() noexcept;  // [by the queue] until it waits or its errand has ended
  void leave() noexcept;  // [on it] back to who entered
  void work() noexcept;

  Queue& queue_;
  const uint32_t index_;  // of the queue's fibers
  const std::unique_ptr<Stack> stack_;
  std::unique_ptr<Errand> errand_;  // null: it rests
  Fiber* next_ = nullptr;           // in the one list it is in
  bool ended_ = false;              // the errand has
  bool leaving_ = false;            // nothing more is to run here

  // What it waits for, from park() to the queue.
  int fd_ = -1;
  driver::Ready want_ = driver::Ready::start;
  Deadline until_;
  driver::Ready got_ = driver::Ready::start;

  // With the queue's mutex held.
  bool parked_ = false;
  bool woken_ = false;       // while it ran
  uint32_t generation_ = 0;  // of its waits: an event of an earlier one is stale
};

}  // namespace tl::runtime
