#include "mariadb_session.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace tl::mariadb {

using driver::Ready;
using driver::State;

MariadbSession::MariadbSession(Conn conn, std::shared_ptr<driver::Canceller> canceller, const config::Address& address,
                               std::string restoring, uint64_t most_sent)
    : conn_(std::move(conn)),
      canceller_(std::move(canceller)),
      restoring_(std::move(restoring)),
      opened_in_utc_(is_utc(address.timezone)),
      encrypted_(mysql_get_ssl_cipher(conn_.get()) != nullptr),
      most_sent_(most_sent),
      prepared_(address.statement_cache),
      utc_(opened_in_utc_) {}

// A suspended call is ended first, and what is left of an answer is not waited for. Statements that outlive their
// connection are closed without telling the server of each.
MariadbSession::~MariadbSession() {
  const WithoutSigpipe quiet(encrypted_);
  unwind();
  if (source_ != Source::none) shutdown(mysql_get_socket(conn_.get()), SHUT_RDWR);
  result_.reset();
  mysql_free_result(place_came_);
  conn_.reset();
}

void MariadbSession::unwind() noexcept {
  if (suspended_ == nullptr) return;
  broken_ = true;
  reading_ = nullptr;  // whose batch may be gone
  shutdown(mysql_get_socket(conn_.get()), SHUT_RDWR);
  while (wants_ != 0) wants_ = suspended_(*this, wants_);
  suspended_ = nullptr;
}

driver::Wait MariadbSession::socket_wait() const noexcept {
  Ready want = Ready::start;
  if ((wants_ & MYSQL_WAIT_WRITE) != 0) want = want | Ready::writable;
  if ((wants_ & ~MYSQL_WAIT_WRITE) != 0) want = want | Ready::readable;
  return {driver::On::socket, mysql_get_socket(conn_.get()), want, Deadline::never()};
}

State MariadbSession::state() const noexcept {
  if (broken_) return State::broken;
  if (source_ != Source::none || suspended_ != nullptr) return State::answering;
  if ((conn_->server_status & SERVER_STATUS_IN_TRANS) == 0) return State::idle;
  return stopped_ ? State::in_failed : State::in_transaction;
}

// The server sends nothing unasked but why it is going.
bool MariadbSession::looks_alive() noexcept {
  if (state() == State::broken) return false;
  char byte = 0;
  const ssize_t got = recv(mysql_get_socket(conn_.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

// The server tells of what was changed of the session, also by a routine, a trigger or a view: that it was, and which
// time zone it has.
void MariadbSession::note_status() noexcept {
  if ((conn_->server_status & SERVER_STATUS_IN_TRANS) == 0) stopped_ = false;
  if ((conn_->server_status & SERVER_SESSION_STATE_CHANGED) == 0) return;
  const char* data = nullptr;
  size_t length = 0;
  if (mysql_session_track_get_first(conn_.get(), SESSION_TRACK_STATE_CHANGE, &data, &length) == 0) changed_ = true;
  database_moved_ =
      database_moved_ || mysql_session_track_get_first(conn_.get(), SESSION_TRACK_SCHEMA, &data, &length) == 0;
  std::string_view name;
  for (int more = mysql_session_track_get_first(conn_.get(), SESSION_TRACK_SYSTEM_VARIABLES, &data, &length); more == 0;
       more = mysql_session_track_get_next(conn_.get(), SESSION_TRACK_SYSTEM_VARIABLES, &data, &length)) {
    const std::string_view text(data, length);
    if (name.empty()) {
      name = text;
      continue;
    }
    note_variable(name, text);
    name = {};
  }
}

void MariadbSession::note_variable(std::string_view name, std::string_view value) noexcept {
  if (name == "time_zone") {
    const bool utc = is_utc(value);
    if (utc != utc_ && told_timestamps_) zone_moved_ = true;
    utc_ = utc;
  }
  if (name == "last_gtid") note_written(value);
  if (name == "character_set_client" || name == "character_set_results") foreign_charset_ = !value.starts_with("utf8");
}

void MariadbSession::note_written(std::string_view gtid) noexcept {
  try {
    take_later(written_, position_of(gtid));
  } catch (const std::bad_alloc&) {
    written_ = {};
  }
}

// Of the statements inside a procedure the server tells nothing before the procedure's end.
Failure MariadbSession::doubts() {
  Failure failure;
  if (foreign_charset_) {
    broken_ = true;
    failure = fail(Status::unsupported,
                   "the character set was changed: texts are read and written as UTF-8, so the session is closed",
                   Phase::receive);
  } else if (zone_moved_ && statement_ != nullptr && statement_->verb == "CALL") {
    failure =
        fail(Status::data, "the procedure has changed the time zone: its TIMESTAMPs may be of either", Phase::decode);
  }
  if (failure != nullptr) failure->outcome = Outcome::unknown;
  return failure;
}

Failure MariadbSession::error_here(Phase phase) {
  // What fails while rows are read is not told by the statement.
  const bool by_statement = source_ == Source::prepared && mysql_stmt_errno(using_->handle.get()) != 0;
  Failure failure = by_statement ? failure_of(using_->handle.get(), phase) : failure_of(conn_.get(), phase);
  if (ends_session(static_cast<unsigned>(failure->native))) broken_ = true;
  // Those before it have run, and stay; so have those of a routine.
  const bool several = statement_ != nullptr && (statement_->statements > 1 || statement_->verb == "CALL" ||
                                                 statement_->verb == "EXECUTE" || statement_->verb == "BEGIN");
  if (several) failure->outcome = Outcome::unknown;
  return failure;
}

Result<void> MariadbSession::ready_for(const sql::Statement& statement) const {
  if (source_ != Source::none) return driver::answer_is_pending();
  if (state() != State::in_failed || statement.verb == "ROLLBACK") return {};
  return fail(Status::statement, "a statement of the transaction was stopped: it takes only a rollback", Phase::send);
}

void MariadbSession::use_unkept(uint64_t id) {
  source_ = Source::prepared;
  unkept_ = {id, StatementHandle(mysql_stmt_init(conn_.get())), nullptr};
  using_ = &unkept_;
  if (unkept_.handle == nullptr) throw std::bad_alloc();
}

Failure MariadbSession::beyond_packet(const std::string& what) const {
  return fail(Status::too_large,
              what + " larger than the server's max_allowed_packet of " + std::to_string(most_sent_) + " bytes",
              Phase::send);
}

void MariadbSession::end_answer() noexcept {
  result_.reset();
  plan_ = nullptr;
  in_rows_ = head_came_ = told_timestamps_ = zone_moved_ = false;
  source_ = Source::none;
  using_ = nullptr;
  unkept_ = {};
  statement_ = nullptr;
  note_status();
}

}  // namespace tl::mariadb
