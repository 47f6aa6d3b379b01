#include "bench_mariadb.hpp"

#include <array>
#include <ctime>
#include <vector>

#include "bench_clients.hpp"

namespace bench {
namespace {

MYSQL_BIND to(enum enum_field_types type, void* buffer, unsigned long size = 0, unsigned long* length = nullptr) {
  MYSQL_BIND bind{};
  bind.buffer_type = type;
  bind.buffer = buffer;
  bind.buffer_length = size;
  bind.length = length;
  return bind;
}

// As ours does, too: microseconds since 1970.
int64_t micros_of(const MYSQL_TIME& time) {
  tm moment{};
  moment.tm_year = static_cast<int>(time.year) - 1900;
  moment.tm_mon = static_cast<int>(time.month) - 1;
  moment.tm_mday = static_cast<int>(time.day);
  const int64_t days = timegm(&moment) / 86'400;
  return (days * 86'400 + time.hour * 3600 + time.minute * 60 + time.second) * 1'000'000 +
         static_cast<int64_t>(time.second_part);
}

}  // namespace

void mariadb_points(double seconds) {
  const Connector raw(mariadb_point);
  int32_t asked = 0;
  int32_t id = 0;
  char name[64];
  unsigned long length = 0;
  MYSQL_BIND parameter = to(MYSQL_TYPE_LONG, &asked);
  std::array results = {to(MYSQL_TYPE_LONG, &id), to(MYSQL_TYPE_STRING, name, sizeof name, &length)};
  check(mysql_stmt_bind_param(raw.statement, &parameter) == 0, "cannot bind");
  check(mysql_stmt_bind_result(raw.statement, results.data()) == 0, "cannot bind");
  tell(measure(seconds, [&](int64_t i) {
    asked = static_cast<int32_t>(i * 7919 % points);
    check(mysql_stmt_execute(raw.statement) == 0, "cannot execute");
    check(mysql_stmt_fetch(raw.statement) == 0 && id == asked, "another row");
    use(name);
    check(mysql_stmt_fetch(raw.statement) == MYSQL_NO_DATA, "more rows");
  }));
}

void mariadb_all_rows(double seconds) {
  const Connector raw(mariadb_rows);
  Row row{};
  signed char flag = 0;
  char text[256];
  unsigned long length = 0;
  MYSQL_TIME moment{};
  std::array results = {to(MYSQL_TYPE_LONGLONG, &row.a), to(MYSQL_TYPE_LONG, &row.b),
                        to(MYSQL_TYPE_DOUBLE, &row.c),   to(MYSQL_TYPE_STRING, text, sizeof text, &length),
                        to(MYSQL_TYPE_TINY, &flag),      to(MYSQL_TYPE_DATETIME, &moment)};
  check(mysql_stmt_bind_result(raw.statement, results.data()) == 0, "cannot bind");
  tell(measure(seconds, [&](int64_t) {
    check(mysql_stmt_execute(raw.statement) == 0, "cannot execute");
    std::vector<Row> rows;
    rows.reserve(100'000);
    while (mysql_stmt_fetch(raw.statement) == 0) {
      rows.push_back({row.a, row.b, row.c, std::string(text, length), flag != 0, micros_of(moment)});
    }
    check(rows.size() == 100'000, "not all rows");
    use(rows);
  }));
}

}  // namespace bench
