// Small results that the library makes itself: columns of text, integers, booleans and seconds.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "batch.hpp"

namespace tl::registry {

using Cell = std::variant<std::monostate, bool, int64_t, double, std::string>;  // monostate: null

[[nodiscard]] Cell text_or_null(std::string text);  // null: it is empty

class Table {
 public:
  struct Heading {
    std::string name;
    columnar::Type type;
  };

  explicit Table(const std::vector<Heading>& headings);
  // One cell per heading, of its type or null.
  void add(const std::vector<Cell>& row);
  [[nodiscard]] std::shared_ptr<const columnar::Batch> batch();

 private:
  std::shared_ptr<columnar::Batch> batch_;
};

}  // namespace tl::registry
