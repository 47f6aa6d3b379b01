// One session of a pool, and the two orders it stands in: all sessions by age, the idle ones by heat.
#pragma once
#include <array>
#include <cstring>

#include "linked.hpp"
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
  Instant expires;  // the end of its lifetime, which may come early
  Instant quiet_since;

  Borrower borrower;  // while leased
  Instant leased_since;
  bool leased = false;

  Slot* older = nullptr;  // among all
  Slot* newer = nullptr;
  Slot* colder = nullptr;  // among the idle; also links slots on their way out
  Slot* hotter = nullptr;
};

using SlotsByAge = Linked<Slot, &Slot::older, &Slot::newer>;     // the oldest is first
using SlotsByHeat = Linked<Slot, &Slot::colder, &Slot::hotter>;  // the coldest is first

}  // namespace tl::pool
