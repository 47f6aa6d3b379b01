#include "postgresql_types.hpp"

#include <algorithm>
#include <array>

namespace tl::postgresql {
namespace {

using columnar::Type;

constexpr TypeInfo array_of(Oid oid, std::string_view name, Oid element) {
  return {oid, name, Form::list, Type::list, element, 0};
}

// By number, as the server's own pg_type.dat has them.
constexpr std::array types = {
    TypeInfo{16, "bool", Form::boolean, Type::boolean, 0, 1000},
    TypeInfo{17, "bytea", Form::bytes, Type::bytes, 0, 1001},
    TypeInfo{18, "char", Form::one_char, Type::text, 0, 1002},
    TypeInfo{19, "name", Form::text, Type::text, 0, 1003},
    TypeInfo{20, "int8", Form::int8, Type::int64, 0, 1016},
    TypeInfo{21, "int2", Form::int2, Type::int64, 0, 1005},
    TypeInfo{23, "int4", Form::int4, Type::int64, 0, 1007},
    TypeInfo{25, "text", Form::text, Type::text, 0, 1009},
    TypeInfo{26, "oid", Form::oid, Type::int64, 0, 1028},
    TypeInfo{114, "json", Form::json, Type::json, 0, 199},
    TypeInfo{142, "xml", Form::text, Type::text},
    array_of(199, "json[]", 114),
    TypeInfo{700, "float4", Form::float4, Type::float64, 0, 1021},
    TypeInfo{701, "float8", Form::float8, Type::float64, 0, 1022},
    TypeInfo{705, "unknown", Form::text, Type::text},
    array_of(1000, "bool[]", 16),
    array_of(1001, "bytea[]", 17),
    array_of(1002, "char[]", 18),
    array_of(1003, "name[]", 19),
    array_of(1005, "int2[]", 21),
    array_of(1007, "int4[]", 23),
    array_of(1009, "text[]", 25),
    array_of(1014, "bpchar[]", 1042),
    array_of(1015, "varchar[]", 1043),
    array_of(1016, "int8[]", 20),
    array_of(1021, "float4[]", 700),
    array_of(1022, "float8[]", 701),
    array_of(1028, "oid[]", 26),
    TypeInfo{1042, "bpchar", Form::text, Type::text, 0, 1014},
    TypeInfo{1043, "varchar", Form::text, Type::text, 0, 1015},
    TypeInfo{1082, "date", Form::date, Type::date, 0, 1182},
    TypeInfo{1083, "time", Form::time, Type::time, 0, 1183},
    TypeInfo{1114, "timestamp", Form::timestamp, Type::timestamp, 0, 1115},
    array_of(1115, "timestamp[]", 1114),
    array_of(1182, "date[]", 1082),
    array_of(1183, "time[]", 1083),
    TypeInfo{1184, "timestamptz", Form::timestamp, Type::timestamptz, 0, 1185},
    array_of(1185, "timestamptz[]", 1184),
    TypeInfo{1186, "interval", Form::interval, Type::interval, 0, 1187},
    array_of(1187, "interval[]", 1186),
    array_of(1231, "numeric[]", 1700),
    TypeInfo{1700, "numeric", Form::numeric, Type::decimal, 0, 1231},
    TypeInfo{2278, "void", Form::nothing, Type::text},
    TypeInfo{2950, "uuid", Form::uuid, Type::uuid, 0, 2951},
    array_of(2951, "uuid[]", 2950),
    TypeInfo{3802, "jsonb", Form::jsonb, Type::json, 0, 3807},
    array_of(3807, "jsonb[]", 3802),
};

static_assert(std::is_sorted(types.begin(), types.end(),
                             [](const TypeInfo& a, const TypeInfo& b) { return a.oid < b.oid; }));

}  // namespace

const TypeInfo* find_type(Oid oid) noexcept {
  const auto found =
      std::lower_bound(types.begin(), types.end(), oid, [](const TypeInfo& t, Oid wanted) { return t.oid < wanted; });
  return found != types.end() && found->oid == oid ? &*found : nullptr;
}

}  // namespace tl::postgresql
