#include "type.hpp"

namespace tl::columnar {

std::string_view type_name(Type type) noexcept {
  switch (type) {
    case Type::null: return "null";
    case Type::boolean: return "bool";
    case Type::int64: return "int64";
    case Type::uint64: return "uint64";
    case Type::float64: return "float64";
    case Type::decimal: return "decimal";
    case Type::text: return "text";
    case Type::bytes: return "bytes";
    case Type::date: return "date";
    case Type::time: return "time";
    case Type::timestamp: return "timestamp";
    case Type::timestamptz: return "timestamptz";
    case Type::duration: return "duration";
    case Type::interval: return "interval";
    case Type::uuid: return "uuid";
    case Type::json: return "json";
    case Type::list: return "list";
    case Type::any: return "any";
    case Type::name: return "name";
  }
  return "unknown";
}

}  // namespace tl::columnar
