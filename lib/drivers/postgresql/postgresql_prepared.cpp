#include "postgresql_prepared.hpp"

#include "postgresql_params.hpp"

namespace tl::postgresql {
namespace {

bool takes(const Prepared& prepared, uint64_t statement, const columnar::Params& params) noexcept {
  if (prepared.statement != statement || prepared.types.size() != params.count) return false;
  for (size_t i = 0; i < params.count; ++i) {
    if (!fits(params, params.values[i], prepared.types[i])) return false;
  }
  return true;
}

}  // namespace

const Prepared* PreparedCache::find(uint64_t statement, const columnar::Params& params) {
  if (!list_.empty() && takes(list_.front(), statement, params)) return &list_.front();
  const auto [from, to] = by_statement_.equal_range(statement);
  for (auto at = from; at != to; ++at) {
    if (!takes(*at->second, statement, params)) continue;
    list_.splice(list_.begin(), list_, at->second);
    return &list_.front();
  }
  return nullptr;
}

const Prepared* PreparedCache::add(Prepared prepared) {
  if (list_.size() >= capacity_) discard(std::prev(list_.end()));
  list_.push_front(std::move(prepared));
  by_statement_.emplace(list_.front().statement, list_.begin());
  return &list_.front();
}

void PreparedCache::drop(uint64_t statement) {
  for (auto at = by_statement_.find(statement); at != by_statement_.end(); at = by_statement_.find(statement)) {
    discard(at->second);
  }
}

void PreparedCache::discard(List::iterator which) {
  discarded_.push_back(std::move(which->name));
  const auto [from, to] = by_statement_.equal_range(which->statement);
  for (auto at = from; at != to; ++at) {
    if (at->second != which) continue;
    by_statement_.erase(at);
    break;
  }
  list_.erase(which);
}

void PreparedCache::clear() noexcept {
  by_statement_.clear();
  list_.clear();
  discarded_.clear();
}

}  // namespace tl::postgresql
