#include "forgetter.hpp"

namespace tl::registry {

void Forgetter::keep(const std::shared_ptr<Entry>& entry, Nanos unused_for) {
  const std::lock_guard lock(mutex_);
  kept_.push_back({entry, unused_for, steady_clock().now()});
}

Instant Forgetter::run() noexcept {
  const Instant now = steady_clock().now();
  Entries unused;
  Deadline next = Deadline::never();
  const std::lock_guard lock(mutex_);
  if (forget_ == nullptr) return next.at;
  try {
    std::erase_if(kept_, [&](const Kept& kept) {
      auto entry = kept.entry.lock();
      if (entry == nullptr) return true;
      next = earlier(next, Deadline::after(now, kept.unused_for / 4));
      const bool is_unused = now - kept.since >= kept.unused_for && entry->state() == connection::State::registered;
      if (is_unused) unused.push_back(std::move(entry));
      return is_unused;
    });
    for (const auto& entry : unused) forget_(entry);
  } catch (const std::bad_alloc&) {
    return Deadline::after(now, std::chrono::seconds(1)).at;  // those that are left
  }
  return next.at;
}

void Forgetter::end() noexcept {
  const std::lock_guard lock(mutex_);
  forget_ = nullptr;
}

}  // namespace tl::registry
