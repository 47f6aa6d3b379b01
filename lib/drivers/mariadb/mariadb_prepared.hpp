// The prepared statements of one session, least recently used first to go.
#pragma once
#include <list>
#include <unordered_map>

#include "mariadb_plan.hpp"

namespace tl::mariadb {

struct Prepared {
  uint64_t statement = 0;  // sql::Statement::id
  StatementHandle handle;
  std::shared_ptr<const Plan> plan;  // of the last answer's set; null: it had none
};

class PreparedCache {
 public:
  explicit PreparedCache(size_t capacity) : capacity_(capacity) {}

  // 0: nothing is kept.
  [[nodiscard]] size_t capacity() const noexcept { return capacity_; }
  // Null when there is none.
  [[nodiscard]] Prepared* find(uint64_t statement);
  // Closes the one that was not used for longest where there is no room. No answer may be pending.
  Prepared* add(Prepared prepared);
  void drop(uint64_t statement);
  void clear() noexcept;

 private:
  using List = std::list<Prepared>;

  const size_t capacity_;
  List list_;  // the most recently used first
  std::unordered_map<uint64_t, List::iterator> by_statement_;
};

}  // namespace tl::mariadb
