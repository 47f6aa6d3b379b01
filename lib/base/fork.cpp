#include "fork.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <limits>

#include "clock.hpp"

namespace tl {

constinit std::atomic<uint32_t> detail::process_number{0};

namespace {

// Of a mutex's word: the state in the lowest bits, the process above.
constexpr uint32_t state_bits = 2;
constexpr uint32_t state_mask = (1U << state_bits) - 1;
enum : uint32_t { unlocked = 0, locked = 1, awaited = 2 };

constexpr Nanos fork_quiesce = std::chrono::milliseconds(200);

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

void sleep_on(std::atomic<uint32_t>& word, uint32_t value, const timespec* timeout = nullptr) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, timeout, nullptr, 0);
}
void wake_on(std::atomic<uint32_t>& word, int most) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, most, nullptr, nullptr, 0);
}

uint32_t mine() noexcept { return process_number() << state_bits; }

// How many delays there are, and whether no more may begin.
class Gate {
 public:
  void enter() noexcept {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & closed) != 0) {
        sleep_on(word_, seen);
        seen = word_.load(std::memory_order_relaxed);
      } else if (word_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire)) {
        return;
      }
    }
  }
  void leave() noexcept {
    if ((word_.fetch_sub(1, std::memory_order_release) & closed) != 0) wake_on(word_, everybody);
  }
  void close() noexcept {
    const Instant until = steady_clock().now() + fork_quiesce;
    for (uint32_t seen = word_.fetch_or(closed) | closed; seen != closed;
         seen = word_.load(std::memory_order_acquire)) {
      const Nanos left = until - steady_clock().now();
      if (left <= Nanos::zero()) return;
      const timespec timeout{.tv_sec = 0, .tv_nsec = left.count()};
      sleep_on(word_, seen, &timeout);
    }
  }
  void open() noexcept {
    word_.fetch_and(~closed, std::memory_order_release);
    wake_on(word_, everybody);
  }
  void begin_anew() noexcept { word_.store(0, std::memory_order_relaxed); }

 private:
  static constexpr uint32_t closed = 1U << 31;
  static constexpr int everybody = std::numeric_limits<int>::max();
  static_assert(fork_quiesce < std::chrono::seconds(1));

  std::atomic<uint32_t> word_{0};
};

constinit Gate gate;

}  // namespace

bool ForkMutex::take() noexcept {
  uint32_t seen = word_.load(std::memory_order_relaxed);
  const bool taken = (seen & state_mask) == unlocked &&
                     word_.compare_exchange_strong(seen, mine() | locked, std::memory_order_acquire);
  return taken || take_slowly();
}

// Whoever has slept wakes another one when he unlocks.
bool ForkMutex::take_slowly() noexcept {
  uint32_t wanted = mine() | locked;
  uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    const bool is_free = (seen & state_mask) == unlocked;
    if (is_free || (seen & ~state_mask) != mine()) {
      if (word_.compare_exchange_weak(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed)) {
        return is_free;
      }
      continue;
    }
    const bool told = (seen & state_mask) == awaited;
    if (!told && !word_.compare_exchange_weak(seen, mine() | awaited, std::memory_order_relaxed)) continue;
    wanted = mine() | awaited;
    sleep_on(word_, wanted);
    seen = word_.load(std::memory_order_relaxed);
  }
}

void ForkMutex::unlock() noexcept {
  const uint32_t before = word_.exchange(mine() | unlocked, std::memory_order_release);
  if ((before & state_mask) == awaited) wake_on(word_, 1);
}

// Everything that a fork concerns.
class Forks {
 public:
  static void add(ForkParticipant& participant) noexcept {
    const Locked locked_list;
    link(first_participant_, participant);
  }
  static void remove(ForkParticipant& participant) noexcept {
    const Locked locked_list;
    unlink(first_participant_, participant);
  }
  static void add(Inherited& inherited) noexcept {
    const Locked locked_list;
    add_locked(inherited);
  }
  static void add_locked(Inherited& inherited) noexcept { link(first_inherited_, inherited); }
  static void remove(Inherited& inherited) noexcept {
    const Locked locked_list;
    remove_locked(inherited);
  }
  static void remove_locked(Inherited& inherited) noexcept { unlink(first_inherited_, inherited); }

  class Locked {
   public:
    Locked() noexcept { mutex_.lock(); }
    ~Locked() { mutex_.unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;
  };
  static void lock() noexcept { mutex_.lock(); }
  static void unlock() noexcept { mutex_.unlock(); }

 private:
  // When the library is loaded: a child of whose fork it does not know would wait for mutexes that nobody holds.
  [[gnu::constructor]] static void install() noexcept;
  // One fork at a time, and the gate before anything that those whom it waits for may want.
  static void before() noexcept {
    forking_.lock();
    gate.close();
    mutex_.lock();
    for (ForkParticipant* each = first_participant_; each != nullptr; each = each->after_) each->before_fork();
  }
  static void in_parent() noexcept {
    for (ForkParticipant* each = first_participant_; each != nullptr; each = each->after_) each->after_fork();
    mutex_.unlock();
    gate.open();
    forking_.unlock();
  }
  // With the number of its own all these mutexes are free.
  static void in_child() noexcept {
    detail::process_number.fetch_add(1, std::memory_order_relaxed);
    gate.begin_anew();
    while (Inherited* const inherited = first_inherited_) {
      if (const int fd = inherited->take_(inherited->of_); fd >= 0) ::close(fd);
      unlink(first_inherited_, *inherited);
    }
    for (ForkParticipant* each = first_participant_; each != nullptr; each = each->after_) each->begin_in_child();
  }

  template <class Node>
  static void link(Node*& first, Node& node) noexcept {
    node.before_ = nullptr;
    node.after_ = first;
    if (first != nullptr) first->before_ = &node;
    first = &node;
  }
  // Harmless where it is in no list.
  template <class Node>
  static void unlink(Node*& first, Node& node) noexcept {
    if (node.before_ == nullptr && first != &node) return;
    (node.before_ == nullptr ? first : node.before_->after_) = node.after_;
    if (node.after_ != nullptr) node.after_->before_ = node.before_;
    node.before_ = node.after_ = nullptr;
  }

  static constinit ForkMutex forking_;
  static constinit ForkMutex mutex_;
  static constinit ForkParticipant* first_participant_;
  static constinit Inherited* first_inherited_;
};

void Forks::install() noexcept { pthread_atfork(before, in_parent, in_child); }

constinit ForkMutex Forks::forking_;
constinit ForkMutex Forks::mutex_;
constinit ForkParticipant* Forks::first_participant_ = nullptr;
constinit Inherited* Forks::first_inherited_ = nullptr;

ForkDelay::ForkDelay() noexcept { gate.enter(); }
ForkDelay::~ForkDelay() { gate.leave(); }

void ForkParticipant::join_forks() { Forks::add(*this); }
void ForkParticipant::leave_forks() noexcept { Forks::remove(*this); }

void Inherited::join() noexcept { Forks::add(*this); }
void Inherited::leave() noexcept { Forks::remove(*this); }

void Descriptor::lock_forks() noexcept { Forks::lock(); }
void Descriptor::unlock_forks() noexcept { Forks::unlock(); }

void Descriptor::join_locked() noexcept {
  if (fd_ < 0) return;
  entry_.take_ = [](void* of) noexcept { return std::exchange(static_cast<Descriptor*>(of)->fd_, -1); };
  entry_.of_ = this;
  Forks::add_locked(entry_);
}

void Descriptor::close() noexcept {
  if (fd_ < 0) return;
  const Forks::Locked locked_list;
  Forks::remove_locked(entry_);
  ::close(std::exchange(fd_, -1));
}

}  // namespace tl
