// The sides of a comparison: trunkline's C ABI, and the client libraries as somebody opens them who knows them.
#pragma once
#include <libpq-fe.h>
#include <mysql.h>
#include <sqlite3.h>

#include "bench.hpp"
#include "trunkline/trunkline.h"

namespace bench {

struct Ours {
  explicit Ours(const char* name) {
    tl_error* error = nullptr;
    const std::string file = variable("TL_BENCH_CONFIG");
    if (tl_registry_open(file.c_str(), nullptr, &registry, &error) != TL_OK) die(tl_error_message(error));
    if (tl_conn_get(registry, name, std::strlen(name), TL_DUAL, &conn, &error) != TL_OK) die(tl_error_message(error));
  }
  ~Ours() {
    tl_conn_release(conn);
    tl_registry_release(registry);
  }
  tl_result* query(const char* sql, size_t length, const tl_value* values, size_t n) const {
    tl_error* error = nullptr;
    tl_result* result = nullptr;
    if (tl_query(conn, sql, length, values, n, nullptr, 0, nullptr, &result, &error) != TL_OK) {
      die(tl_error_message(error));
    }
    return result;
  }

  tl_registry* registry = nullptr;
  tl_conn* conn = nullptr;
};

// Reads and releases the answer of a point query for the id.
inline void read_point(tl_result* result, int64_t id) {
  tl_batch* batch = nullptr;
  check(tl_result_next(result, nullptr, &batch, nullptr) == TL_OK && batch != nullptr, "no row");
  tl_column columns[2];
  columns[0].struct_size = sizeof(tl_column);
  int64_t rows = 0;
  check(tl_batch_columns(batch, columns, 2, &rows) == TL_OK && rows == 1, "not one row");
  int64_t got = 0;
  std::memcpy(&got, columns[0].data, sizeof got);
  check(got == id, "another row");
  use(columns);
  tl_batch_release(batch);
  tl_result_release(result);
}

inline PGconn* connect_pg() {
  const std::string port = variable("TL_PG_PORT");
  const std::string host = variable("TL_PG_SOCKET");
  const std::string database = variable("TL_PG_DATABASE");
  const std::string user = variable("TL_PG_USER");
  PGconn* conn = PQsetdbLogin(host.c_str(), port.c_str(), nullptr, nullptr, database.c_str(), user.c_str(), nullptr);
  check(PQstatus(conn) == CONNECTION_OK, "libpq cannot connect");
  return conn;
}

struct Raw {
  explicit Raw(const char* sql) {
    check(sqlite3_open(variable("TL_BENCH_SQLITE").c_str(), &db) == SQLITE_OK, "sqlite3 cannot open");
    check(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK, "sqlite3 cannot prepare");
  }
  ~Raw() {
    sqlite3_finalize(statement);
    sqlite3_close(db);
  }
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
};

struct Connector {
  explicit Connector(const char* sql) {
    const my_bool by_name = 0;
    mysql_options(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &by_name);
    check(mysql_real_connect(conn, nullptr, variable("TL_MARIADB_USER").c_str(), nullptr,
                             variable("TL_MARIADB_DATABASE").c_str(), 0, variable("TL_MARIADB_SOCKET").c_str(),
                             0) != nullptr,
          "Connector/C cannot connect");
    statement = mysql_stmt_init(conn);
    check(mysql_stmt_prepare(statement, sql, std::strlen(sql)) == 0, "Connector/C cannot prepare");
  }
  ~Connector() {
    mysql_stmt_close(statement);
    mysql_close(conn);
  }
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  MYSQL* const conn = mysql_init(nullptr);
  MYSQL_STMT* statement = nullptr;
};

}  // namespace bench
