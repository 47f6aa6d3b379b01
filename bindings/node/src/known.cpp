#include "known.hpp"

#include <cstring>
#include <functional>
#include <string_view>

namespace {

constexpr size_t kMost = 1000;

const char* text_of(const char* text) { return text == nullptr ? "" : text; }

class Hash {
 public:
  void add(uint64_t word) { value_ = (value_ ^ word) * 0x9E3779B97F4A7C15u, value_ ^= value_ >> 29; }
  void add(const char* text) { add(std::hash<std::string_view>()(text_of(text))); }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
};

bool same(const ColumnInfo& known, const tl_column& column) {
  return known.type == column.type && known.type_id == column.type_id && known.precision == column.precision &&
         known.scale == column.scale && known.nullable == column.nullable && known.name == text_of(column.name) &&
         known.type_name == text_of(column.type_name);
}

bool same(const Schema& known, const tl_column* columns, size_t n) {
  if (known.size() != n) return false;
  for (size_t i = 0; i < n; ++i) {
    if (!same(known[i], columns[i])) return false;
  }
  return true;
}

bool same(const Server& known, const char* endpoint, const char* connection, int32_t role) {
  return known.role == role && known.endpoint == text_of(endpoint) && known.connection == text_of(connection);
}

Schema copy_of(const tl_column* columns, size_t n) {
  Schema schema;
  schema.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    const tl_column& column = columns[i];
    schema.push_back({text_of(column.name), text_of(column.type_name), column.type, column.precision, column.scale,
                      column.nullable, column.type_id});
  }
  return schema;
}

template <class Map>
auto found_in(const Map& map, int32_t number) -> const typename Map::mapped_type* {
  const auto found = map.find(number);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

int32_t Known::number_of(const tl_column* columns, size_t n) {
  if (of_last_schema_ != nullptr && same(*of_last_schema_, columns, n)) return last_schema_;
  last_schema_ = find_schema(columns, n);
  of_last_schema_ = &schemas_.at(last_schema_);
  return last_schema_;
}

int32_t Known::number_of(const char* endpoint, const char* connection, int32_t role) {
  if (of_last_server_ != nullptr && same(*of_last_server_, endpoint, connection, role)) return last_server_;
  last_server_ = find_server(endpoint, connection, role);
  of_last_server_ = &servers_.at(last_server_);
  return last_server_;
}

int32_t Known::find_schema(const tl_column* columns, size_t n) {
  Hash hash;
  for (size_t i = 0; i < n; ++i) {
    hash.add(static_cast<uint64_t>(columns[i].type_id) << 32 | static_cast<uint32_t>(columns[i].type));
    hash.add(columns[i].name);
  }
  const auto [begin, end] = by_hash_.equal_range(hash.value());
  for (auto at = begin; at != end; ++at) {
    const Schema* known = found_in(schemas_, at->second);
    if (known != nullptr && same(*known, columns, n)) return at->second;
  }
  schemas_.emplace(next_, copy_of(columns, n));
  by_hash_.emplace(hash.value(), next_);
  return next_++;
}

int32_t Known::find_server(const char* endpoint, const char* connection, int32_t role) {
  Hash hash;
  hash.add(static_cast<uint64_t>(role));
  hash.add(endpoint);
  hash.add(connection);
  const auto [begin, end] = by_hash_.equal_range(hash.value());
  for (auto at = begin; at != end; ++at) {
    const Server* known = found_in(servers_, at->second);
    if (known != nullptr && same(*known, endpoint, connection, role)) return at->second;
  }
  servers_.emplace(next_, Server{text_of(endpoint), text_of(connection), role});
  by_hash_.emplace(hash.value(), next_);
  return next_++;
}

const Schema* Known::schema(int32_t number) const {
  const Schema* found = found_in(schemas_, number);
  return found == nullptr ? found_in(old_schemas_, number) : found;
}

const Server* Known::server(int32_t number) const {
  const Server* found = found_in(servers_, number);
  return found == nullptr ? found_in(old_servers_, number) : found;
}

void Known::trim() {
  if (schemas_.size() + servers_.size() < kMost) return;
  old_schemas_ = std::move(schemas_);
  old_servers_ = std::move(servers_);
  schemas_.clear();
  servers_.clear();
  by_hash_.clear();
  of_last_schema_ = nullptr;
  of_last_server_ = nullptr;
}
