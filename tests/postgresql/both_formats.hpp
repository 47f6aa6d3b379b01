// Two sessions that ask the same: one is answered in the binary format, the other, which prepares nothing, in the text
// format. Whoever calls must not be able to tell.
#pragma once
#include "asking.hpp"

namespace tl::validation {

class BothFormats {
 public:
  explicit BothFormats(const std::string& more = "") : binary_(more), text_(more + "statement_cache = 0\n") {}

  // The rows; fails the test where the two sessions do not answer the same columns and values.
  [[nodiscard]] Table rows(const std::string& sql, const Values& values = {});
  [[nodiscard]] std::string one(const std::string& sql, const Values& values = {});
  [[nodiscard]] columnar::Schema schema(const std::string& sql);
  // The error that both answer.
  [[nodiscard]] Failure failure(const std::string& sql, const Values& values = {});
  // A statement that changes the database; once.
  void run(const std::string& sql) { binary_.run(sql); }

 private:
  Asking binary_;
  Asking text_;
};

}  // namespace tl::validation
