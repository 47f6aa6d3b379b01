// Connector/C's handles, freed by their owners.
#pragma once
#include <errmsg.h>
#include <mysql.h>

#include <memory>

namespace tl::mariadb {

// Says goodbye to the server where there is one. No call may be suspended on it.
struct CloseConn {
  void operator()(MYSQL* conn) const noexcept { mysql_close(conn); }
};
using Conn = std::unique_ptr<MYSQL, CloseConn>;

// Tells the server, unless it has forgotten the statement already. No answer may be pending.
struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const noexcept { mysql_stmt_close(statement); }
};
using StatementHandle = std::unique_ptr<MYSQL_STMT, CloseStatement>;

struct FreeResult {
  void operator()(MYSQL_RES* result) const noexcept { mysql_free_result(result); }
};
using ResultHandle = std::unique_ptr<MYSQL_RES, FreeResult>;

}  // namespace tl::mariadb
