// The prepared statements of one session, least recently used first to go.
#pragma once
#include <algorithm>
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
  std::vector<Oid> types;       // that it was prepared for; 0: left to the server
  std::vector<Oid> inferred;    // what the server took its parameters as
  std::vector<size_t> guessed;  // parameters that are sent as text and were taken as something else
  std::shared_ptr<Plan> plan;

  // Once for each result that comes; the last of them is its description.
  void describe(const PGresult* description, bool arrays_as_text);
  // Whether the values mean what they would mean to a statement prepared now. The server would go on reading a text as
  // the int4 that it once took it as, after the column has become text.
  [[nodiscard]] bool still_means(const columnar::Params& params) const noexcept {
    return std::all_of(guessed.begin(), guessed.end(),
                       [&](size_t i) { return params.values[i].kind() == columnar::Type::null; });
  }
  // The server chose a type of its parameters.
  [[nodiscard]] bool left_types() const noexcept { return std::find(types.begin(), types.end(), 0U) != types.end(); }
};

class PreparedCache {
 public:
  explicit PreparedCache(size_t capacity) : capacity_(capacity) {}

  // 0: nothing is prepared.
  [[nodiscard]] size_t capacity() const noexcept { return capacity_; }
  // Null when there is none that takes the values. known() does not count as use.
  [[nodiscard]] const Prepared* known(uint64_t statement, const columnar::Params& params) const noexcept;
  [[nodiscard]] const Prepared* find(uint64_t statement, const columnar::Params& params);
  // So many wait to be deallocated that no more should be prepared before they are.
  [[nodiscard]] bool crowded() const noexcept { return discarded_.size() >= capacity_; }
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
