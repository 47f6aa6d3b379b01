// Waiters in the order in which they came, linked through themselves.
#pragma once
#include "pool.hpp"

namespace tl::pool {

class WaiterList {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] Waiter* first() const noexcept { return first_; }

  void push_back(Waiter& waiter) noexcept {
    waiter.before_ = last_;
    waiter.after_ = nullptr;
    (last_ ? last_->after_ : first_) = &waiter;
    last_ = &waiter;
    ++size_;
  }
  void remove(Waiter& waiter) noexcept {
    (waiter.before_ ? waiter.before_->after_ : first_) = waiter.after_;
    (waiter.after_ ? waiter.after_->before_ : last_) = waiter.before_;
    --size_;
  }
  [[nodiscard]] Waiter* pop_front() noexcept {
    Waiter* waiter = first_;
    if (waiter) remove(*waiter);
    return waiter;
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  uint32_t size_ = 0;
};

}  // namespace tl::pool
