// A statement's values as Connector/C takes them.
#pragma once
#include <string>
#include <vector>

#include "mariadb_handles.hpp"
#include "result.hpp"
#include "statement.hpp"

namespace tl::mariadb {

// As what a value is sent.
struct WireType {
  enum enum_field_types type = MYSQL_TYPE_NULL;
  bool is_unsigned = false;
  [[nodiscard]] bool operator==(const WireType&) const noexcept = default;
};
[[nodiscard]] WireType wire_type(columnar::Type type) noexcept;

class BoundParams {
 public:
  // `lists`: where a list becomes as many values as it has. `utc`: the session's time zone is UTC. Errors: data. Texts
  // stay where they are.
  [[nodiscard]] Result<void> bind(const columnar::Params& params, const std::vector<sql::ListPlace>& lists, bool utc);
  [[nodiscard]] bool empty() const noexcept { return binds_.empty(); }
  [[nodiscard]] size_t count() const noexcept { return binds_.size(); }
  [[nodiscard]] const MYSQL_BIND* binds() const noexcept { return binds_.data(); }
  [[nodiscard]] MYSQL_BIND* binds() noexcept { return binds_.data(); }
  // That are sent, or a few more.
  [[nodiscard]] uint64_t bytes() const noexcept;
  // The statement's text with its lists as they were bound.
  [[nodiscard]] std::string written_out(const sql::Statement& statement) const;

 private:
  // Null, or what is wrong with the value.
  [[nodiscard]] const char* bind_one(const columnar::Value& value, const columnar::Params& params, bool utc);

  std::vector<MYSQL_BIND> binds_;
  std::vector<MYSQL_TIME> times_;
  std::vector<std::string> texts_;  // of values that are sent as another text than they came
  std::vector<uint32_t> lengths_;   // of the lists; 1: a single value
};

}  // namespace tl::mariadb
