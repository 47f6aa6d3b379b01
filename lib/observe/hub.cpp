#include "hub.hpp"

#include <algorithm>
#include <utility>

namespace tl::observe {

void Hub::subscribe(std::shared_ptr<Listener> listener, Kinds kinds) {
  std::shared_ptr<const Subscriptions> before;  // freed without the lock: listeners go with it
  const std::lock_guard lock(mutex_);
  auto changed = others_than(*listener);
  changed->push_back({std::move(listener), kinds});
  before = subscriptions_;
  replace(std::move(changed));
}

void Hub::unsubscribe(const Listener& listener) {
  std::shared_ptr<const Subscriptions> before;
  const std::lock_guard lock(mutex_);
  auto changed = others_than(listener);
  before = subscriptions_;
  replace(std::move(changed));
}

std::shared_ptr<Hub::Subscriptions> Hub::others_than(const Listener& listener) const {
  auto others =
      subscriptions_ == nullptr ? std::make_shared<Subscriptions>() : std::make_shared<Subscriptions>(*subscriptions_);
  std::erase_if(*others, [&](const Subscription& known) { return known.listener.get() == &listener; });
  return others;
}

bool Hub::reaches_only(Kind kind, uint64_t taker) const {
  const std::lock_guard lock(mutex_);
  bool reaches = false;
  for (const Subscription& known : *subscriptions_) {
    if ((known.kinds & bit(kind)) == 0) continue;
    if (known.listener->taker() != taker) return false;
    reaches = true;
  }
  return reaches;
}

void Hub::replace(std::shared_ptr<const Subscriptions> subscriptions) noexcept {
  Kinds wanted = 0;
  for (const Subscription& subscription : *subscriptions) wanted |= subscription.kinds;
  subscriptions_ = std::move(subscriptions);
  wanted_.store(wanted, std::memory_order_relaxed);
}

bool Hub::publish(Event&& event) noexcept {
  std::shared_ptr<const Subscriptions> subscriptions;
  {
    const std::lock_guard lock(mutex_);
    subscriptions = subscriptions_;
  }
  if (subscriptions == nullptr) return false;
  bool told = false;
  try {
    const auto shared = std::make_shared<const Event>(std::move(event));
    for (const Subscription& subscription : *subscriptions) {
      if ((subscription.kinds & bit(shared->kind)) != 0 && subscription.listener->event(shared)) told = true;
    }
  } catch (const std::bad_alloc&) {
    drop();
  }
  return told;
}

void Hub::begin_in_child() noexcept {
  abandon(subscriptions_);
  wanted_.store(0, std::memory_order_relaxed);
  dropped_.store(0, std::memory_order_relaxed);
}

}  // namespace tl::observe
