// What of the library lives on in a forked child, and how. The child has copies of all objects but of no thread except
// the one that forked: what others were in the middle of is never finished there. So, in a child
//  - the library's descriptors are closed at once (Descriptor, Inherited);
//  - what belongs to its parent's sessions and threads is neither used nor destroyed: whoever may still reach it asks
//    process_number();
//  - what lives on has a ForkMutex, or is locked while a fork takes place (ForkParticipant);
//  - what is made when it is used first is PerProcess or has a ForkMutex. A function's static variables are those that
//    the compiler can make, and no others: a child would wait for ever for one that another thread of its parent was
//    making at the fork.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

namespace tl {

namespace detail {
extern std::atomic<uint32_t> process_number;
}

// Another one in each forked child than in its ancestors.
[[nodiscard]] inline uint32_t process_number() noexcept {
  return detail::process_number.load(std::memory_order_relaxed);
}

// Whose something is: of the process that was this one when it was made.
class MadeHere {
 public:
  [[nodiscard]] explicit operator bool() const noexcept { return process_ == process_number(); }

 private:
  uint32_t process_ = process_number();
};

// Makes the object new without destroying what it was: that belongs to a parent.
template <class T>
void abandon(T& object) noexcept {
  new (&object) T();
}

// A mutex that is free in a forked child, whoever held it at the fork. Small.
class ForkMutex {
 public:
  constexpr ForkMutex() = default;
  ForkMutex(const ForkMutex&) = delete;
  ForkMutex& operator=(const ForkMutex&) = delete;

  void lock() noexcept { (void)take(); }
  // Locks it. False: a thread held it that is not there any more, and may have left half done what it guards.
  [[nodiscard]] bool take() noexcept;
  void unlock() noexcept;

 private:
  [[nodiscard]] bool take_slowly() noexcept;

  std::atomic<uint32_t> word_{0};  // the process that used it last, and its state
};

// While one lives, a fork by another thread waits for its end, at most for 200 ms: for what takes locks or makes
// descriptors inside client libraries, which a child would find taken, or not find. Not one within another.
class ForkDelay {
 public:
  ForkDelay() noexcept;
  ~ForkDelay();
  ForkDelay(const ForkDelay&) = delete;
  ForkDelay& operator=(const ForkDelay&) = delete;
};

// Something that is to be whole at a fork, or begins anew in a child. Functions here must not wait for anything long.
class ForkParticipant {
 public:
  ForkParticipant() = default;
  virtual ~ForkParticipant() = default;
  ForkParticipant(const ForkParticipant&) = delete;
  ForkParticipant& operator=(const ForkParticipant&) = delete;

  virtual void before_fork() noexcept = 0;     // locks
  virtual void after_fork() noexcept = 0;      // in the parent: unlocks
  virtual void begin_in_child() noexcept = 0;  // where no other thread is; what is a ForkMutex is free already

 protected:
  // At the end of the constructor, and at the beginning of the destructor.
  void join_forks();
  void leave_forks() noexcept;

 private:
  friend class Forks;
  ForkParticipant* before_ = nullptr;
  ForkParticipant* after_ = nullptr;
};

// A descriptor that a forked child closes at once, without a word on it.
class Inherited {
 public:
  using Take = int (*)(void* of) noexcept;  // [in a child] from its owner, who has none afterwards; -1: there is none
  Inherited() = default;
  Inherited(Take take, void* of) noexcept : take_(take), of_(of) { join(); }
  ~Inherited() { leave(); }
  Inherited(const Inherited&) = delete;
  Inherited& operator=(const Inherited&) = delete;
  void leave() noexcept;  // before its owner closes it or goes

 private:
  friend class Forks;
  friend class Descriptor;
  void join() noexcept;

  Take take_ = nullptr;
  void* of_ = nullptr;
  Inherited* before_ = nullptr;
  Inherited* after_ = nullptr;
};

// One that the library made itself; in a child it is -1.
class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  // Where there is none: `make` answers one, or -1. No fork takes place meanwhile.
  template <class Make>
  [[nodiscard]] bool open(const Make& make) noexcept {
    if (fd_ >= 0) return true;
    lock_forks();
    fd_ = make();
    join_locked();
    unlock_forks();
    return fd_ >= 0;
  }
  void close() noexcept;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  static void lock_forks() noexcept;
  static void unlock_forks() noexcept;
  void join_locked() noexcept;

  int fd_ = -1;
  Inherited entry_;
};

// An object that each process has its own of, made when it is first used there and never destroyed.
template <class T>
class PerProcess {
 public:
  constexpr PerProcess() = default;

  // `make` answers a new T.
  template <class Make>
  [[nodiscard]] T& get(const Make& make) {
    if (T* const made = peek()) return *made;
    const std::lock_guard lock(mutex_);
    if (T* const made = peek()) return *made;
    object_.store(make(), std::memory_order_relaxed);
    made_in_.store(uint64_t{process_number()} + 1, std::memory_order_release);
    return *object_.load(std::memory_order_relaxed);
  }
  // Null: not yet in this process.
  [[nodiscard]] T* peek() const noexcept {
    const bool here = made_in_.load(std::memory_order_acquire) == uint64_t{process_number()} + 1;
    return here ? object_.load(std::memory_order_relaxed) : nullptr;
  }

 private:
  ForkMutex mutex_;
  std::atomic<uint64_t> made_in_{0};
  std::atomic<T*> object_{nullptr};
};

}  // namespace tl
