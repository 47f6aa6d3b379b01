#include "postgresql_params.hpp"

#include <cstring>

namespace tl::postgresql {
namespace {

using columnar::Params;
using columnar::Type;
using columnar::Value;

constexpr int text_format = 0;
constexpr int binary_format = 1;
constexpr size_t nothing = std::string::npos;
constexpr size_t most_kept = size_t{1} << 20;  // larger buffers are given back

bool is_int4(const Value& value) noexcept { return value.i64 >= INT32_MIN && value.i64 <= INT32_MAX; }

bool is_wider(Oid type, Oid than) noexcept {
  const auto width = [](Oid of) { return of == oid::int4 ? 1 : of == oid::int8 ? 2 : of == oid::numeric ? 3 : 0; };
  return width(type) > width(than);
}

// Of a list's elements: the type that fits all of them. They are of one kind, but numbers may be of several widths.
Oid element_type(const Params& params, const Value& list) noexcept {
  Oid common = 0;
  for (uint32_t i = 0; i < list.length; ++i) {
    const Value& element = params.list(list)[i];
    if (element.kind() == Type::null) continue;
    const Oid wanted = natural_type(params, element);
    if (common == 0 || is_wider(wanted, common)) common = wanted;
  }
  return common;
}

bool mixes_kinds(const Params& params, const Value& list) noexcept {
  Type common = Type::null;
  for (uint32_t i = 0; i < list.length; ++i) {
    const Type kind = params.list(list)[i].kind();
    if (kind == Type::null) continue;
    if (common != Type::null && kind != common) return true;
    common = kind;
  }
  return false;
}

template <class T>
void put(std::string& out, T value) {
  T swapped = value;
  if constexpr (sizeof(T) == 4) swapped = static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8) swapped = static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
  char bytes[sizeof(T)];
  std::memcpy(bytes, &swapped, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

// The ends of the integers are infinite dates and timestamps, here and at the server; nothing else may become one.
const char* put_date(std::string& out, int64_t days) {
  int32_t moved = 0;
  if (days == INT32_MAX || days == INT32_MIN) {
    moved = static_cast<int32_t>(days);
  } else if (__builtin_sub_overflow(days, epoch_days, &moved) || moved == INT32_MIN || moved == INT32_MAX) {
    return "a date beyond the range of PostgreSQL's";
  }
  put(out, moved);
  return nullptr;
}

const char* put_timestamp(std::string& out, int64_t micros) {
  int64_t moved = micros;
  const bool infinite = micros == INT64_MAX || micros == INT64_MIN;
  if (!infinite && (__builtin_sub_overflow(micros, epoch_micros, &moved) || moved == INT64_MIN)) {
    return "a timestamp beyond the range of PostgreSQL's";
  }
  put(out, moved);
  return nullptr;
}

void put_interval(std::string& out, const columnar::Interval& interval) {
  put(out, interval.micros);
  put(out, interval.days);
  put(out, interval.months);
}

int64_t bits_of(double value) noexcept {
  int64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The binary form of a value whose type has one here; `type` may be wider than its natural one.
const char* put_binary(std::string& out, const Params& params, const Value& value, Oid type) {
  switch (value.kind()) {
    case Type::boolean: out += value.i64 != 0 ? '\1' : '\0'; return nullptr;
    case Type::int64:
    case Type::uint64:
      if (type == oid::int4) {
        put(out, static_cast<int32_t>(value.i64));
      } else {
        put(out, value.i64);
      }
      return nullptr;
    case Type::float64: put(out, bits_of(value.f64)); return nullptr;
    case Type::bytes: out.append(params.text(value)); return nullptr;
    case Type::date: return put_date(out, value.i64);
    case Type::time: put(out, value.i64); return nullptr;
    case Type::timestamp:
    case Type::timestamptz: return put_timestamp(out, value.i64);
    case Type::duration:
      put(out, value.i64);
      put(out, int64_t{0});  // no days, no months
      return nullptr;
    case Type::interval: put_interval(out, params.interval(value)); return nullptr;
    case Type::uuid: out.append(params.arena.substr(value.offset, 16)); return nullptr;
    default: return "a value of this type cannot be sent to PostgreSQL";
  }
}

bool is_text(const Value& value, Oid type) noexcept {
  return value.kind() == Type::text || value.kind() == Type::json || type == oid::numeric;
}

// A list of texts, whose type the statement decides (texts are looked for among uuids too), or of numbers of any size.
bool is_literal(const Value& value, Oid type) noexcept {
  return value.kind() == Type::list && (type == 0 || type == find_type(oid::numeric)->array);
}

}  // namespace

void put_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

Oid natural_type(const Params& params, const Value& value) noexcept {
  switch (value.kind()) {
    case Type::boolean: return oid::boolean;
    // The narrower where it fits: a function of an int4 does not take an int8.
    case Type::int64: return is_int4(value) ? oid::int4 : oid::int8;
    case Type::uint64: return value.i64 < 0 ? oid::numeric : is_int4(value) ? oid::int4 : oid::int8;
    case Type::float64: return oid::float8;
    case Type::decimal: return oid::numeric;
    case Type::bytes: return oid::bytes;
    case Type::date: return oid::date;
    case Type::time: return oid::time;
    case Type::timestamp: return oid::timestamp;
    case Type::timestamptz: return oid::timestamptz;
    case Type::duration:
    case Type::interval: return oid::interval;
    case Type::uuid: return oid::uuid;
    case Type::list: {
      const TypeInfo* element = find_type(element_type(params, value));
      return element == nullptr ? 0 : element->array;
    }
    default: return 0;
  }
}

bool fits(const Params& params, const Value& value, Oid type) noexcept {
  if (value.kind() == Type::null) return true;
  return natural_type(params, value) == type;
}

Result<void> EncodedParams::encode(const Params& params, const std::vector<Oid>& types) {
  if (bytes_.capacity() > most_kept) std::string().swap(bytes_);
  bytes_.clear();
  starts_.clear();
  values_.resize(params.count);
  lengths_.resize(params.count);
  formats_.resize(params.count);
  for (size_t i = 0; i < params.count; ++i) {
    const Value& value = params.values[i];
    const size_t start = bytes_.size();
    formats_[i] = text_format;
    if (value.kind() == Type::null) {
      starts_.push_back(nothing);
      continue;
    }
    starts_.push_back(start);
    formats_[i] = is_text(value, types[i]) || is_literal(value, types[i]) ? text_format : binary_format;
    if (const char* wrong = encode_one(params, value, types[i])) {
      return fail(Status::data, "parameter " + std::to_string(i + 1) + ": " + wrong, Phase::send);
    }
    lengths_[i] = static_cast<int>(bytes_.size() - start);
    if (formats_[i] == text_format) bytes_ += '\0';  // libpq measures texts itself
  }
  for (size_t i = 0; i < params.count; ++i) values_[i] = starts_[i] == nothing ? nullptr : bytes_.data() + starts_[i];
  return {};
}

const char* EncodedParams::encode_one(const Params& params, const Value& value, Oid type) {
  if (bytes_.size() + value.length >= INT32_MAX) return "the parameters are larger than PostgreSQL takes";
  if (value.kind() == Type::list && mixes_kinds(params, value)) return "the list mixes types";
  if (is_literal(value, type)) return encode_literal(params, value);
  if (value.kind() == Type::list) return encode_list(params, value, type);
  if (!is_text(value, type)) return put_binary(bytes_, params, value, type);
  if (value.kind() == Type::uint64) {
    bytes_ += std::to_string(static_cast<uint64_t>(value.i64));
    return nullptr;
  }
  if (has_nul(params.text(value))) return holds_nul;
  bytes_ += params.text(value);
  return nullptr;
}

// A binary array of one dimension whose first index is 1.
const char* EncodedParams::encode_list(const Params& params, const Value& list, Oid type) {
  const Oid element = find_type(type)->element;
  bool has_null = false;
  for (uint32_t i = 0; i < list.length; ++i) has_null = has_null || params.list(list)[i].kind() == Type::null;
  put(bytes_, int32_t{1});
  put(bytes_, int32_t{has_null});
  put(bytes_, element);
  put(bytes_, static_cast<int32_t>(list.length));
  put(bytes_, int32_t{1});
  for (uint32_t i = 0; i < list.length; ++i) {
    const Value& value = params.list(list)[i];
    const size_t size_at = bytes_.size();
    put(bytes_, int32_t{-1});
    if (value.kind() == Type::null) continue;
    if (const char* wrong = put_binary(bytes_, params, value, element)) return wrong;
    std::string size;
    put(size, static_cast<int32_t>(bytes_.size() - size_at - 4));
    bytes_.replace(size_at, 4, size);
  }
  return nullptr;
}

const char* EncodedParams::encode_literal(const Params& params, const Value& list) {
  bytes_ += '{';
  for (uint32_t i = 0; i < list.length; ++i) {
    const Value& value = params.list(list)[i];
    if (i != 0) bytes_ += ',';
    if (value.kind() == Type::null) {
      bytes_ += "NULL";
    } else if (value.kind() == Type::uint64) {
      bytes_ += std::to_string(static_cast<uint64_t>(value.i64));
    } else if (has_nul(params.text(value))) {
      return holds_nul;
    } else {
      put_quoted(bytes_, params.text(value));
    }
  }
  bytes_ += '}';
  return nullptr;
}

}  // namespace tl::postgresql
