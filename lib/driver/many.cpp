#include "many.hpp"

namespace tl::driver {
namespace {

std::shared_ptr<const columnar::Schema> schema_of_outcomes() {
  columnar::Field field;
  field.name = "affected";
  field.type = columnar::Type::int64;
  field.nullable = 1;
  return std::make_shared<const columnar::Schema>(columnar::Schema{std::move(field)});
}

}  // namespace

void Many::tell(int64_t rows) {
  if (outcomes == nullptr) outcomes = columnar::Batch::make(schema_of_outcomes());
  columnar::Column& column = outcomes->columns()[0];
  if (rows < 0) {
    column.append_null();
  } else {
    column.append_int64(rows);
    affected += rows;
  }
  outcomes->set_rows(column.length);
}

Failure in_row(Failure failure, size_t row) {
  const std::string number = std::to_string(row + 1);
  failure->message = "row " + number + ": " + failure->message;
  failure->details.emplace_back("row", number);
  if (row != 0 && failure->outcome == Outcome::not_sent) failure->outcome = Outcome::refused;
  return failure;
}

}  // namespace tl::driver
