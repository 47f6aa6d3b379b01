#include "fiber.hpp"

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include "queue.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace tl::runtime {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t stack_bytes = size_t{1} << 20;
#else
constexpr size_t stack_bytes = size_t{256} << 10;  // of address space; what is not used takes no memory
#endif

thread_local Fiber* running = nullptr;

// Fibers that a thread has claimed while it ran one: they are not nested, each comes after the one before.
struct Claimed {
  LinkedList<Fiber> fibers;
  bool busy = false;
};
thread_local Claimed claimed;

// Boost's stacks with what the sanitizers want to know of them.
class TellingAllocator {
 public:
  TellingAllocator(const void** bottom, size_t* size) noexcept : bottom_(bottom), size_(size) {}
  boost::context::stack_context allocate() {
    boost::context::stack_context made = stacks_.allocate();
    *bottom_ = static_cast<const char*>(made.sp) - made.size;
    *size_ = made.size;
    return made;
  }
  void deallocate(boost::context::stack_context& made) noexcept { stacks_.deallocate(made); }

 private:
  boost::context::protected_fixedsize_stack stacks_{stack_bytes};
  const void** bottom_;
  size_t* size_;
};

}  // namespace

// The two ends of a switch, and what sanitizers must be told of it.
struct Fiber::Stack {
  boost::context::fiber own, caller;
  const void* bottom = nullptr;
  size_t size = 0;
#if defined(__SANITIZE_ADDRESS__)
  const void* caller_bottom = nullptr;
  size_t caller_size = 0;
  void before_entering(void** saved) const noexcept { __sanitizer_start_switch_fiber(saved, bottom, size); }
  static void after_returning(void* saved) noexcept { __sanitizer_finish_switch_fiber(saved, nullptr, nullptr); }
  void before_leaving(void** saved) const noexcept {
    __sanitizer_start_switch_fiber(saved, caller_bottom, caller_size);
  }
  void after_entering(void* saved) noexcept { __sanitizer_finish_switch_fiber(saved, &caller_bottom, &caller_size); }
#elif defined(__SANITIZE_THREAD__)
  void* const self = __tsan_create_fiber(0);
  void* entered_from = nullptr;
  ~Stack() { __tsan_destroy_fiber(self); }
  void before_entering(void**) noexcept {
    entered_from = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(self, 0);
  }
  static void after_returning(void*) noexcept {}
  void before_leaving(void**) const noexcept { __tsan_switch_to_fiber(entered_from, 0); }
  void after_entering(void*) noexcept {}
#else
  static void before_entering(void**) noexcept {}
  static void after_returning(void*) noexcept {}
  static void before_leaving(void**) noexcept {}
  static void after_entering(void*) noexcept {}
#endif
};

Fiber::Fiber(Queue& queue, uint32_t index) : queue_(queue), index_(index), stack_(std::make_unique<Stack>()) {
  const auto body = [this](boost::context::fiber&& caller) {
    stack_->caller = std::move(caller);
    stack_->after_entering(nullptr);
    work();
    stack_->before_leaving(nullptr);
    return std::move(stack_->caller);
  };
  stack_->own = boost::context::fiber(std::allocator_arg, TellingAllocator(&stack_->bottom, &stack_->size), body);
}

Fiber::~Fiber() {
  leaving_ = true;
  enter();
}

[[gnu::noinline]] Fiber* Fiber::current() noexcept { return running; }

void Fiber::work() noexcept {
  while (!leaving_) {
    errand_->run();
    ended_ = true;
    leave();
  }
}

// The stack that enters stays on its thread meanwhile.
[[gnu::noinline]] void Fiber::enter() noexcept {
  Fiber* const outer = std::exchange(running, this);
  void* saved = nullptr;
  stack_->before_entering(&saved);
  stack_->own = std::move(stack_->own).resume();
  Stack::after_returning(saved);
  running = outer;
}

[[gnu::noinline]] void Fiber::leave() noexcept {
  void* saved = nullptr;
  stack_->before_leaving(&saved);
  stack_->caller = std::move(stack_->caller).resume();
  stack_->after_entering(saved);
}

driver::Ready Fiber::park(int fd, driver::Ready want, Deadline until) noexcept {
  fd_ = fd;
  want_ = want;
  until_ = until;
  leave();
  return got_;
}

void Fiber::wake() noexcept { queue_.wake(*this); }

bool Fiber::claim() noexcept { return queue_.claim(*this); }

[[gnu::noinline]] void Fiber::run_claimed(Fiber& fiber) noexcept {
  claimed.fibers.push(fiber);
  if (claimed.busy) return;
  claimed.busy = true;
  while (Fiber* const next = claimed.fibers.pop()) next->queue_.run(*next);
  claimed.busy = false;
}

}  // namespace tl::runtime
