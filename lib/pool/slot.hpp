// One session of a pool, and the two orders it stands in: all sessions by age, the idle ones by heat.
#pragma once
#include <array>
#include <cstring>

#include "pool.hpp"

namespace tl::pool {

// Text of a bounded length, so that it can be copied under the pool's lock without an allocation.
template <size_t capacity>
class ShortText {
 public:
  ShortText() = default;
  explicit ShortText(std::string_view text) noexcept : size_(text.size() < capacity ? text.size() : capacity) {
    if (size_ > 0) std::memcpy(bytes_.data(), text.data(), size_);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  size_t size_ = 0;
  std::array<char, capacity> bytes_;
};

using BackendId = ShortText<48>;

struct Slot {
  std::unique_ptr<driver::Session> session;
  BackendId backend_id;  // asked once: nobody but the lessee may call the session while it is leased
  Instant opened;
  Instant expires;  // the end of its lifetime
  Instant quiet_since;

  Borrower borrower;  // while leased
  Instant leased_since;
  bool leased = false;
  bool hung_up = false;  // while it was leased

  Slot* older = nullptr;  // among all
  Slot* newer = nullptr;
  Slot* colder = nullptr;  // among the idle; also links slots on their way out
  Slot* hotter = nullptr;
};

// A doubly linked list through two members of the slots themselves.
template <Slot* Slot::*before, Slot* Slot::*after>
class SlotList {
 public:
  [[nodiscard]] Slot* first() const noexcept { return first_; }
  [[nodiscard]] Slot* last() const noexcept { return last_; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }

  void push_back(Slot& slot) noexcept {
    slot.*before = last_;
    slot.*after = nullptr;
    (last_ ? last_->*after : first_) = &slot;
    last_ = &slot;
    ++size_;
  }
  void remove(Slot& slot) noexcept {
    (slot.*before ? (slot.*before)->*after : first_) = slot.*after;
    (slot.*after ? (slot.*after)->*before : last_) = slot.*before;
    --size_;
  }

 private:
  Slot* first_ = nullptr;
  Slot* last_ = nullptr;
  uint32_t size_ = 0;
};

using SlotsByAge = SlotList<&Slot::older, &Slot::newer>;     // the oldest is first
using SlotsByHeat = SlotList<&Slot::colder, &Slot::hotter>;  // the coldest is first

}  // namespace tl::pool
