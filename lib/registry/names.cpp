#include "names.hpp"

#include <algorithm>

namespace tl::registry {

size_t Names::Shard::place_of(uint64_t hash, std::string_view name) const noexcept {
  size_t place = home_of(hash);
  while (slots[place].entry != nullptr && (slots[place].hash != hash || slots[place].entry->name() != name)) {
    place = after(place);
  }
  return place;
}

void Names::Shard::grow() {
  std::vector<Slot> old(slots.size() * 2);
  old.swap(slots);
  for (Slot& slot : old) {
    if (slot.entry != nullptr) slots[place_of(slot.hash, slot.entry->name())] = std::move(slot);
  }
}

// Those behind it move up, so that none is searched beyond a gap.
void Names::Shard::free(size_t place) noexcept {
  slots[place].entry = nullptr;
  --used;
  for (size_t next = after(place); slots[next].entry != nullptr; next = after(next)) {
    const size_t home = home_of(slots[next].hash);
    const bool may_move = place <= next ? home <= place || home > next : home <= place && home > next;
    if (!may_move) continue;
    slots[place] = std::move(slots[next]);
    slots[next].entry = nullptr;
    place = next;
  }
}

template <class Seen>
auto Names::look(std::string_view name, const Seen& seen) const {
  const uint64_t hash = hash_(name, 0);
  const Shard& shard = shards_[hash % shards_.size()];
  const std::lock_guard lock(shard.mutex);
  return seen(shard.slots[shard.place_of(hash, name)].entry);
}

std::shared_ptr<Entry> Names::find(std::string_view name) const {
  return look(name, [](const std::shared_ptr<Entry>& entry) { return entry; });
}

bool Names::has(std::string_view name) const {
  return look(name, [](const std::shared_ptr<Entry>& entry) { return entry != nullptr; });
}

std::shared_ptr<connection::Connection> Names::connection(std::string_view name) const {
  return look(
      name, [](const std::shared_ptr<Entry>& entry) { return entry == nullptr ? nullptr : Entry::connection(entry); });
}

std::shared_ptr<Entry> Names::insert(std::shared_ptr<Entry> entry) {
  const uint64_t hash = hash_(entry->name(), 0);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  size_t place = shard.place_of(hash, entry->name());
  if (shard.slots[place].entry != nullptr) return shard.slots[place].entry;
  if (5 * (shard.used + 1) > 4 * shard.slots.size()) {
    shard.grow();
    place = shard.place_of(hash, entry->name());
  }
  shard.slots[place] = {hash, std::move(entry)};
  ++shard.used;
  return nullptr;
}

std::shared_ptr<Entry> Names::erase(std::string_view name) {
  const uint64_t hash = hash_(name, 0);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  const size_t place = shard.place_of(hash, name);
  std::shared_ptr<Entry> entry = shard.slots[place].entry;
  if (entry != nullptr) shard.free(place);
  return entry;
}

Entries Names::all() const {
  Entries entries;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      if (slot.entry != nullptr) entries.push_back(slot.entry);
    }
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a->number() < b->number(); });
  return entries;
}

void Names::before_fork() noexcept {
  for (const Shard& shard : shards_) shard.mutex.lock();
}

void Names::after_fork() noexcept {
  for (const Shard& shard : shards_) shard.mutex.unlock();
}

size_t Names::size() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.used;
  }
  return sum;
}

}  // namespace tl::registry
