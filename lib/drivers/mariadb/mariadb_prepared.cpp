#include "mariadb_prepared.hpp"

namespace tl::mariadb {

Prepared* PreparedCache::find(uint64_t statement) {
  if (!list_.empty() && list_.front().statement == statement) return &list_.front();
  const auto found = by_statement_.find(statement);
  if (found == by_statement_.end()) return nullptr;
  list_.splice(list_.begin(), list_, found->second);
  return &list_.front();
}

Prepared* PreparedCache::add(Prepared prepared) {
  if (list_.size() >= capacity_) drop(list_.back().statement);
  list_.push_front(std::move(prepared));
  by_statement_.emplace(list_.front().statement, list_.begin());
  return &list_.front();
}

void PreparedCache::drop(uint64_t statement) {
  const auto found = by_statement_.find(statement);
  if (found == by_statement_.end()) return;
  const auto which = found->second;
  by_statement_.erase(found);
  list_.erase(which);
}

void PreparedCache::clear() noexcept {
  by_statement_.clear();
  list_.clear();
}

}  // namespace tl::mariadb
