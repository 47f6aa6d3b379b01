// A batch of one or more columns and its exported form, released when the test is done with it.
#pragma once
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <utility>

#include "arrow_export.hpp"
#include "arrow_reader.hpp"

namespace tl::columnar {

inline Field field_of(Type type, std::string name = "c") {
  Field field;
  field.name = std::move(name);
  field.type = type;
  return field;
}

inline Field list_of(Field element, std::string name = "c") {
  Field field = field_of(Type::list, std::move(name));
  field.element = std::make_shared<const Field>(std::move(element));
  return field;
}

inline std::shared_ptr<Batch> batch_of(Field field, const std::function<void(Column&)>& fill) {
  auto batch = Batch::make(std::make_shared<const Schema>(Schema{std::move(field)}));
  fill(batch->columns()[0]);
  batch->set_rows(batch->columns()[0].length);
  return batch;
}

template <class Node>
[[nodiscard]] bool released(const Node& node) {
  return node.release == nullptr;
}

class Exported {
 public:
  explicit Exported(std::shared_ptr<const Batch> batch) {
    export_schema(batch->schema(), &schema);
    auto done = export_batch(std::move(batch), 0, &array);
    REQUIRE(done.ok());
  }
  Exported(const Exported&) = delete;
  Exported& operator=(const Exported&) = delete;
  ~Exported() {
    if (schema.release != nullptr) schema.release(&schema);
    if (array.release != nullptr) array.release(&array);
  }

  [[nodiscard]] std::vector<Cells> columns() const { return read_record_batch(schema, array); }
  [[nodiscard]] const ArrowSchema& field(int64_t i = 0) const { return *schema.children[i]; }
  [[nodiscard]] ArrowArray& child(int64_t i = 0) { return *array.children[i]; }

  ArrowSchema schema{};
  ArrowArray array{};
};

// The cells of one column, through the export and back.
inline Cells through_arrow(Field field, const std::function<void(Column&)>& fill) {
  return Exported(batch_of(std::move(field), fill)).columns()[0];
}

// The message of the export that must fail.
inline std::string refusal(Field field, const std::function<void(Column&)>& fill, int64_t first_row = 0) {
  ArrowArray array{};
  auto result = export_batch(batch_of(std::move(field), fill), first_row, &array);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().status == Status::data);
  CHECK(released(array));
  return result.error().message;
}

}  // namespace tl::columnar
