// The prepared statements of one session, least recently used first to go.
#pragma once
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "postgresql_plan.hpp"

namespace tl::postgresql {

// One text may be prepared several times: once for each set of types that its values came with.
struct Prepared {
  uint64_t statement = 0;  // sql::Statement::id
  std::string name;
  std::vector<Oid> types;
  std::shared_ptr<const Plan> plan;
};

class PreparedCache {
 public:
  explicit PreparedCache(size_t capacity) : capacity_(capacity) {}

  // 0: nothing is prepared.
  [[nodiscard]] size_t capacity() const noexcept { return capacity_; }
  // Null when there is none that takes the values.
  [[nodiscard]] const Prepared* find(uint64_t statement, const columnar::Params& params);
  [[nodiscard]] std::string next_name() { return "tl_" + std::to_string(++last_name_); }
  const Prepared* add(Prepared prepared);
  // The server does not have it any more, or has it in a form of no use.
  void drop(uint64_t statement);
  // The session has none any more.
  void clear() noexcept;

  // Names to deallocate at the server: they have been evicted or dropped.
  [[nodiscard]] std::vector<std::string> take_discarded() { return std::exchange(discarded_, {}); }

 private:
  using List = std::list<Prepared>;
  void discard(List::iterator which);

  const size_t capacity_;
  uint64_t last_name_ = 0;
  List list_;  // the most recently used first
  std::unordered_multimap<uint64_t, List::iterator> by_statement_;
  std::vector<std::string> discarded_;
};

}  // namespace tl::postgresql
