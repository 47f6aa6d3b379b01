#include "mariadb_plan.hpp"

namespace tl::mariadb {
namespace {

using columnar::Type;

constexpr unsigned binary_charset = 63;
constexpr int not_a_fixed_scale = 31;

struct Kind {
  Form form;
  Type type;
  std::string_view name;
};

std::string_view attribute(const MYSQL_FIELD& field, mariadb_field_attr_t which) noexcept {
  MARIADB_CONST_STRING text{};
  if (mariadb_field_attr(&text, &field, which) != 0 || text.str == nullptr) return {};
  return {text.str, text.length};
}

Kind integer(const MYSQL_FIELD& field, Form with_sign, Form without, std::string_view name) noexcept {
  return {(field.flags & UNSIGNED_FLAG) != 0 ? without : with_sign, Type::int64, name};
}

Kind string_kind(const MYSQL_FIELD& field) noexcept {
  const std::string_view type_name = attribute(field, MARIADB_FIELD_ATTR_DATA_TYPE_NAME);
  if (type_name == "uuid") return {Form::uuid, Type::uuid, "uuid"};
  if (attribute(field, MARIADB_FIELD_ATTR_FORMAT_NAME) == "json") return {Form::string, Type::json, "json"};
  if (!type_name.empty()) return {Form::string, Type::text, type_name};  // inet4, inet6
  if ((field.flags & ENUM_FLAG) != 0) return {Form::string, Type::text, "enum"};
  if ((field.flags & SET_FLAG) != 0) return {Form::string, Type::text, "set"};
  const bool bytes = field.charsetnr == binary_charset;
  switch (field.type) {
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_BLOB:
      return bytes ? Kind{Form::string, Type::bytes, "blob"} : Kind{Form::string, Type::text, "text"};
    case MYSQL_TYPE_STRING:
      return bytes ? Kind{Form::string, Type::bytes, "binary"} : Kind{Form::string, Type::text, "char"};
    default: return bytes ? Kind{Form::string, Type::bytes, "varbinary"} : Kind{Form::string, Type::text, "varchar"};
  }
}

Kind kind_of(const MYSQL_FIELD& field, bool utc) noexcept {
  switch (field.type) {
    case MYSQL_TYPE_TINY: return integer(field, Form::int8, Form::uint8, "tinyint");
    case MYSQL_TYPE_SHORT: return integer(field, Form::int16, Form::uint16, "smallint");
    case MYSQL_TYPE_YEAR: return {Form::uint16, Type::int64, "year"};
    case MYSQL_TYPE_INT24: return integer(field, Form::int32, Form::uint32, "mediumint");
    case MYSQL_TYPE_LONG: return integer(field, Form::int32, Form::uint32, "int");
    case MYSQL_TYPE_LONGLONG:
      return {Form::int64, (field.flags & UNSIGNED_FLAG) != 0 ? Type::uint64 : Type::int64, "bigint"};
    case MYSQL_TYPE_FLOAT: return {Form::float32, Type::float64, "float"};
    case MYSQL_TYPE_DOUBLE: return {Form::float64, Type::float64, "double"};
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: return {Form::string, Type::decimal, "decimal"};
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE: return {Form::date, Type::date, "date"};
    case MYSQL_TYPE_DATETIME: return {Form::datetime, Type::timestamp, "datetime"};
    case MYSQL_TYPE_TIMESTAMP: return {Form::datetime, utc ? Type::timestamptz : Type::timestamp, "timestamp"};
    case MYSQL_TYPE_TIME: return {Form::time, Type::duration, "time"};
    case MYSQL_TYPE_BIT: return {Form::bit, Type::uint64, "bit"};
    case MYSQL_TYPE_JSON: return {Form::string, Type::json, "json"};
    case MYSQL_TYPE_GEOMETRY: return {Form::string, Type::bytes, "geometry"};
    case MYSQL_TYPE_NULL: return {Form::string, Type::text, "null"};
    default: return string_kind(field);
  }
}

uint64_t description_of(const MYSQL_FIELD& field) noexcept {
  return uint64_t{field.length} << 32 ^ uint64_t { field.flags } << 16 ^ uint64_t { field.charsetnr } << 8 ^
         uint64_t { field.decimals } << 56 ^ static_cast<uint64_t>(field.type);
}

std::string_view name_of(const MYSQL_FIELD& field) noexcept { return {field.name, field.name_length}; }

columnar::Field described(const MYSQL_FIELD& from, const Kind& kind) {
  columnar::Field field;
  field.name = name_of(from);
  field.type = kind.type;
  field.database_type = kind.name;
  if (kind.type == Type::uint64 && kind.form == Form::int64) field.database_type += " unsigned";
  field.type_id = static_cast<uint32_t>(from.type);
  field.nullable = (from.flags & NOT_NULL_FLAG) != 0 ? 0 : 1;
  if (kind.type == Type::decimal) {
    // Its length counts a sign and a point, where it can have them.
    const int sign = (from.flags & UNSIGNED_FLAG) != 0 ? 0 : 1;
    field.scale = static_cast<int32_t>(from.decimals);
    field.precision = static_cast<int32_t>(from.length) - sign - (from.decimals > 0 ? 1 : 0);
  }
  const bool has_fraction = kind.form == Form::datetime || kind.form == Form::time;
  if (has_fraction && from.decimals < not_a_fixed_scale) field.scale = static_cast<int32_t>(from.decimals);
  return field;
}

}  // namespace

bool Plan::describes(const MYSQL_FIELD* fields, unsigned n) const noexcept {
  if (n != described.size()) return false;
  for (unsigned i = 0; i < n; ++i) {
    if (description_of(fields[i]) != described[i] || name_of(fields[i]) != (*schema)[i].name) return false;
  }
  return true;
}

std::shared_ptr<const Plan> plan_of(const MYSQL_FIELD* fields, unsigned n, bool utc) {
  auto plan = std::make_shared<Plan>();
  auto schema = std::make_shared<columnar::Schema>();
  plan->utc = utc;
  for (unsigned i = 0; i < n; ++i) {
    const Kind kind = kind_of(fields[i], utc);
    schema->push_back(described(fields[i], kind));
    plan->forms.push_back(kind.form);
    if (fields[i].type == MYSQL_TYPE_TIMESTAMP) plan->has_timestamps = true;
    plan->described.push_back(description_of(fields[i]));
  }
  plan->schema = std::move(schema);
  return plan;
}

}  // namespace tl::mariadb
