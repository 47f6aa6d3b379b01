// Names to entries: many thousands of them, looked up by every thread.
#pragma once
#include <array>

#include "entry.hpp"
#include "fork.hpp"
#include "text_hash.hpp"

namespace tl::registry {

class Names {
 public:
  // Null: there is no such name.
  [[nodiscard]] std::shared_ptr<Entry> find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  // Of the entry of this name; null: there is none.
  [[nodiscard]] std::shared_ptr<connection::Connection> connection(std::string_view name) const;

  // Null; where the name is taken already, by whom.
  [[nodiscard]] std::shared_ptr<Entry> insert(std::shared_ptr<Entry> entry);
  // What had the name, null: nothing.
  [[nodiscard]] std::shared_ptr<Entry> erase(std::string_view name);
  // By order of registration.
  [[nodiscard]] Entries all() const;
  [[nodiscard]] size_t size() const;

  // At a fork the table is whole.
  void before_fork() noexcept;
  void after_fork() noexcept;

 private:
  struct Slot {
    uint64_t hash = 0;
    std::shared_ptr<Entry> entry;  // null: free
  };
  // A part of the names, by their hash: a table with linear probing, at most four fifths full, because a lookup among
  // many names costs what it misses in the caches: here a slot and the beginning of the entry. A mutex each, and not
  // one for readers and writers: it costs less, and no writer waits for a gap between readers.
  struct alignas(64) Shard {
    mutable ForkMutex mutex;
    std::vector<Slot> slots = std::vector<Slot>(8);
    size_t used = 0;

    // Where the name is, or the free slot where it would be.
    [[nodiscard]] size_t place_of(uint64_t hash, std::string_view name) const noexcept;
    [[nodiscard]] size_t home_of(uint64_t hash) const noexcept { return (hash >> 4) & (slots.size() - 1); }
    [[nodiscard]] size_t after(size_t place) const noexcept { return (place + 1) & (slots.size() - 1); }
    void grow();
    void free(size_t place) noexcept;
  };

  template <class Seen>
  auto look(std::string_view name, const Seen& seen) const;  // calls seen(slot.entry) under the lock
  [[nodiscard]] Shard& shard_of(uint64_t hash) noexcept { return shards_[hash % shards_.size()]; }

  const sql::TextHash hash_;
  std::array<Shard, 16> shards_;
};

}  // namespace tl::registry
