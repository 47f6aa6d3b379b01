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

// Whether a column of the type, or of the texts that it may become, holds a text's own characters. A uuid's spelling is
// not kept, but all its spellings are one value.
bool keeps_texts(Oid type) noexcept {
  const TypeInfo* info = find_type(type);
  if (info != nullptr && info->form == Form::list) type = info->element;
  return type == oid::text || type == oid::varchar || type == oid::uuid;
}

}  // namespace

void Prepared::describe(const PGresult* description, bool arrays_as_text) {
  plan = std::make_shared<Plan>(plan_of(description, arrays_as_text));
  inferred.resize(types.size());
  guessed.clear();
  for (size_t i = 0; i < types.size(); ++i) {
    inferred[i] = PQparamtype(description, static_cast<int>(i));
    if (types[i] == 0 && !keeps_texts(inferred[i])) guessed.push_back(i);
  }
}

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

const Prepared* PreparedCache::known(uint64_t statement, const columnar::Params& params) const noexcept {
  if (!list_.empty() && takes(list_.front(), statement, params)) return &list_.front();
  const auto [from, to] = by_statement_.equal_range(statement);
  const auto found = std::find_if(from, to, [&](const auto& entry) { return takes(*entry.second, statement, params); });
  return found == to ? nullptr : &*found->second;
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
