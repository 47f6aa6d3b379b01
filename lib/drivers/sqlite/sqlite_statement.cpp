// SqliteSession's statements: preparing and keeping them, running, and reading their rows.
#include <algorithm>
#include <array>

#include "sqlite_session.hpp"
#include "utf8.hpp"

namespace tl::sqlite {

using columnar::Column;
using columnar::Type;
using driver::Then;

namespace {

constexpr uint64_t most_batch_bytes = uint64_t{1} << 30;  // and a value of at most 10^9 bytes more stays below 2^31

// The first keyword of a statement, after blanks and comments.
std::string_view first_word(std::string_view sql) noexcept {
  size_t i = 0;
  while (i < sql.size()) {
    const char c = sql[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == ';') {
      ++i;
    } else if (sql.substr(i, 2) == "--") {
      i = std::min(sql.find('\n', i), sql.size());
    } else if (sql.substr(i, 2) == "/*") {
      const size_t end = sql.find("*/", i + 2);
      i = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      break;
    }
  }
  size_t end = i;
  while (end < sql.size() && ((sql[end] | 0x20) >= 'a' && (sql[end] | 0x20) <= 'z')) ++end;
  return sql.substr(i, end - i);
}

bool is_word(std::string_view word, std::string_view upper) noexcept {
  return word.size() == upper.size() &&
         std::equal(word.begin(), word.end(), upper.begin(), [](char a, char b) { return (a & ~0x20) == b; });
}

// Reads one value into its column; answers the bytes it took.
size_t append(Column& column, sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: column.append_any_int64(sqlite3_value_int64(value)); return 9;
    case SQLITE_FLOAT: column.append_any_double(sqlite3_value_double(value)); return 9;
    case SQLITE_NULL: column.append_null(); return 9;
    case SQLITE_TEXT: {
      const unsigned char* text = sqlite3_value_text(value);
      const auto n = static_cast<size_t>(sqlite3_value_bytes(value));
      // SQLite stores any bytes as text; what is not UTF-8 is given as the bytes that it is.
      column.append_any_bytes(is_utf8(text, n) ? Type::text : Type::bytes, text, n);
      return 9 + n;
    }
    default: {
      const void* blob = sqlite3_value_blob(value);
      const auto n = static_cast<size_t>(sqlite3_value_bytes(value));
      column.append_any_bytes(Type::bytes, blob, n);
      return 9 + n;
    }
  }
}

}  // namespace

Result<Prepared> SqliteSession::prepare_text(std::string_view text, unsigned flags, const char** tail) {
  Prepared prepared;
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), text.data(), static_cast<int>(text.size()), flags, &raw, tail);
  prepared.statement.reset(raw);
  if (code != SQLITE_OK) return failed(sqlite3_extended_errcode(db_.get()));
  if (raw == nullptr) return prepared;
  const std::string_view word = first_word(sqlite3_sql(raw));
  prepared.inserts = is_word(word, "INSERT") || is_word(word, "REPLACE");
  prepared.counts_rows = prepared.inserts || is_word(word, "UPDATE") || is_word(word, "DELETE") ||
                         (is_word(word, "WITH") && sqlite3_stmt_readonly(raw) == 0);
  return prepared;
}

Result<Prepared*> SqliteSession::prepare(const sql::Statement& statement) {
  if (const auto found = by_id_.find(statement.id); found != by_id_.end()) {
    if (found->second != cache_.begin()) cache_.splice(cache_.begin(), cache_, found->second);
    return &cache_.front().prepared;
  }
  const bool keep = cache_size_ > 0 && statement.statements == 1;
  const char* tail = nullptr;
  auto prepared = prepare_text(statement.native, keep ? SQLITE_PREPARE_PERSISTENT : 0, &tail);
  if (!prepared) return prepared.take_error();
  if (!keep) {
    own_ = prepared.take();
    if (statement.statements > 1) tail_ = tail;
    return &own_;
  }
  if (cache_.size() >= cache_size_) {
    by_id_.erase(cache_.back().id);
    cache_.pop_back();
  }
  cache_.push_front({statement.id, prepared.take()});
  by_id_[statement.id] = cache_.begin();
  return &cache_.front().prepared;
}

// The statement at `tail_`: false when only blanks and comments are left.
Result<bool> SqliteSession::prepare_tail() {
  const std::string& all = text_->native;
  const char* rest = tail_;
  auto prepared = prepare_text({rest, static_cast<size_t>(all.data() + all.size() - rest)}, 0, &tail_);
  if (!prepared) return prepared.take_error();
  if (prepared->statement == nullptr && tail_ < all.data() + all.size() && tail_ > rest) return prepare_tail();
  own_ = prepared.take();
  return own_.statement != nullptr;
}

Result<void> SqliteSession::start(const driver::Request& request, driver::Reply& reply) {
  if (active_ != nullptr || tail_ != nullptr) return fail(Status::internal, "an answer is still being read", Phase::send);
  const sql::Statement& statement = *request.statement;
  if (statement.statements > 1 && request.params.count != 0) {
    return fail(Status::misuse, "several statements in one text take no parameters", Phase::send);
  }
  text_ = request.statement;
  auto prepared = prepare(statement);
  if (!prepared) {
    drop_answer();
    return prepared.take_error();
  }
  if (Result<void> bound = bind((*prepared)->statement.get(), request); !bound) {
    drop_answer();
    return bound;
  }
  active_ = *prepared;
  changed_ = changed_ || !statement.plain;
  return first_step(reply);
}

Result<void> SqliteSession::next(driver::Reply& reply) {
  auto prepared = prepare_tail();
  if (!prepared) {
    drop_answer();
    return prepared.take_error();
  }
  if (!*prepared) {  // the lexer counted one more than SQLite: nothing is left
    drop_answer();
    reply.then = Then::end;
    return {};
  }
  active_ = &own_;
  return first_step(reply);
}

Result<void> SqliteSession::first_step(driver::Reply& reply) {
  rows_ = 0;
  const int code = sqlite3_step(active_->statement.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    Failure failure = failed(code);
    drop_answer();
    return failure;
  }
  if (sqlite3_column_count(active_->statement.get()) > 0) {
    learn_schema(*active_);
    reply.schema = active_->schema;
  }
  row_waits_ = code == SQLITE_ROW;
  if (row_waits_) {
    reply.then = Then::rows;
    return {};
  }
  reply.affected = affected(*active_);
  if (active_->inserts && reply.affected > 0) reply.last_id = sqlite3_last_insert_rowid(db_.get());
  reply.then = end_set();
  return {};
}

// A schema is made once for a statement, and again when SQLite prepared it anew because a table had changed.
void SqliteSession::learn_schema(Prepared& prepared) {
  sqlite3_stmt* statement = prepared.statement.get();
  const int reprepared = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 0);
  if (prepared.schema != nullptr && prepared.reprepared == reprepared) return;
  const int n = sqlite3_column_count(statement);
  auto schema = std::make_shared<columnar::Schema>(static_cast<size_t>(n));
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
  sqlite3_stmt* statement = active_->statement.get();
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
  if (code != SQLITE_DONE) {
    Failure failure = failed(code);
    drop_answer();
    return failure;
  }
  affected_rows = affected(*active_);
  return end_set();
}

// What the statement that has just ended counts: rows changed, or for a query rows given.
int64_t SqliteSession::affected(const Prepared& prepared) const noexcept {
  if (prepared.counts_rows) return sqlite3_changes64(db_.get());
  return sqlite3_column_count(prepared.statement.get()) > 0 ? rows_ : -1;
}

Then SqliteSession::end_set() noexcept {
  if (tail_ == nullptr) {
    drop_answer();
    return Then::end;
  }
  own_ = {};
  active_ = nullptr;
  return first_word({tail_, static_cast<size_t>(text_->native.data() + text_->native.size() - tail_)}).empty()
             ? (drop_answer(), Then::end)
             : Then::set;
}

}  // namespace tl::sqlite
