// The same statement prepared, whose rows come in the binary protocol, and in a text of several statements, whose rows
// come as text. Whoever reads must not be able to tell.
#pragma once
#include "asking.hpp"

namespace tl::validation {

struct Answer {
  columnar::Schema schema;
  Table rows;
};

class BothProtocols {
 public:
  explicit BothProtocols(const std::string& more = "") : ask(more) {}

  // Fails the test where the two do not answer the same columns and values.
  [[nodiscard]] Answer answer(const std::string& sql);
  [[nodiscard]] Table rows(const std::string& sql) { return answer(sql).rows; }
  [[nodiscard]] std::string one(const std::string& sql);
  [[nodiscard]] Answer as_text(const std::string& sql);
  [[nodiscard]] Answer as_binary(const std::string& sql);
  // The error that both answer; the session goes on.
  [[nodiscard]] Failure failure(const std::string& sql);

  Asking ask;
};

}  // namespace tl::validation
