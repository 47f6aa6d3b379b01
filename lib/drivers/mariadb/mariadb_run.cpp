// MariadbSession: running a statement.
#include <optional>

#include "mariadb_steps.hpp"

namespace tl::mariadb {

using driver::Then;

namespace {

// CALL: what Connector/C remembers of its last set would be taken for what the next call's first set must be. With
// lists the text is another each time.
bool is_kept(const sql::Statement& statement) noexcept { return statement.verb != "CALL" && statement.lists.empty(); }

}  // namespace

// Runs a statement, preparing it first; or moves to the next set of an answer. Texts of several statements, transaction
// control and what the server cannot prepare go as text.
class MariadbSession::RunOperation final : public Steps<driver::Run> {
 public:
  RunOperation(MariadbSession& session, driver::Request request) : Steps(session), request_(std::move(request)) {}
  explicit RunOperation(MariadbSession& session) : Steps(session), at_(At::next) {}

 private:
  enum class At : uint8_t { preparing, executing, flushing, querying, next, head, first_rows, finishing };

  Result<void> begin() override {
    if (at_ == At::next) {
      if (session_.source_ != Source::none && (!session_.in_rows_ || session_.head_came_)) return {};
      return fail(Status::misuse, "there is no further result to move to", Phase::send);
    }
    const sql::Statement& statement = *request_.statement;
    if (Result<void> ready = session_.ready_for(statement); !ready) return ready;
    if (Result<void> right = request_.check(); !right) return right;
    if (Result<void> bound = session_.params_.bind(request_.params, statement.lists, session_.utc_); !bound)
      return bound;
    if (!statement.lists.empty()) written_out_ = session_.params_.written_out(statement);
    if (Result<void> fits = check_size(); !fits) return fits;
    if (begins_isolated(statement.text)) changed_before_ = session_.changed_;
    if (!statement.plain) session_.changed_ = true;
    session_.want_place(statement, request_.wants_position);
    if (std::exchange(session_.database_moved_, false)) session_.prepared_.clear();
    choose();
    return {};
  }

  [[nodiscard]] const std::string& text() const noexcept {
    return written_out_.empty() ? request_.statement->native : written_out_;
  }

  // More would be answered by the end of the session.
  Result<void> check_size() {
    if (std::max<uint64_t>(text().size(), session_.params_.bytes()) + packet_overhead <= session_.most_sent_) return {};
    return session_.beyond_packet("the statement with its values is");
  }

  void choose() {
    const sql::Statement& statement = *request_.statement;
    session_.statement_ = request_.statement;
    if (statement.statements > 1 || statement.kind == sql::Kind::control) {
      session_.source_ = Source::text;
      at_ = At::querying;
      return;
    }
    session_.source_ = Source::prepared;
    session_.using_ = is_kept(statement) ? session_.prepared_.find(statement.id) : nullptr;
    at_ = session_.using_ != nullptr ? At::executing : At::preparing;
    if (at_ == At::preparing) {
      session_.statement_ = nullptr;
      session_.use_unkept(statement.id);
    }
  }

  Result<bool> advance() override {
    for (;;) {
      switch (at_) {
        case At::preparing:
          if (!prepare()) return false;
          break;
        case At::executing:
          if (!execute()) return false;
          break;
        case At::flushing:
          if (!flush()) return false;
          break;
        case At::querying:
          if (!query()) return false;
          break;
        case At::next:
          if (!session_.head_came_ && !next_head()) return false;
          session_.head_came_ = false;
          at_ = wrong_ == nullptr ? At::head : At::finishing;
          break;
        case At::head:
          tell_head();
          if (at_ == At::head) return true;  // rows follow
          break;
        case At::first_rows: {
          const Rows read = read_rows(*reply.batch, request_.first, reply.affected);
          if (read == Rows::waiting) return false;
          if (read == Rows::more) return true;
          at_ = At::finishing;
          break;
        }
        case At::finishing: {
          Result<bool> done = finish(reply.then);
          // The lexer and the server take it for a change, but once the transaction has begun nothing of it is left.
          if (done && *done && changed_before_) session_.changed_ = *changed_before_;
          if (done || !std::exchange(stale_, false) || healed_) return done;
          // It has not been run, or only reads: once more, prepared anew.
          healed_ = true;
          failed_ = false;
          choose();
          break;
        }
      }
    }
  }

  bool prepare() {
    MYSQL_STMT* const handle = session_.using_->handle.get();
    if (!send_prepare(text())) return false;
    const bool as_text =
        session_.failed_ != 0 && is_not_preparable(mysql_stmt_errno(handle)) && request_.params.count == 0;
    if (session_.failed_ != 0 && !as_text) {
      note_error();
      return give_up();
    }
    // Its values may be gone with a caller who has given up.
    if (cancel_requested()) {
      wrong_ = fail(Status::cancelled, "the call was cancelled before the statement was sent", Phase::send);
      return give_up();
    }
    session_.statement_ = request_.statement;
    if (as_text) {
      session_.unkept_ = {};
      session_.source_ = Source::text;
      at_ = At::querying;
      return true;
    }
    wrong_ = wrong_count(handle, session_.params_.count());
    if (wrong_ != nullptr) return give_up();
    mysql_stmt_attr_set(handle, STMT_ATTR_CB_USER_DATA, &session_);
    mysql_stmt_attr_set(handle, STMT_ATTR_CB_RESULT, reinterpret_cast<const void*>(&MariadbSession::on_value));
    if (session_.prepared_.capacity() != 0 && is_kept(*request_.statement))
      session_.using_ = session_.prepared_.add(std::move(session_.unkept_));
    at_ = At::executing;
    return true;
  }

  bool give_up() {
    at_ = At::finishing;
    return true;
  }

  bool execute() {
    MYSQL_STMT* const handle = session_.using_->handle.get();
    if (session_.suspended_ == nullptr && !session_.params_.empty() &&
        mysql_stmt_bind_param(handle, session_.params_.binds()) != 0) {
      note_error();
      at_ = At::finishing;
      return true;
    }
    if (!session_.call<mysql_stmt_execute_start, mysql_stmt_execute_cont>(session_.failed_, handle)) return false;
    if (session_.failed_ == 0) {
      // Of a query that is kept: what Connector/C knows of the columns' types beyond the protocol's (json, uuid) is
      // that of the columns that it was prepared with.
      const bool same = session_.begin_set() || request_.statement->kind != sql::Kind::read;
      at_ = same ? At::head : At::flushing;
      return true;
    }
    if (mysql_stmt_errno(handle) == CR_NEW_STMT_METADATA) {
      at_ = At::flushing;
      return true;
    }
    stale_ = is_stale(mysql_stmt_errno(handle));
    note_error();
    if (stale_) forget();
    at_ = At::finishing;
    return true;
  }

  // The answer has other columns than the statement was prepared with, which Connector/C cannot read. It has been run.
  bool flush() {
    MYSQL_STMT* const handle = session_.using_->handle.get();
    if (!session_.call<mysql_stmt_free_result_start, mysql_stmt_free_result_cont>(session_.freed_, handle))
      return false;
    stale_ = request_.statement->kind == sql::Kind::read;
    wrong_ = fail(Status::data,
                  "the columns have changed since the statement was prepared: it has run, but its rows were not read",
                  Phase::receive);
    wrong_->outcome = Outcome::unknown;
    failed_ = true;
    forget();
    at_ = At::finishing;
    return true;
  }

  void forget() {
    session_.end_answer();
    session_.prepared_.drop(request_.statement->id);
  }

  bool query() {
    const std::string& text = request_.statement->native;
    if (!session_.call<mysql_real_query_start, mysql_real_query_cont>(session_.failed_, session_.conn_.get(),
                                                                      text.data(), text.size())) {
      return false;
    }
    if (session_.failed_ == 0) {
      if (request_.statement->verb == "ROLLBACK") session_.stopped_ = false;
      session_.begin_set();
      at_ = At::head;
    } else {
      note_error();
      at_ = At::finishing;
    }
    return true;
  }

  void tell_head() {
    if (session_.plan_ != nullptr) {
      reply.schema = session_.plan_->schema;
      reply.then = Then::rows;
      if (request_.first.rows == 0) return;
      reply.batch = columnar::Batch::make(reply.schema);
      at_ = At::first_rows;
      return;
    }
    const bool prepared = session_.source_ == Source::prepared;
    MYSQL_STMT* const handle = prepared ? session_.using_->handle.get() : nullptr;
    reply.affected =
        static_cast<int64_t>(prepared ? mysql_stmt_affected_rows(handle) : mysql_affected_rows(session_.conn_.get()));
    reply.last_id =
        static_cast<int64_t>(prepared ? mysql_stmt_insert_id(handle) : mysql_insert_id(session_.conn_.get()));
    at_ = At::finishing;
  }

  const driver::Request request_;
  std::string written_out_;  // the text, where it has lists
  At at_ = At::preparing;
  std::optional<bool> changed_before_;  // of a text that begins a transaction with an isolation of its own
  bool stale_ = false;
  bool healed_ = false;
};

std::unique_ptr<driver::Run> MariadbSession::run(driver::Request request) {
  return std::make_unique<RunOperation>(*this, std::move(request));
}
std::unique_ptr<driver::Run> MariadbSession::next_set() { return std::make_unique<RunOperation>(*this); }

}  // namespace tl::mariadb
