// A doubly linked list through two members of its items, which it does not own.
#pragma once
#include <cstdint>

namespace tl::pool {

template <class Item, Item* Item::*before, Item* Item::*after>
class Linked {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] Item* first() const noexcept { return first_; }
  [[nodiscard]] Item* last() const noexcept { return last_; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }

  void push_back(Item& item) noexcept {
    item.*before = last_;
    item.*after = nullptr;
    (last_ ? last_->*after : first_) = &item;
    last_ = &item;
    ++size_;
  }
  void remove(Item& item) noexcept {
    (item.*before ? (item.*before)->*after : first_) = item.*after;
    (item.*after ? (item.*after)->*before : last_) = item.*before;
    --size_;
  }

 private:
  Item* first_ = nullptr;
  Item* last_ = nullptr;
  uint32_t size_ = 0;
};

}  // namespace tl::pool
