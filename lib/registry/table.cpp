#include "table.hpp"

#include <cassert>

namespace tl::registry {
namespace {

std::shared_ptr<const columnar::Schema> schema_of(const std::vector<Table::Heading>& headings) {
  auto schema = std::make_shared<columnar::Schema>();
  for (const Table::Heading& heading : headings) {
    columnar::Field field;
    field.name = heading.name;
    field.type = heading.type;
    field.database_type = columnar::type_name(heading.type);
    schema->push_back(std::move(field));
  }
  return schema;
}

struct Append {
  columnar::Column& column;
  void operator()(std::monostate) const { column.append_null(); }
  void operator()(bool value) const { column.append_bool(value); }
  void operator()(int64_t value) const { column.append_int64(value); }
  void operator()(double value) const { column.append_double(value); }
  void operator()(const std::string& value) const { column.append_bytes(value.data(), value.size()); }
};

}  // namespace

Cell text_or_null(std::string text) { return text.empty() ? Cell() : Cell(std::move(text)); }

Table::Table(const std::vector<Heading>& headings) : batch_(columnar::Batch::make(schema_of(headings))) {}

void Table::add(const std::vector<Cell>& row) {
  assert(row.size() == batch_->columns().size());
  for (size_t i = 0; i < row.size(); ++i) std::visit(Append{batch_->columns()[i]}, row[i]);
  batch_->set_rows(batch_->rows() + 1);
}

std::shared_ptr<const columnar::Batch> Table::batch() { return std::move(batch_); }

}  // namespace tl::registry
