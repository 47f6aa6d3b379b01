#include "both_formats.hpp"

#include <doctest/doctest.h>

namespace tl::validation {
namespace {

bool same(const columnar::Field& a, const columnar::Field& b) {
  if (a.name != b.name || a.type != b.type || a.database_type != b.database_type || a.type_id != b.type_id)
    return false;
  if (a.precision != b.precision || a.scale != b.scale || (a.element == nullptr) != (b.element == nullptr))
    return false;
  return a.element == nullptr || same(*a.element, *b.element);
}

struct Answer {
  columnar::Schema schema;
  Table rows;
};

Answer answer_of(Asking& ask, const std::string& sql, const Values& values) {
  Answer answer;
  Result<driver::Reply> reply = ask.begin(sql, values);
  REQUIRE_MESSAGE(reply.ok(), sql << ": " << reply.error().message);
  if (reply->schema != nullptr) answer.schema = *reply->schema;
  Result<Table> rest = ask.rest(*reply);
  REQUIRE_MESSAGE(rest.ok(), sql << ": " << rest.error().message);
  answer.rows = rest.take();
  return answer;
}

}  // namespace

Table BothFormats::rows(const std::string& sql, const Values& values) {
  Answer binary = answer_of(binary_, sql, values);
  const Answer text = answer_of(text_, sql, values);
  CHECK_MESSAGE(binary.rows == text.rows, sql);
  REQUIRE(binary.schema.size() == text.schema.size());
  for (size_t i = 0; i < text.schema.size(); ++i) CHECK_MESSAGE(same(binary.schema[i], text.schema[i]), sql);
  return std::move(binary.rows);
}

std::string BothFormats::one(const std::string& sql, const Values& values) {
  const Table table = rows(sql, values);
  REQUIRE(table.size() == 1);
  REQUIRE(table.front().size() == 1);
  return table.front().front();
}

columnar::Schema BothFormats::schema(const std::string& sql) { return answer_of(binary_, sql, {}).schema; }

Failure BothFormats::failure(const std::string& sql, const Values& values) {
  Failure binary = binary_.failure(sql, values);
  const Failure text = text_.failure(sql, values);
  REQUIRE(binary_.reset().ok());
  REQUIRE(text_.reset().ok());
  CHECK_MESSAGE(status_name(binary->status) == status_name(text->status), sql);
  CHECK_MESSAGE(binary->message == text->message, sql);
  return binary;
}

}  // namespace tl::validation
