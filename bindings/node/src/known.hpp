// What answers have in common, known by a number: what their columns are called, and who gave them. JavaScript asks for
// each once, and makes it into objects once.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "trunkline/trunkline.h"

struct ColumnInfo {
  std::string name, type_name;
  int32_t type, precision, scale, nullable;
  uint32_t type_id;
};

using Schema = std::vector<ColumnInfo>;

struct Server {
  std::string endpoint, connection;
  int32_t role;
};

class Known {
 public:
  int32_t number_of(const tl_column* columns, size_t n);
  int32_t number_of(const char* endpoint, const char* connection, int32_t role);
  // nullptr: not known any more.
  const Schema* schema(int32_t number) const;
  const Server* server(int32_t number) const;

  // Forgets what are too many, as of a program that makes up names without end. Numbers given so far stay good until
  // the next call of this.
  void trim();

 private:
  int32_t find_schema(const tl_column* columns, size_t n);
  int32_t find_server(const char* endpoint, const char* connection, int32_t role);

  int32_t next_ = 0;
  std::unordered_map<int32_t, Schema> schemas_, old_schemas_;
  std::unordered_map<int32_t, Server> servers_, old_servers_;
  std::unordered_multimap<uint64_t, int32_t> by_hash_;
  // As a rule the next one is the same.
  int32_t last_schema_ = -1, last_server_ = -1;
  const Schema* of_last_schema_ = nullptr;
  const Server* of_last_server_ = nullptr;
};
