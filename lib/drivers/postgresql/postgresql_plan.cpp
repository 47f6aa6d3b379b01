#include "postgresql_plan.hpp"

namespace tl::postgresql {
namespace {

using columnar::Field;
using columnar::Type;

// The length that a type's modifier carries in front of what it says.
constexpr int modifier_header = 4;

void set_precision(Field& field, int modifier) {
  if (field.type != Type::decimal || modifier < modifier_header) return;
  const int said = modifier - modifier_header;
  field.precision = said >> 16 & 0xffff;
  field.scale = ((said & 0x7ff) ^ 0x400) - 0x400;  // eleven bits with a sign
}

Field field_of(const TypeInfo& type) {
  Field field;
  field.type = type.type;
  field.type_id = type.oid;
  field.database_type = type.name;
  if (type.form == Form::list) field.element = std::make_shared<Field>(field_of(*find_type(type.element)));
  return field;
}

}  // namespace

Plan plan_of(const PGresult* described, bool arrays_as_text) {
  Plan plan;
  const int n = PQnfields(described);
  if (n == 0) return plan;
  plan.binary = true;
  auto schema = std::make_shared<columnar::Schema>();
  schema->reserve(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) {
    const TypeInfo* type = find_type(PQftype(described, i));
    if (type != nullptr && type->form == Form::list && arrays_as_text) type = nullptr;
    Field field;
    if (type != nullptr) field = field_of(*type);
    field.type_id = PQftype(described, i);
    field.name = PQfname(described, i);
    set_precision(field, PQfmod(described, i));
    schema->push_back(std::move(field));
    plan.types.push_back(type);
    plan.binary = plan.binary && type != nullptr;
    plan.grows = plan.grows || (type != nullptr && (type->form == Form::numeric || type->form == Form::list));
  }
  plan.schema = std::move(schema);
  return plan;
}

}  // namespace tl::postgresql
