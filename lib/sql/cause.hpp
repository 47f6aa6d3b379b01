// The reason for a statement's kind, in words.
#pragma once
#include <string>

#include "classifier.hpp"

namespace tl::sql {

[[nodiscard]] std::string describe_cause(const Cause& cause, const Statement& statement, Dialect dialect);

}  // namespace tl::sql
