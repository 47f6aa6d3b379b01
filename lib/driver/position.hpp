// Places in a server's history of changes: by them a read finds the writes that came before it, on whatever server.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"

namespace tl::driver {

struct Position {
  enum class Kind : uint8_t { none, postgresql, mariadb };

  // How far one line of changes has come. PostgreSQL: its only one, `at` is the log sequence number. MariaDB: for each
  // domain, the server and the sequence number of its last GTID.
  struct Mark {
    uint32_t domain = 0;
    uint32_t server = 0;
    uint64_t at = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  Kind kind = Kind::none;
  uint64_t system = 0;      // PostgreSQL: the system identifier
  uint32_t timeline = 0;    // PostgreSQL
  std::vector<Mark> marks;  // by domain

  [[nodiscard]] bool empty() const noexcept { return marks.empty(); }
  friend bool operator==(const Position&, const Position&) = default;
};

// How a server that has come to `have` stands to `wanted`.
enum class Standing : uint8_t {
  there,   // it has all of it
  behind,  // not yet
  other,   // PostgreSQL: it is of another timeline, which may have parted before or after: only the server can tell
  foreign  // it is of another system, and says nothing here
};
[[nodiscard]] Standing standing(const Position& have, const Position& wanted) noexcept;

// Makes `into` the first place that has both. Of different systems or timelines `other` goes before, as the later news.
void take_later(Position& into, const Position& other);

// As text that may stand in a cookie or a header as it is; "" for an empty one, and the other way round.
[[nodiscard]] std::string token_of(const Position& position);
// Errors: misuse; it is no token of ours.
[[nodiscard]] Result<Position> read_token(std::string_view token);

}  // namespace tl::driver
