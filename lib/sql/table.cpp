#include <algorithm>
#include <mutex>
#include <vector>

#include "statement.hpp"
#include "text_hash.hpp"

namespace tl::sql {

// Chained buckets, and a list of all entries from the latest used to the one used longest ago.
class Table::Entries {
 public:
  Entries(Dialect spoken, size_t capacity) : dialect(spoken), capacity_(capacity) {
    ring_.newer = ring_.older = &ring_;
  }
  ~Entries() {
    while (ring_.newer != &ring_) drop(*static_cast<Entry*>(ring_.newer));
  }
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;

  [[nodiscard]] uint64_t hash_of(std::string_view text, bool named) const noexcept { return hash_(text, named); }
  [[nodiscard]] std::shared_ptr<const Statement> find(uint64_t hash, std::string_view text, bool named);
  // What the table then holds for this text: another thread may have been faster.
  [[nodiscard]] std::shared_ptr<const Statement> keep(uint64_t hash, bool named,
                                                      std::shared_ptr<const Statement> statement);
  [[nodiscard]] size_t bytes() {
    const auto lock = locked();
    return bytes_;
  }
  [[nodiscard]] size_t size() {
    const auto lock = locked();
    return size_;
  }

  const Dialect dialect;

 private:
  struct Link {
    Link* newer = nullptr;
    Link* older = nullptr;
  };
  struct Entry : Link {
    uint64_t hash;
    Entry* next;  // in its bucket
    bool named;
    size_t bytes;
    std::shared_ptr<const Statement> statement;
  };

  [[nodiscard]] std::unique_lock<std::mutex> locked() {
    std::unique_lock lock(mutex_);
    if (buckets_.empty()) buckets_.resize(64);
    return lock;
  }
  [[nodiscard]] Entry*& bucket(uint64_t hash) noexcept { return buckets_[hash & (buckets_.size() - 1)]; }
  [[nodiscard]] Entry* look_up(uint64_t hash, std::string_view text, bool named) noexcept;
  void link_newest(Entry& entry) noexcept;
  static void unlink(Entry& entry) noexcept;
  void drop(Entry& entry) noexcept;
  void grow();

  const size_t capacity_;
  const TextHash hash_;
  std::mutex mutex_;
  std::vector<Entry*> buckets_;  // a power of two of them; none before the first use
  Link ring_;                    // older: the latest used; newer: the one used longest ago
  size_t bytes_ = 0;
  size_t size_ = 0;
};

namespace {

size_t heap_bytes(const std::string& text) noexcept {
  return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
}

size_t heap_bytes(const Statement& statement) noexcept {
  size_t bytes = heap_bytes(statement.text) + heap_bytes(statement.native) + heap_bytes(statement.verb);
  bytes += statement.names.capacity() * sizeof(std::string);
  for (const std::string& name : statement.names) bytes += heap_bytes(name);
  return bytes;
}

}  // namespace

Table::Entries::Entry* Table::Entries::look_up(uint64_t hash, std::string_view text, bool named) noexcept {
  for (Entry* entry = bucket(hash); entry != nullptr; entry = entry->next) {
    if (entry->hash == hash && entry->named == named && entry->statement->text == text) return entry;
  }
  return nullptr;
}

void Table::Entries::link_newest(Entry& entry) noexcept {
  entry.newer = &ring_;
  entry.older = ring_.older;
  entry.older->newer = &entry;
  ring_.older = &entry;
}

void Table::Entries::unlink(Entry& entry) noexcept {
  entry.newer->older = entry.older;
  entry.older->newer = entry.newer;
}

void Table::Entries::drop(Entry& entry) noexcept {
  Entry** place = &bucket(entry.hash);
  while (*place != &entry) place = &(*place)->next;
  *place = entry.next;
  unlink(entry);
  bytes_ -= entry.bytes;
  size_--;
  delete &entry;
}

void Table::Entries::grow() {
  std::vector<Entry*> wider(buckets_.size() * 2);
  buckets_.swap(wider);
  for (Entry* entry : wider) {
    while (entry != nullptr) {
      Entry* const next = entry->next;
      Entry*& place = bucket(entry->hash);
      entry->next = place;
      place = entry;
      entry = next;
    }
  }
}

std::shared_ptr<const Statement> Table::Entries::find(uint64_t hash, std::string_view text, bool named) {
  const auto lock = locked();
  Entry* const entry = look_up(hash, text, named);
  if (entry == nullptr) return nullptr;
  if (ring_.older != entry) {
    unlink(*entry);
    link_newest(*entry);
  }
  return entry->statement;
}

std::shared_ptr<const Statement> Table::Entries::keep(uint64_t hash, bool named,
                                                      std::shared_ptr<const Statement> statement) {
  constexpr size_t allocator = 48;  // two allocations' headers, and the bucket
  const size_t bytes = sizeof(Entry) + sizeof(Statement) + allocator + heap_bytes(*statement);
  if (bytes > capacity_) return statement;
  auto entry = std::make_unique<Entry>();
  entry->hash = hash;
  entry->named = named;
  entry->bytes = bytes;
  entry->statement = statement;

  const auto lock = locked();
  if (const Entry* known = look_up(hash, statement->text, named)) return known->statement;
  while (bytes_ + bytes > capacity_) drop(*static_cast<Entry*>(ring_.newer));
  if (size_ >= buckets_.size()) grow();
  entry->next = bucket(hash);
  bucket(hash) = entry.get();
  link_newest(*entry.release());
  bytes_ += bytes;
  size_++;
  return statement;
}

Table::Table(Dialect dialect, size_t capacity_bytes) : entries_(std::make_unique<Entries>(dialect, capacity_bytes)) {}
Table::~Table() = default;

Result<std::shared_ptr<const Statement>> Table::find(std::string_view text, bool named) {
  const uint64_t hash = entries_->hash_of(text, named);
  if (auto known = entries_->find(hash, text, named)) return known;
  auto statement = analyse(text, entries_->dialect, named);
  if (!statement) return statement.take_error();
  return entries_->keep(hash, named, std::make_shared<const Statement>(statement.take()));
}

Dialect Table::dialect() const noexcept { return entries_->dialect; }
size_t Table::bytes() const { return entries_->bytes(); }
size_t Table::size() const { return entries_->size(); }

}  // namespace tl::sql
