// PostgresqlSession: rows into columns.
#include <algorithm>

#include "postgresql_session.hpp"

namespace tl::postgresql {
namespace {

constexpr uint64_t most_kept = uint64_t{16} << 20;

// Whether the result's columns are those that were described: the server sees to it for most statements.
bool has_types(const PGresult* head, const columnar::Schema& schema) noexcept {
  for (size_t i = 0; i < schema.size(); ++i) {
    if (PQftype(head, static_cast<int>(i)) != schema[i].type_id) return false;
  }
  return true;
}

// The session's setting that makes the server write texts of the type in another way than this library reads them.
const char* changed_setting(PGconn* conn, const TypeInfo& type) noexcept {
  const auto is_other = [conn](const char* name, std::string_view ours) {
    const char* value = PQparameterStatus(conn, name);
    if (value == nullptr) return static_cast<const char*>(nullptr);
    const std::string_view style(value);  // DateStyle has a second part, which is about input
    return style.substr(0, style.find(',')) == ours ? nullptr : name;
  };
  switch (type.form) {
    case Form::date:
    case Form::timestamp: return is_other("DateStyle", "ISO");
    case Form::interval: return is_other("IntervalStyle", "postgres");
    case Form::bytes: return "bytea_output";  // the server does not tell it
    case Form::list: return changed_setting(conn, *find_type(type.element));
    default: return nullptr;
  }
}

constexpr uint64_t most_bytes = uint64_t{1} << 31;  // of any column
constexpr size_t slot = 8;                          // what most values take beside their bytes

// A value of a type that is not known comes as text.
constexpr TypeInfo as_text{0, "", Form::text, columnar::Type::text};

}  // namespace

Result<void> PostgresqlSession::begin_set(const PGresult* head) {
  const auto n = static_cast<size_t>(PQnfields(head));
  binary_ = PQbinaryTuples(head) != 0;
  rows_ = 0;
  const bool described = protocol_ == Protocol::extended && plan_ != nullptr && plan_->types.size() == n &&
                         (n == 0 || has_types(head, *plan_->schema));
  if (described) return {};
  plan_ = std::make_shared<const Plan>(plan_of(head, arrays_as_text_));
  if (!binary_ || plan_->binary) return {};
  Failure failure =
      fail(Status::data, "the server sent binary values of types that are read as text only", Phase::decode);
  failure->outcome = Outcome::unknown;
  return failure;
}

Failure PostgresqlSession::wrong_row(const std::string& where, Complaint complaint, const TypeInfo* type) const {
  Failure failure = fail(complaint == too_large ? Status::too_large : Status::data,
                         "row " + std::to_string(rows_ + 1) + where + ": " + complaint, Phase::decode);
  if (const char* setting = binary_ || type == nullptr ? nullptr : changed_setting(conn_.get(), *type)) {
    failure->message += std::string("; the session's ") + setting + " may have been changed";
  }
  failure->outcome = Outcome::unknown;  // the statement itself has succeeded, or may yet
  return failure;
}

Result<void> PostgresqlSession::same_encoding() {
  if (PQclientEncoding(conn_.get()) == encoding_) return {};
  broken_ = true;
  Failure failure = fail(Status::unsupported,
                         "client_encoding was changed: texts are read and written as UTF-8, so the session is closed",
                         Phase::receive);
  failure->outcome = Outcome::unknown;
  return failure;
}

void PostgresqlSession::note_size(uint64_t bytes) noexcept {
  if (bytes > most_kept) swollen_ = changed_ = true;
}

Result<void> PostgresqlSession::read_row(columnar::Batch& batch, const PGresult* row, uint64_t& bytes) {
  columnar::Column* const columns = batch.columns().data();
  const size_t n = plan_->types.size();
  const uint64_t before = bytes;
  for (size_t i = 0; i < n; ++i) {
    const int at = static_cast<int>(i);
    const auto length = static_cast<size_t>(PQgetlength(row, 0, at));
    bytes += length + slot;
    if (length == 0 && PQgetisnull(row, 0, at) != 0) {
      columns[i].append_null();
      bytes += widest_slot - slot;
      continue;
    }
    const TypeInfo& type = plan_->types[i] == nullptr ? as_text : *plan_->types[i];
    const std::string_view value(PQgetvalue(row, 0, at), length);
    const Complaint wrong = binary_ ? read_binary(columns[i], type, value) : read_text(columns[i], type, value);
    if (wrong != nullptr) return wrong_row(", column \"" + batch.schema()[i].name + '"', wrong, plan_->types[i]);
  }
  // Where it happens, what was appended is never shown: a check for each value would cost more than it is worth.
  if (bytes >= most_bytes) return wrong_row("", too_large, nullptr);
  note_size(bytes - before);
  if (plan_->grows) bytes = std::max<uint64_t>(bytes, batch.bytes());
  ++rows_;
  batch.set_rows(batch.rows() + 1);
  return {};
}

}  // namespace tl::postgresql
