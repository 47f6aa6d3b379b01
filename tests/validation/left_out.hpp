// Tests of what a session keeps from one transaction to the next, which a proxy's clients do not have:
//   TEST_CASE("…" * left_out_behind_proxy("why"))
#pragma once
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

namespace tl::validation {

[[nodiscard]] inline bool behind_proxy() noexcept { return std::getenv("TL_PG_PROXY") != nullptr; }

// What is left out is counted by tests/summary.py.
class left_out_behind_proxy {  // NOLINT: named as doctest names its decorators
 public:
  explicit left_out_behind_proxy(const char* why) : why_(why) {}
  void fill(doctest::detail::TestCase& test) const { leave_out(test.m_name, test.m_skip); }

 private:
  void leave_out(const char* name, bool& skip) const {
    if (!behind_proxy()) return;
    skip = true;
    std::printf("left out: %s: %s\n", name, why_);
  }

  const char* const why_;
};

}  // namespace tl::validation
