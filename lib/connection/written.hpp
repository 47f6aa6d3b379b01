// What the reads of a handle must find: a place in the server's history behind all that was written through it, and
// behind what the token says that it was derived with.
#pragma once
#include <atomic>

#include "fork.hpp"
#include "position.hpp"

namespace tl::connection {

class Written {
 public:
  struct State {
    driver::Position position;
    uint64_t lost = 0;  // how many writes nobody knows the place of
  };

  Written() = default;
  // As the other is now, and behind a token's place.
  Written(const Written& other, const driver::Position& after);
  Written(const Written&) = delete;
  Written& operator=(const Written&) = delete;

  // [any thread]
  // Something was written, up to there. Empty: nobody knows where.
  void note(const driver::Position& position);
  // All that was there at `before` is found up to this place, in a history that may be another one by now.
  void found(const driver::Position& position, const State& before);

  // A token has a part in what is to be found.
  [[nodiscard]] bool is_of_token() const noexcept { return of_token_; }
  // False: any server has all of it. Without a lock.
  [[nodiscard]] bool any() const noexcept { return any_.load(std::memory_order_acquire); }
  [[nodiscard]] State state() const;

 private:
  void lock() const noexcept;

  mutable ForkMutex mutex_;
  mutable State state_;
  const bool of_token_ = false;
  std::atomic<bool> any_{false};
};

}  // namespace tl::connection
