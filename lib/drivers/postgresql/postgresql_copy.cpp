// PostgresqlSession: rows into a table by COPY.
#include "postgresql_copy_text.hpp"
#include "postgresql_steps.hpp"

namespace tl::postgresql {

using driver::Then;

namespace {

constexpr size_t bytes_at_once = size_t{64} << 10;

// The row that an error of COPY is about: "COPY people, line 3, column age: …", behind where in a trigger it was; 0: it
// does not say, or in another language.
size_t line_of(const PGresult& error) {
  const char* context = PQresultErrorField(&error, PG_DIAG_CONTEXT);
  const std::string text = std::string("\n") + (context == nullptr ? "" : context);
  constexpr std::string_view before = ", line ";
  const size_t at = text.find(before, text.find("\nCOPY "));
  if (at == std::string::npos) return 0;
  return std::strtoull(text.data() + at + before.size(), nullptr, 10);
}

}  // namespace

// One statement, which is undone as a whole where it fails.
class PostgresqlSession::CopyOperation final : public Steps<driver::Many> {
 public:
  CopyOperation(PostgresqlSession& session, driver::ManyRequest request)
      : Steps(session), request_(std::move(request)) {}

 private:
  enum class At : uint8_t { starting, copying, answered, finishing };

  Result<void> begin() override {
    if (session_.answering_) return driver::answer_is_pending();
    (void)session_.expects_position(*request_.statement, request_.wants_position);
    if (Result<void> sent = session_.send_simple(request_.statement->native.c_str(), nullptr); !sent) return sent;
    return request_.wants_position ? session_.ask_position(false) : Result<void>();
  }

  Result<bool> advance() override {
    if (at_ == At::starting) {
      Result<bool> started = take_result(PGRES_COPY_IN);
      if (!started || !*started) return started;
      at_ = wrong_ == nullptr ? At::copying : At::finishing;
    }
    if (at_ == At::copying) {
      Result<bool> copied = copy();
      if (!copied || !*copied) return copied;
      at_ = At::answered;
    }
    if (at_ == At::answered) {
      Result<bool> answered = take_result(PGRES_COMMAND_OK);
      if (!answered || !*answered) return answered;
      at_ = At::finishing;
    }
    Then then = Then::end;
    return finish(then);
  }

  // The next result is the one that is wanted, or an error, which is noted.
  Result<bool> take_result(ExecStatusType wanted) {
    ResultHandle result;
    switch (session_.next_result(result)) {
      case Came::nothing_yet: return false;
      case Came::end: return lost();
      case Came::result: break;
    }
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_FATAL_ERROR) {
      note_line(*result);
      return true;
    }
    if (status != wanted) return unexpected(status);
    if (status == PGRES_COMMAND_OK) affected = affected_of(result.get());
    return true;
  }

  void note_line(const PGresult& error) {
    if (wrong_ != nullptr) return;
    note(error);
    if (const size_t line = line_of(error); line != 0) wrong_ = driver::in_row(std::move(wrong_), line - 1);
  }

  // True: there is nothing more to send.
  Result<bool> copy() {
    PGconn* const conn = session_.conn_.get();
    has_more_ = true;
    while (wrong_ == nullptr && written_ < request_.rows) {
      if (cancel_requested()) {
        wrong_ = fail(Status::cancelled, "the call was cancelled before all rows were sent", Phase::send);
        wrong_->outcome = Outcome::refused;
        break;
      }
      if (PQflush(conn) == 1) return false;
      write_some();
      const int taken = PQputCopyData(conn, chunk_.data(), static_cast<int>(chunk_.size()));
      if (taken == 0) throw std::bad_alloc();  // libpq has no room, and would go on without them
      if (taken == -1) return lost();
    }
    has_more_ = false;
    ended_ = wrong_ == nullptr;
    if (PQputCopyEnd(conn, ended_ ? nullptr : "its rows could not be sent") != 1) return lost();
    return true;
  }

  void write_some() {
    chunk_.clear();
    while (written_ < request_.rows && chunk_.size() < bytes_at_once) {
      if (Result<void> row = append_copy_row(chunk_, request_.row(written_)); !row) {
        wrong_ = driver::in_row(row.take_error(), written_);
        return;
      }
      ++written_;
    }
    session_.note_size(chunk_.size());
  }

  // Without its end nothing has been committed.
  Failure lost() {
    session_.broken_ = true;
    return session_.gone(Phase::receive, ended_ ? Outcome::unknown : Outcome::rolled_back);
  }

  const driver::ManyRequest request_;
  At at_ = At::starting;
  std::string chunk_;
  size_t written_ = 0;  // rows
  bool ended_ = false;
};

std::unique_ptr<driver::Many> PostgresqlSession::copy(driver::ManyRequest request) {
  return std::make_unique<CopyOperation>(*this, std::move(request));
}

}  // namespace tl::postgresql
