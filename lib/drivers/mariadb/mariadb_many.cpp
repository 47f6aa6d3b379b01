// MariadbSession: one statement for many rows of values.
#include "mariadb_steps.hpp"

namespace tl::mariadb {

using columnar::Type;
using columnar::Value;
using driver::Then;

namespace {

// Of the values of a group: the server begins when it has all of them.
constexpr uint64_t bytes_at_once = uint64_t{1} << 20;
constexpr uint64_t most_beside = 10;  // a value's indicator and length, or itself where its size is fixed

char not_null = STMT_INDICATOR_NONE;
char null = STMT_INDICATOR_NULL;

bool has_bytes(Type type) noexcept {
  return type == Type::decimal || type == Type::text || type == Type::json || type == Type::bytes;
}

bool takes_bulk(MYSQL* conn) noexcept {
  unsigned int capabilities = 0;  // those beyond MySQL's
  return mariadb_get_infov(conn, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &capabilities) == 0 &&
         (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

uint64_t size_of(const Value& value) noexcept {
  if (has_bytes(value.kind())) return most_beside + value.length;
  return value.kind() == Type::uuid ? most_beside + 36 : most_beside;
}

}  // namespace

// Rows whose values are of the same types go together, by MariaDB's bulk parameters, where the server has them for the
// statement; MySQL has none. Else each goes by itself, and the server tells what it has affected.
class MariadbSession::ManyOperation final : public Steps<driver::Many> {
 public:
  ManyOperation(MariadbSession& session, driver::ManyRequest request) : Steps(session), request_(std::move(request)) {}

 private:
  enum class At : uint8_t { preparing, choosing, executing, dropping, finishing };

  Result<void> begin() override {
    if (Result<void> ready = session_.ready_for(*request_.statement); !ready) return ready;
    if (!request_.statement->lists.empty() && has_list()) {
      return fail(Status::unsupported, "a list cannot be among the values of many rows on this database", Phase::send);
    }
    if (!request_.statement->plain) session_.changed_ = true;
    session_.want_place(*request_.statement, request_.wants_position);
    session_.use_unkept(request_.statement->id);
    return {};
  }

  Result<bool> advance() override {
    for (;;) {
      switch (at_) {
        case At::preparing:
          if (!prepare()) return false;
          break;
        case At::choosing: choose(); break;
        case At::executing:
          if (!execute()) return false;
          break;
        case At::dropping:
          if (!drop()) return false;
          break;
        case At::finishing: {
          Then then = Then::end;
          return finish(then);
        }
      }
    }
  }

  [[nodiscard]] bool has_list() const noexcept {
    const Value* const values = request_.values.values;
    return std::any_of(values, values + request_.values.count,
                       [](const Value& value) { return value.kind() == Type::list; });
  }

  [[nodiscard]] MYSQL_STMT* handle() const noexcept { return session_.using_->handle.get(); }

  void give_up(Failure failure) {
    wrong_ = std::move(failure);
    at_ = At::finishing;
  }

  bool prepare() {
    if (!send_prepare(request_.statement->native)) return false;
    at_ = At::choosing;
    mysql_stmt_attr_set(handle(), STMT_ATTR_CB_RESULT, reinterpret_cast<const void*>(&MariadbSession::on_value));
    if (session_.failed_ != 0) {
      note_error();
      at_ = At::finishing;
    } else if (Failure wrong = wrong_count(handle(), request_.width)) {
      give_up(std::move(wrong));
    } else {
      session_.statement_ = request_.statement;
      bulk_ = request_.width != 0 && mysql_stmt_field_count(handle()) == 0 && takes_bulk(session_.conn_.get());
    }
    return true;
  }

  // The next rows that go together.
  void choose() {
    if (next_ == request_.rows) {
      at_ = At::finishing;
      return;
    }
    // Its values may be gone with a caller who has given up.
    if (cancel_requested()) {
      give_up(fail(Status::cancelled, "the call was cancelled before all rows were sent", Phase::send));
      if (next_ != 0) wrong_->outcome = Outcome::refused;
      return;
    }
    first_ = next_;
    uint64_t bytes = size_of_row(first_);
    if (bytes + packet_overhead > session_.most_sent_)
      return give_up(driver::in_row(session_.beyond_packet("its values are"), first_));
    types_.assign(request_.width, WireType());
    (void)joins(first_);
    const uint64_t most = std::min(bytes_at_once, session_.most_sent_ - packet_overhead);
    for (++next_; bulk_ && next_ != request_.rows; ++next_) {
      bytes += size_of_row(next_);
      if (bytes > most || !joins(next_)) break;
    }
    if (request_.width == 0 || bind()) at_ = At::executing;
  }

  [[nodiscard]] uint64_t size_of_row(size_t row) const noexcept {
    uint64_t size = 0;
    const columnar::Params values = request_.row(row);
    for (size_t i = 0; i < values.count; ++i) size += size_of(values.values[i]);
    return size;
  }

  // Whether the values of the row are of the types of those before it; a null is of any.
  bool joins(size_t row) {
    const columnar::Params values = request_.row(row);
    for (size_t i = 0; i < values.count; ++i) {
      const WireType type = wire_type(values.values[i].kind());
      if (type == WireType() || type == types_[i]) continue;
      if (types_[i] != WireType()) return false;
      types_[i] = type;
    }
    return true;
  }

  [[nodiscard]] bool several() const noexcept { return next_ - first_ > 1; }

  // The types of the group; or the values of its only row.
  bool bind() {
    if (several()) {
      binds_.assign(request_.width, MYSQL_BIND());
      for (size_t i = 0; i < binds_.size(); ++i) {
        binds_[i].buffer_type = types_[i].type;
        binds_[i].is_unsigned = types_[i].is_unsigned ? 1 : 0;
      }
    } else if (Result<void> bound = session_.params_.bind(request_.row(first_), {}, session_.utc_); !bound) {
      give_up(driver::in_row(bound.take_error(), first_));
      return false;
    }
    const auto size = static_cast<unsigned>(several() ? next_ - first_ : 0);
    void* const asks = several() ? static_cast<void*>(this) : &session_;
    mysql_stmt_attr_set(handle(), STMT_ATTR_ARRAY_SIZE, &size);
    mysql_stmt_attr_set(handle(), STMT_ATTR_CB_USER_DATA, asks);
    mysql_stmt_attr_set(handle(), STMT_ATTR_CB_PARAM,
                        several() ? reinterpret_cast<const void*>(&ManyOperation::on_row) : nullptr);
    if (mysql_stmt_bind_param(handle(), several() ? binds_.data() : session_.params_.binds()) == 0) return true;
    note_error();
    at_ = At::finishing;
    return false;
  }

  // Connector/C calls this for every row of a group, on the stack of the call: nothing may be thrown.
  static my_bool on_row(void* self, MYSQL_BIND* binds, unsigned row) noexcept {
    return static_cast<ManyOperation*>(self)->fill(binds, row) ? 0 : 1;
  }

  bool fill(MYSQL_BIND* binds, unsigned row) noexcept {
    try {
      const size_t at = first_ + row;
      if (Result<void> bound = session_.params_.bind(request_.row(at), {}, session_.utc_); !bound) {
        refused_ = driver::in_row(bound.take_error(), at);
        return false;
      }
    } catch (const std::bad_alloc&) {
      no_memory_ = true;
      return false;
    }
    const MYSQL_BIND* const values = session_.params_.binds();
    for (size_t i = 0; i < request_.width; ++i) {
      binds[i].buffer = values[i].buffer;
      binds[i].buffer_length = values[i].buffer_length;  // by which Connector/C makes room
      binds[i].length_value = values[i].length_value;
      binds[i].length = &binds[i].length_value;
      binds[i].u.indicator = values[i].buffer_type == MYSQL_TYPE_NULL ? &null : &not_null;
    }
    return true;
  }

  bool execute() {
    if (!session_.call<mysql_stmt_execute_start, mysql_stmt_execute_cont>(session_.failed_, handle())) return false;
    // Of a statement with RETURNING it is known only now that it gives rows: they are on_value()'s.
    mysql_stmt_attr_set(handle(), STMT_ATTR_CB_USER_DATA, &session_);
    if (no_memory_) throw std::bad_alloc();
    if (refused_ != nullptr) {
      give_up(std::move(refused_));
    } else if (session_.failed_ == 0) {
      session_.begin_set();
      at_ = At::dropping;
    } else if (several() && is_not_preparable(mysql_stmt_errno(handle()))) {
      // Of this statement: the group has not been run. What rows before it went alone have affected is in the sum.
      bulk_ = false;
      for (size_t row = 0; row < first_; ++row) tell(-1);
      next_ = first_;
      at_ = At::choosing;
    } else {
      note_error();
      wrong_ = in_group(std::move(wrong_));
      at_ = At::finishing;
    }
    return true;
  }

  // What rows it gives are dropped, and counted.
  bool drop() {
    const bool gives_rows = session_.plan_ != nullptr;
    if (!skip_rest()) return false;
    at_ = wrong_ == nullptr ? At::choosing : At::finishing;
    if (wrong_ != nullptr) return true;
    const int64_t rows = gives_rows ? session_.rows_ : static_cast<int64_t>(mysql_stmt_affected_rows(handle()));
    if (bulk_) {
      affected += rows;
    } else {
      tell(rows);
    }
    return true;
  }

  // The server does not say which row of a group it was.
  [[nodiscard]] Failure in_group(Failure failure) const {
    if (!several()) return driver::in_row(std::move(failure), first_);
    failure->message =
        "one of the rows " + std::to_string(first_ + 1) + " to " + std::to_string(next_) + ": " + failure->message;
    return failure;
  }

  const driver::ManyRequest request_;
  At at_ = At::preparing;
  bool bulk_ = false;  // the server takes several rows at once
  size_t first_ = 0;   // rows of the group
  size_t next_ = 0;
  std::vector<WireType> types_;  // of its values
  std::vector<MYSQL_BIND> binds_;
  Failure refused_;  // by on_row(), which ends the call
  bool no_memory_ = false;
};

std::unique_ptr<driver::Many> MariadbSession::run_many(driver::ManyRequest request) {
  return std::make_unique<ManyOperation>(*this, std::move(request));
}

}  // namespace tl::mariadb
