#include "forgetter.hpp"

#include "registry.hpp"

namespace tl::registry {

void Forgetter::keep(std::weak_ptr<Registry> registry, const std::shared_ptr<Entry>& entry, Nanos unused_for) {
  const Instant now = steady_clock().now();
  {
    const std::lock_guard lock(mutex_);
    registry_ = std::move(registry);
    kept_.push_back({entry, now});
  }
  runtime::housekeeper().wake_at(shared_from_this(), Deadline::after(now, unused_for).at);
}

// There nothing was used before now.
void Forgetter::watch() {
  if (watched_in_.load(std::memory_order_relaxed) == process_number()) return;
  const Instant now = steady_clock().now();
  {
    const std::lock_guard lock(mutex_);
    for (Kept& kept : kept_) kept.since = now;
  }
  runtime::housekeeper().wake_at(shared_from_this(), now);
  watched_in_.store(process_number(), std::memory_order_relaxed);
}

// Whether there is nothing more to do about it, now or later.
bool Forgetter::is_over(Kept& kept, Registry& registry, Instant now, Deadline& next) {
  const auto entry = kept.entry.lock();
  const auto unused_for = entry == nullptr ? std::nullopt : entry->unused_for();
  if (!unused_for) return true;
  next = earlier(next, Deadline::after(now, *unused_for / 4));
  const bool is_unused = now - kept.since >= *unused_for && entry->state() == connection::State::registered;
  return is_unused && registry.forget(entry);
}

// Without the lock: forgetting a name runs what waited for it, and that may be the end of the registry. Meanwhile
// others may come to those that are kept, behind these; only here they go.
Instant Forgetter::run() noexcept {
  const Instant now = steady_clock().now();
  Deadline next = Deadline::never();
  try {
    std::shared_ptr<Registry> registry;
    std::vector<Kept> looked_at;
    {
      const std::lock_guard lock(mutex_);
      registry = registry_.lock();
      looked_at = kept_;
    }
    if (registry == nullptr) return next.at;
    for (Kept& kept : looked_at) {
      if (is_over(kept, *registry, now, next)) kept.entry.reset();
    }
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < looked_at.size(); ++i) {
      if (looked_at[i].entry.expired()) kept_[i].entry.reset();
    }
    std::erase_if(kept_, [](const Kept& kept) { return kept.entry.expired(); });
  } catch (const std::bad_alloc&) {
    return Deadline::after(now, std::chrono::seconds(1)).at;
  }
  return next.at;
}

}  // namespace tl::registry
