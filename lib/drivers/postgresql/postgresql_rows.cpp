// PostgresqlSession: rows into columns.
#include "postgresql_session.hpp"

namespace tl::postgresql {
namespace {

Failure wrong_value(int64_t row, const columnar::Field& column, Complaint complaint) {
  Failure failure = fail(Status::data, "row " + std::to_string(row) + ", column \"" + column.name + "\": " + complaint,
                         Phase::decode);
  failure->outcome = Outcome::unknown;  // the statement runs on while its rows are read
  return failure;
}

// A value of a type that is not known comes as text.
constexpr TypeInfo as_text{0, "", Form::text, columnar::Type::text};

}  // namespace

void PostgresqlSession::begin_set(const PGresult* head) {
  const bool known = protocol_ == Protocol::extended && prepared_.capacity() != 0 && plan_ != nullptr &&
                     plan_->types.size() == static_cast<size_t>(PQnfields(head));
  if (!known) plan_ = std::make_shared<const Plan>(plan_of(head, arrays_as_text_));
  binary_ = PQfformat(head, 0) != 0;
  rows_ = 0;
}

Result<void> PostgresqlSession::read_row(columnar::Batch& batch, const PGresult* row, uint64_t& bytes) {
  columnar::Column* const columns = batch.columns().data();
  const size_t n = plan_->types.size();
  for (size_t i = 0; i < n; ++i) {
    const int at = static_cast<int>(i);
    const auto length = static_cast<size_t>(PQgetlength(row, 0, at));
    bytes += length + 8;
    if (length == 0 && PQgetisnull(row, 0, at) != 0) {
      columns[i].append_null();
      continue;
    }
    const TypeInfo& type = plan_->types[i] == nullptr ? as_text : *plan_->types[i];
    const std::string_view value(PQgetvalue(row, 0, at), length);
    const Complaint wrong = binary_ ? read_binary(columns[i], type, value) : read_text(columns[i], type, value);
    if (wrong != nullptr) return wrong_value(rows_ + 1, batch.schema()[i], wrong);
  }
  ++rows_;
  batch.set_rows(batch.rows() + 1);
  return {};
}

}  // namespace tl::postgresql
