#include "both_protocols.hpp"

#include <doctest/doctest.h>

namespace tl::validation {
namespace {

bool same(const columnar::Field& a, const columnar::Field& b) {
  return a.name == b.name && a.type == b.type && a.database_type == b.database_type && a.type_id == b.type_id &&
         a.precision == b.precision && a.scale == b.scale && a.nullable == b.nullable;
}

// Goes as text, of which the first answer is that of the statement alone.
std::string with_another(const std::string& sql) { return sql + "; DO 0"; }

Answer first_set(Asking& ask, const std::string& sql, driver::Then after) {
  Answer answer;
  Result<driver::Reply> reply = ask.begin(sql);
  REQUIRE_MESSAGE(reply.ok(), sql << ": " << reply.error().message);
  if (reply->schema != nullptr) answer.schema = *reply->schema;
  Result<Table> rest = ask.rest(*reply);
  REQUIRE_MESSAGE(rest.ok(), sql << ": " << rest.error().message);
  answer.rows = rest.take();
  REQUIRE(reply->then == after);
  if (after == driver::Then::set) REQUIRE(ask.next_set().ok());
  return answer;
}

}  // namespace

Answer BothProtocols::as_binary(const std::string& sql) { return first_set(ask, sql, driver::Then::end); }
Answer BothProtocols::as_text(const std::string& sql) { return first_set(ask, with_another(sql), driver::Then::set); }

Answer BothProtocols::answer(const std::string& sql) {
  Answer binary = as_binary(sql);
  const Answer text = as_text(sql);
  CHECK_MESSAGE((binary.rows == text.rows), sql);
  REQUIRE(binary.schema.size() == text.schema.size());
  for (size_t i = 0; i < text.schema.size(); ++i) CHECK_MESSAGE(same(binary.schema[i], text.schema[i]), sql);
  return binary;
}

std::string BothProtocols::one(const std::string& sql) {
  const Table table = rows(sql);
  REQUIRE(table.size() == 1);
  REQUIRE(table.front().size() == 1);
  return table.front().front();
}

Failure BothProtocols::failure(const std::string& sql) {
  Failure binary = ask.failure(sql);
  CHECK(ask->state() == driver::State::idle);
  const Failure text = ask.failure(with_another(sql));
  CHECK(ask->state() == driver::State::idle);
  CHECK_MESSAGE(status_name(binary->status) == status_name(text->status), sql);
  CHECK_MESSAGE(binary->message == text->message, sql);
  return binary;
}

}  // namespace tl::validation
