// Connector/C as somebody uses it who knows it: prepared statements, bound buffers, blocking calls.
#pragma once

namespace bench {

inline constexpr const char* mariadb_point = "SELECT id, name FROM bench_points WHERE id = ?";
inline constexpr const char* mariadb_rows = "SELECT a, b, c, d, e, f FROM bench_rows";

void mariadb_points(double seconds);
void mariadb_all_rows(double seconds);

}  // namespace bench
