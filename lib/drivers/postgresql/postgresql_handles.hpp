#pragma once
#include <libpq-fe.h>

#include <memory>

#include "fork.hpp"

namespace tl::postgresql {

// Says goodbye to the server at its end, but for a forked child, which closes its copy of the socket.
class Conn {
 public:
  // What `start` answers, which may be null.
  template <class Start>
  explicit Conn(const Start& start) : open_(std::make_unique<Open>()) {
    const ForkDelay delay;
    open_->conn = start();
  }
  [[nodiscard]] PGconn* get() const noexcept { return open_->conn; }

 private:
  struct Open {
    Open() = default;
    ~Open() {
      const ForkDelay delay;
      inherited.leave();
      PQfinish(conn);
    }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    static int socket_of(void* of) noexcept { return PQsocket(static_cast<const Open*>(of)->conn); }

    PGconn* conn = nullptr;
    Inherited inherited{socket_of, this};
  };
  std::unique_ptr<Open> open_;
};

struct ResultClearer {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ResultClearer>;

}  // namespace tl::postgresql
