// Connector/C's handles, freed by their owners.
#pragma once
#include <errmsg.h>
#include <mysql.h>
#include <openssl/err.h>

#include <memory>

#include "fork.hpp"

namespace tl::mariadb {

// Before every call into Connector/C that may use TLS: OpenSSL keeps a thread's errors, and whatever one connection has
// left there makes the next that has to wait on this thread look lost. libpq does so itself.
inline void forget_tls_errors() noexcept { ERR_clear_error(); }

// Says goodbye to the server at its end where there is one, but for a forked child, which closes its copy of the
// socket. No call may be suspended on it.
class Conn {
 public:
  Conn() : open_(std::make_unique<Open>()) {}  // null where there is no memory
  [[nodiscard]] MYSQL* get() const noexcept { return open_->conn; }
  MYSQL* operator->() const noexcept { return open_->conn; }
  void reset() noexcept { open_.reset(); }
  // Before it is connected: the one that it tries it with; -1: none.
  void note_socket(int fd) noexcept { open_->connecting = fd; }

 private:
  struct Open {
    Open() = default;
    ~Open() {
      const ForkDelay delay;
      inherited.leave();
      mysql_close(conn);
    }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    static int socket_of(void* of) noexcept {
      const auto& open = *static_cast<const Open*>(of);
      if (open.conn == nullptr) return -1;
      return open.conn->net.pvio == nullptr ? open.connecting : mysql_get_socket(open.conn);
    }

    MYSQL* const conn = mysql_init(nullptr);
    int connecting = -1;
    Inherited inherited{socket_of, this};
  };
  std::unique_ptr<Open> open_;
};

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
