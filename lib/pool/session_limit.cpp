#include "session_limit.hpp"

#include <algorithm>

namespace tl::pool {

Permit::~Permit() {
  if (limit_ != nullptr) limit_->left();
}

bool Permit::is_scarce() const noexcept { return limit_ != nullptr && limit_->max() != SessionLimit::none; }

bool SessionLimit::lacks() const noexcept { return int64_t{line_.size()} + taken_ - leaving_ > int64_t{max()}; }

// Behind the others, unless it stands there already.
void SessionLimit::stand(Sharer& sharer, Sharer::Standing where) noexcept {
  const Sharer::Standing before = std::exchange(sharer.standing_, where);
  if (before == where) return;
  if (before == Sharer::Standing::urgent) line_.remove(sharer);
  if (before == Sharer::Standing::patient) patient_.remove(sharer);
  if (where == Sharer::Standing::urgent) line_.push_back(sharer);
  if (where == Sharer::Standing::patient) patient_.push_back(sharer);
}

SessionLimit::Grant SessionLimit::take(Sharer& sharer, const Wish& wish) noexcept {
  using Standing = Sharer::Standing;
  const std::lock_guard lock(mutex_);
  const Standing before = sharer.standing_;
  sharer.since_ = wish.since;
  Grant grant;
  if (line_.empty()) grant.permits = std::min(free(), wish.urgent);
  taken_ += grant.permits;
  if (grant.permits < wish.urgent) {
    stand(sharer, grant.permits > 0 || wish.is_dialling ? Standing::none : Standing::urgent);
  } else {
    uint32_t patient = wish.patient;
    if (patient > 0 && line_.empty() && patient_.empty()) {
      const uint32_t more = std::min(free(), patient);
      taken_ += more;
      grant.permits += more;
      patient -= more;
    }
    stand(sharer, patient > 0 ? Standing::patient : Standing::none);
  }
  note_shortage();
  grant.stands = sharer.standing_ != Standing::none;
  grant.reclaim = sharer.standing_ == Standing::urgent && before != Standing::urgent && lacks();
  return grant;
}

bool SessionLimit::claim(Instant since) noexcept {
  const std::lock_guard lock(mutex_);
  if (!lacks() || (!line_.empty() && line_.first()->since_ >= since)) return false;
  ++leaving_;
  note_shortage();
  return true;
}

void SessionLimit::leaving() noexcept {
  const std::lock_guard lock(mutex_);
  ++leaving_;
  note_shortage();
}

void SessionLimit::put_back() noexcept {
  const std::lock_guard lock(mutex_);
  --taken_;
  note_shortage();
}

void SessionLimit::left() noexcept {
  {
    const std::lock_guard lock(mutex_);
    --leaving_;
    --taken_;
    note_shortage();
  }
  serve();
}

// One thread at a time: whoever frees a permit meanwhile leaves it to that one, also where it is the same, called from
// within a pool whose dial has failed at once.
void SessionLimit::serve() noexcept {
  Lock lock(mutex_);
  if (serving_) return;
  serving_ = true;
  while (free() > 0) {
    Sharer* const next = line_.empty() ? patient_.first() : line_.first();
    if (next == nullptr) break;
    stand(*next, Sharer::Standing::none);
    ++taken_;
    note_shortage();
    next->under_way.fetch_add(1, std::memory_order_relaxed);  // it cannot have left the line, and so is there
    lock.unlock();
    const bool used = next->permitted();
    next->under_way.fetch_sub(1, std::memory_order_release);  // from here on it may be gone
    lock.lock();
    if (!used) --taken_;
    note_shortage();
  }
  serving_ = false;
}

void SessionLimit::change(uint32_t max) noexcept {
  {
    const std::lock_guard lock(mutex_);
    max_.store(max, std::memory_order_relaxed);
    note_shortage();
  }
  serve();
  reclaim();
}

void SessionLimit::join(Sharer& sharer) noexcept {
  const std::lock_guard lock(sharers_mutex_);
  if (std::exchange(sharer.joined_, true)) return;
  sharers_.push_back(sharer);
}

void SessionLimit::leave(Sharer& sharer) noexcept {
  const std::lock_guard lock(sharers_mutex_);
  if (std::exchange(sharer.joined_, false)) sharers_.remove(sharer);
}

Sharer* SessionLimit::coldest() noexcept {
  Sharer* best = nullptr;
  Sharer::Offer least;
  for (Sharer *sharer = sharers_.first(), *next = nullptr; sharer; sharer = next) {
    next = sharer->right_;
    const Sharer::Offer offer = sharer->offer();
    if (!offer.holds_any) {
      sharers_.remove(*sharer);
      sharer->joined_ = false;
    }
    if (!offer.has_idle) continue;
    const bool colder = offer.needs_them == least.needs_them ? offer.quiet_since < least.quiet_since : least.needs_them;
    if (best != nullptr && !colder) continue;
    best = sharer;
    least = offer;
  }
  return best;
}

void SessionLimit::reclaim() noexcept {
  while (is_short()) {
    Lock lock(sharers_mutex_);
    Sharer* const chosen = coldest();
    if (chosen == nullptr) return;
    chosen->under_way.fetch_add(1, std::memory_order_relaxed);  // it has a session, and so has not left
    lock.unlock();
    chosen->close_coldest();
    chosen->under_way.fetch_sub(1, std::memory_order_release);  // from here on it may be gone
  }
}

SessionLimit::Figures SessionLimit::figures() const noexcept {
  const std::lock_guard lock(mutex_);
  return {taken_, line_.size()};
}

void SessionLimit::begin_in_child() noexcept {
  abandon(mutex_);
  abandon(sharers_mutex_);
  taken_ = leaving_ = 0;
  line_ = patient_ = {};
  sharers_ = {};
  serving_ = false;
  short_.store(false, std::memory_order_relaxed);
}

std::vector<SessionLimit::Holder> SessionLimit::holders() {
  std::vector<Holder> all;
  {
    const std::lock_guard lock(sharers_mutex_);
    for (const Sharer* sharer = sharers_.first(); sharer; sharer = sharer->right_) {
      if (const uint32_t held = sharer->held(); held > 0) all.push_back({sharer->connection(), held});
    }
  }
  std::sort(all.begin(), all.end(), [](const Holder& a, const Holder& b) { return a.connection < b.connection; });
  size_t kept = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (kept > 0 && all[kept - 1].connection == all[i].connection) {
      all[kept - 1].sessions += all[i].sessions;
    } else {
      if (kept != i) all[kept] = std::move(all[i]);
      ++kept;
    }
  }
  all.resize(kept);
  std::stable_sort(all.begin(), all.end(), [](const Holder& a, const Holder& b) { return a.sessions > b.sessions; });
  return all;
}

}  // namespace tl::pool
