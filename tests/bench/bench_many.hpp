// 100,000 rows of four columns into an empty table, which is emptied before each unit outside of its time.
#pragma once
#include <string>

namespace bench {

struct ManyCase {
  const char* name;
  void (*ours)(double seconds);
  void (*theirs)(double seconds);
};

// Null: there is no such case.
[[nodiscard]] const ManyCase* find_many(const std::string& name);

}  // namespace bench
