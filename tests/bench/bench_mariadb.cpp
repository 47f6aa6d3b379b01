#include "bench_mariadb.hpp"

#include <mysql.h>

#include <array>
#include <ctime>
#include <vector>

#include "bench.hpp"

namespace bench {
namespace {

struct Prepared {
  explicit Prepared(const char* sql) {
    const my_bool by_name = 0;
    mysql_options(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &by_name);
    check(mysql_real_connect(conn, nullptr, variable("TL_MARIADB_USER").c_str(), nullptr,
                             variable("TL_MARIADB_DATABASE").c_str(), 0, variable("TL_MARIADB_SOCKET").c_str(),
                             0) != nullptr,
          "Connector/C cannot connect");
    statement = mysql_stmt_init(conn);
    check(mysql_stmt_prepare(statement, sql, std::strlen(sql)) == 0, "Connector/C cannot prepare");
  }
  ~Prepared() {
    mysql_stmt_close(statement);
    mysql_close(conn);
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  MYSQL* const conn = mysql_init(nullptr);
  MYSQL_STMT* statement = nullptr;
};

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
  const Prepared raw(mariadb_point);
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
  const Prepared raw(mariadb_rows);
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
