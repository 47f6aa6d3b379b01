#include "hub.hpp"

#include <algorithm>
#include <utility>

namespace tl::observe {

void Hub::subscribe(std::shared_ptr<Listener> listener, Kinds kinds) {
  std::shared_ptr<const Subscriptions> before;  // freed without the lock: listeners go with it
  const std::lock_guard lock(mutex_);
  auto changed = std::make_shared<Subscriptions>(*subscriptions_);
  std::erase_if(*changed, [&](const Subscription& known) { return known.listener == listener; });
  changed->push_back({std::move(listener), kinds});
  before = subscriptions_;
  replace(std::move(changed));
}

void Hub::unsubscribe(const Listener& listener) {
  std::shared_ptr<const Subscriptions> before;
  const std::lock_guard lock(mutex_);
  auto changed = std::make_shared<Subscriptions>(*subscriptions_);
  std::erase_if(*changed, [&](const Subscription& known) { return known.listener.get() == &listener; });
  before = subscriptions_;
  replace(std::move(changed));
}

void Hub::replace(std::shared_ptr<const Subscriptions> subscriptions) noexcept {
  Kinds wanted = 0;
  for (const Subscription& subscription : *subscriptions) wanted |= subscription.kinds;
  subscriptions_ = std::move(subscriptions);
  wanted_.store(wanted, std::memory_order_relaxed);
}

void Hub::publish(Event&& event) noexcept {
  std::shared_ptr<const Subscriptions> subscriptions;
  {
    const std::lock_guard lock(mutex_);
    subscriptions = subscriptions_;
  }
  try {
    const auto shared = std::make_shared<const Event>(std::move(event));
    for (const Subscription& subscription : *subscriptions) {
      if ((subscription.kinds & bit(shared->kind)) != 0) subscription.listener->event(shared);
    }
  } catch (const std::bad_alloc&) {
    drop();
  }
}

}  // namespace tl::observe
