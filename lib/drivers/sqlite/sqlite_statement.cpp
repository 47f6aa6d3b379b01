// SqliteSession's statements: preparing and keeping them, running, and reading their rows.
#include <algorithm>

#include "sqlite_session.hpp"
#include "sqlite_text.hpp"
#include "utf8.hpp"

namespace tl::sqlite {

using columnar::Column;
using columnar::Type;
using driver::Then;

namespace {

// And one value more, in UTF-8 half as many bytes again as SQLite lets it have, stays below 2^31.
constexpr uint64_t most_batch_bytes = uint64_t{1} << 29;
static_assert(most_batch_bytes + most_value_bytes / 2 * 3 < uint64_t{1} << 31);

// What was stored as text; SQLite takes any bytes for it, and those that are not UTF-8 are given as bytes. Asked for as
// text, SQLite would first copy it to have room for a NUL.
size_t append_text(Column& column, sqlite3_value* value) {
  const bool as_stored = sqlite3_value_encoding(value) == SQLITE_UTF8;
  const void* text = as_stored ? sqlite3_value_blob(value) : sqlite3_value_text(value);
  const auto n = static_cast<size_t>(sqlite3_value_bytes(value));
  if (text == nullptr && (n != 0 || !as_stored)) throw std::bad_alloc();
  column.append_any_bytes(is_utf8(text, n) ? Type::text : Type::bytes, text, n);
  return n;
}

size_t append_blob(Column& column, sqlite3_value* value) {
  const void* blob = sqlite3_value_blob(value);
  const auto n = static_cast<size_t>(sqlite3_value_bytes(value));
  if (blob == nullptr && n != 0) throw std::bad_alloc();
  column.append_any_bytes(Type::bytes, blob, n);
  return n;
}

// Reads one value into its column; answers the bytes it took there.
size_t append(Column& column, sqlite3_value* value) {
  constexpr size_t slot = 9;
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: column.append_any_int64(sqlite3_value_int64(value)); return slot;
    case SQLITE_FLOAT: column.append_any_double(sqlite3_value_double(value)); return slot;
    case SQLITE_TEXT: return slot + append_text(column, value);
    case SQLITE_BLOB: return slot + append_blob(column, value);
    default: column.append_null(); return slot;
  }
}

}  // namespace

// The first statement in `sql` that is not empty, null if there is none; `rest` is what follows it.
Result<Prepared> SqliteSession::prepare_first(std::string_view sql, unsigned flags, std::string_view& rest) {
  Prepared prepared;
  rest = after_blanks(sql);
  if (rest.empty()) return prepared;
  const char* tail = nullptr;
  sqlite3_stmt* raw = nullptr;
  // The text ends with a NUL; with it counted in SQLite need not copy the text first.
  const int size = static_cast<int>(rest.size()) + 1;
  const int code = sqlite3_prepare_v3(db_.get(), rest.data(), size, flags, &raw, &tail);
  prepared.statement.reset(raw);
  if (code != SQLITE_OK) return failed(code, Phase::send);
  const Verb verb = verb_of(rest);
  prepared.inserts = verb == Verb::insert;
  prepared.counts_rows = verb == Verb::insert || verb == Verb::change;
  prepared.waits_itself = verb == Verb::pragma;
  rest = after_blanks(rest.substr(static_cast<size_t>(tail - rest.data())));
  return prepared;
}

Result<Prepared*> SqliteSession::prepare(const std::shared_ptr<const sql::Statement>& statement) {
  const uint64_t id = statement->id;
  if (!cache_.empty() && cache_.front().id == id) return &cache_.front().prepared;
  if (const auto found = by_id_.find(id); found != by_id_.end()) {
    cache_.splice(cache_.begin(), cache_, found->second);
    return &cache_.front().prepared;
  }
  // Some PRAGMAs act while they are prepared: one that is kept would act only once.
  const bool keeps =
      address_.statement_cache > 0 && statement->statements == 1 && verb_of(statement->native) != Verb::pragma;
  auto prepared = prepare_first(statement->native, keeps ? SQLITE_PREPARE_PERSISTENT : 0, rest_);
  if (!prepared) return prepared.take_error();
  if (prepared->statement == nullptr) return fail(Status::misuse, "there is no statement in the text", Phase::send);
  if (keeps && rest_.empty()) return keep(id, prepared.take());
  if (!rest_.empty()) text_ = statement;
  own_ = prepared.take();
  return &own_;
}

Prepared* SqliteSession::keep(uint64_t id, Prepared prepared) {
  if (cache_.size() >= address_.statement_cache) {
    by_id_.erase(cache_.back().id);
    cache_.pop_back();
  }
  cache_.push_front({id, std::move(prepared)});
  by_id_[id] = cache_.begin();
  return &cache_.front().prepared;
}

Result<void> SqliteSession::activate(const std::shared_ptr<const sql::Statement>& statement) {
  later_in_text_ = false;
  if (should_stop()) return stopped(Outcome::not_sent);
  changed_ = changed_ || !statement->plain;
  auto prepared = prepare(statement);
  if (!prepared) return give_up(prepared.take_error());
  active_ = *prepared;
  return {};
}

Result<void> SqliteSession::start(const driver::Request& request, driver::Reply& reply) {
  if (state() == driver::State::answering) return driver::answer_is_pending();
  const sql::Statement& statement = *request.statement;
  if (statement.statements > 1 && (statement.parameters != 0 || request.params.count != 0)) {
    return fail(Status::misuse, "several statements in one text take no parameters", Phase::send);
  }
  if (Result<void> active = activate(request.statement); !active) return active;
  sqlite3_stmt* const raw = active_->statement.get();
  columnar::Params params = request.params;
  // Rows are read when the caller's values are gone; a statement that gives none is over before.
  if (!params.arena.empty() && sqlite3_column_count(raw) > 0) {
    arena_.assign(params.arena);
    params.arena = arena_;
  }
  if (Result<void> bound = bind(raw, params); !bound) return give_up(bound.take_error());
  return first_step(reply);
}

Result<void> SqliteSession::next(driver::Reply& reply) {
  if (rest_.empty() || active_ != nullptr) {
    return fail(Status::misuse, "there is no further result to move to", Phase::send);
  }
  later_in_text_ = true;
  if (should_stop()) return give_up(stopped(Outcome::unknown));
  auto prepared = prepare_first(rest_, 0, rest_);
  if (!prepared) return give_up(prepared.take_error());
  own_ = prepared.take();
  active_ = &own_;
  if (Result<void> bound = bind(active_->statement.get(), {}); !bound) return give_up(bound.take_error());
  return first_step(reply);
}

Result<void> SqliteSession::first_step(driver::Reply& reply) {
  sqlite3_stmt* const statement = active_->statement.get();
  rows_ = 0;
  const int code = sqlite3_step(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    Failure failure = failed(code, Phase::receive);
    if (!met_lock(*failure)) return give_up(std::move(failure));
    sqlite3_reset(statement);
    return failure;
  }
  learn_schema(*active_);
  reply.schema = active_->schema;
  row_waits_ = code == SQLITE_ROW;
  if (!row_waits_) reply.affected = affected(*active_);
  // The first row of RETURNING comes after all rows were inserted.
  if (active_->inserts && (row_waits_ || reply.affected > 0)) reply.last_id = sqlite3_last_insert_rowid(db_.get());
  reply.then = row_waits_ ? Then::rows : end_set();
  return {};
}

// A schema is made once for a statement, and again when SQLite prepared it anew because a table had changed.
void SqliteSession::learn_schema(Prepared& prepared) {
  sqlite3_stmt* statement = prepared.statement.get();
  const int reprepared = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 0);
  if (prepared.reprepared == reprepared) return;
  const int n = sqlite3_column_count(statement);
  std::shared_ptr<columnar::Schema> schema;
  if (n > 0) schema = std::make_shared<columnar::Schema>(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) {
    columnar::Field& field = (*schema)[static_cast<size_t>(i)];
    const char* name = sqlite3_column_name(statement, i);
    const char* declared = sqlite3_column_decltype(statement, i);
    field.name = name == nullptr ? "" : name;
    field.type = Type::any;
    field.database_type = declared == nullptr ? "" : declared;
  }
  prepared.schema = std::move(schema);
  prepared.reprepared = reprepared;
}

Result<Then> SqliteSession::read(columnar::Batch& batch, driver::FetchLimits limits, int64_t& affected_rows) {
  sqlite3_stmt* const statement = active_->statement.get();
  Column* const columns = batch.columns().data();
  const int n = static_cast<int>(batch.columns().size());
  const uint64_t most = std::min(limits.bytes, most_batch_bytes);
  int code = row_waits_ ? SQLITE_ROW : SQLITE_DONE;
  uint64_t bytes = 0;
  uint32_t rows = 0;
  while (code == SQLITE_ROW && rows < limits.rows && bytes < most) {
    for (int i = 0; i < n; ++i) bytes += append(columns[i], sqlite3_column_value(statement, i));
    ++rows;
    code = sqlite3_step(statement);
  }
  batch.set_rows(rows);
  rows_ += rows;
  row_waits_ = code == SQLITE_ROW;
  if (row_waits_) return Then::rows;
  if (code != SQLITE_DONE) return give_up(failed(code, Phase::receive));
  affected_rows = affected(*active_);
  return end_set();
}

// What the statement that has just ended counts: rows changed, or for a query rows given.
int64_t SqliteSession::affected(const Prepared& prepared) const noexcept {
  if (prepared.counts_rows) return sqlite3_changes64(db_.get());
  return prepared.schema != nullptr ? rows_ : -1;
}

Then SqliteSession::end_set() noexcept {
  if (rest_.empty()) {
    drop_answer();
    return Then::end;
  }
  own_ = {};
  active_ = nullptr;
  return Then::set;
}

}  // namespace tl::sqlite
