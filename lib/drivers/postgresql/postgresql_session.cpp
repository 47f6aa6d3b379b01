#include "postgresql_session.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace tl::postgresql {

using driver::State;

PostgresqlSession::PostgresqlSession(Conn conn, std::shared_ptr<driver::Canceller> canceller,
                                     const config::Address& address, Footing footing)
    : conn_(std::move(conn)),
      footing_(std::move(footing)),
      canceller_(std::move(canceller)),
      arrays_as_text_(address.arrays == config::Arrays::text),
      opened_read_only_(address.read_only && footing_.peer == Peer::postgresql),
      encoding_(PQclientEncoding(conn_.get())),
      prepared_(footing_.peer == Peer::proxy ? 0 : address.statement_cache),
      tells_position_(footing_.peer != Peer::redshift) {
  PQsetNoticeReceiver(conn_.get(), on_notice, this);
}

// Notices are not told: they print to the host's stderr otherwise. A server that closes an idle session says so in one.
void PostgresqlSession::on_notice(void* self, const PGresult* notice) noexcept {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr) return;
  if (std::strcmp(severity, "FATAL") == 0 || std::strcmp(severity, "PANIC") == 0) {
    static_cast<PostgresqlSession*>(self)->broken_ = true;
  }
}

State PostgresqlSession::state() const noexcept {
  if (broken_ || PQstatus(conn_.get()) != CONNECTION_OK) return State::broken;
  if (answering_) return State::answering;
  switch (PQtransactionStatus(conn_.get())) {
    case PQTRANS_IDLE: return State::idle;
    case PQTRANS_INTRANS: return State::in_transaction;
    case PQTRANS_INERROR: return State::in_failed;
    default: return State::broken;
  }
}

bool PostgresqlSession::looks_alive() noexcept {
  if (state() == State::broken) return false;
  const auto look = [this] {
    char byte = 0;
    return recv(PQsocket(conn_.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  };
  if (look() < 0) return errno == EAGAIN || errno == EINTR;
  // It is closed, or has sent something unasked: a parameter that changed, or why it is about to close the session.
  if (PQconsumeInput(conn_.get()) == 0) return false;
  drop_notifications();
  return state() != State::broken && look() < 0 && (errno == EAGAIN || errno == EINTR);
}

void PostgresqlSession::drop_notifications() noexcept {
  while (PGnotify* notification = PQnotifies(conn_.get())) PQfreemem(notification);
}

void PostgresqlSession::move_bytes(driver::Ready got) noexcept {
  if (held_back_ != nullptr && has(got, driver::Ready::writable)) send_held_back();
  // What fails here shows in the session's status.
  if (has(got, driver::Ready::readable)) (void)PQconsumeInput(conn_.get());
  if (has(got, driver::Ready::writable)) (void)PQflush(conn_.get());
}

}  // namespace tl::postgresql
