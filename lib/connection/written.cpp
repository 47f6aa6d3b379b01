#include "written.hpp"

#include <mutex>

namespace tl::connection {

Written::Written(const Written& other, const driver::Position& after)
    : state_(other.state()), of_token_(other.of_token_ || !after.empty()) {
  driver::take_later(state_.position, after);
  any_ = state_.lost != 0 || !state_.position.empty();
}

void Written::lock() const noexcept {
  if (mutex_.take()) return;
  abandon(state_);  // whoever was in the middle of changing it is in the parent
  state_.lost = 1;
}

void Written::note(const driver::Position& position) {
  lock();
  const std::unique_lock locked(mutex_, std::adopt_lock);
  if (position.empty()) {
    ++state_.lost;
  } else {
    driver::take_later(state_.position, position);
  }
  any_.store(true, std::memory_order_release);
}

void Written::found(const driver::Position& position, const State& before) {
  lock();
  const std::unique_lock locked(mutex_, std::adopt_lock);
  if (state_.lost == before.lost) state_.lost = 0;
  if (state_.position == before.position) {
    state_.position = position;
  } else {
    driver::take_later(state_.position, position);
  }
}

Written::State Written::state() const {
  lock();
  const std::unique_lock locked(mutex_, std::adopt_lock);
  return state_;
}

}  // namespace tl::connection
