// What has ended on a queue and nobody takes.
#include <algorithm>
#include <utility>

#include "queue.hpp"

namespace tl::runtime {

// When the housekeeper looks for what has expired is set once for all that ends until then: as a rule it finds nothing,
// because all has been taken long before.
void Queue::expect_taken(const Errand& errand) noexcept {
  if (errand.lies_until_.at >= expiry_) return;
  expiry_ = errand.lies_until_.at;
  housekeeper().wake_at(last_resort_, expiry_);
}

// What expires is not among what has ended meanwhile, so that nobody takes it and deletes it.
Instant Queue::expire_untaken() noexcept {
  LinkedList<Errand> late, unwanted;
  Lock lock(mutex_);
  const Instant now = steady_clock().now();
  if (now < expiry_) return expiry_;
  expiry_ = Deadline::never().at;
  for (LinkedList<Errand> all = std::exchange(done_, {}); Errand* const errand = all.pop();) {
    if (errand->lies_until_.passed(now)) {
      errand->lies_until_ = Deadline::never();
      late.push(*errand);
    } else {
      expiry_ = std::min(expiry_, errand->lies_until_.at);
      done_.push(*errand);
    }
  }
  expiring_ += late.size();
  while (Errand* const errand = late.pop()) {
    lock.unlock();
    errand->expire();
    lock.lock();
    --expiring_;
    (forsaken_ ? unwanted : done_).push(*errand);
    tell();
  }
  const Instant next = expiry_;
  lock.unlock();
  while (Errand* const errand = unwanted.pop()) delete errand;
  return next;
}

}  // namespace tl::runtime
