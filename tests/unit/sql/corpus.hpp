// Labelled statements: what the lexer must say about each.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "statement.hpp"

namespace corpus {

struct Case {
  std::string_view text;
  tl::sql::Kind kind;
  bool plain;
  uint32_t parameters = 0;
  std::string_view native{};  // where it differs from the text
  uint32_t statements = 1;
  bool named = false;
};

std::span<const Case> sqlite();
std::span<const Case> postgresql();
std::span<const Case> mysql();

}  // namespace corpus
