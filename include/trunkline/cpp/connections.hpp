// Handles that take statements: pooled, pinned to one session, or in a transaction.
#pragma once
#include "answer.hpp"

namespace trunkline {

enum class mode : int32_t {
  dual = TL_DUAL,    // reads to a replica where there is one, writes to the primary
  read = TL_READ,    // reads only; a write is TL_E_READ_ONLY
  write = TL_WRITE,  // everything to the primary
};

// What the caller says of a statement whose text does not show it.
enum class intent : uint32_t { unsaid = 0, read = TL_CALL_READ, write = TL_CALL_WRITE };

inline constexpr std::chrono::milliseconds no_timeout{-1};

class operation;

// How to run a verb: db.query({.timeout = 2s, .stream = true}, "SELECT …", …).
struct options {
  std::chrono::milliseconds timeout{
      0};               // for all of it: waiting, dialling, running; 0: the connection's default, no_timeout
  bool stream = false;  // do not read the answer whole: rows come as they are read
  trunkline::intent intent = trunkline::intent::unsaid;
  uint32_t batch_rows = 0;               // a batch ends at either; 0: 65536
  uint32_t batch_bytes = 0;              // 0: 4 MiB
  const operation* cancel_by = nullptr;  // lets another thread cancel it
};

enum class isolation : uint32_t {
  standard = 0,  // the database's
  read_committed = TL_BEGIN_READ_COMMITTED,
  repeatable_read = TL_BEGIN_REPEATABLE_READ,
  serializable = TL_BEGIN_SERIALIZABLE,
};

struct transaction_options {
  trunkline::isolation isolation = trunkline::isolation::standard;
  bool read_only = false;
  std::chrono::milliseconds timeout{0};  // to begin: waiting for a session, dialling
};

// Names one verb, so that another thread can cancel it: it then throws TL_E_CANCELLED as soon as it can. For one verb
// only; must outlive it. [any thread]
class operation {
 public:
  explicit operation(std::shared_ptr<tl_registry> registry)
      : registry_(std::move(registry)), id_(tl_op_new(registry_.get())) {
    if (id_ == 0) throw std::bad_alloc();
  }
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() { tl_op_release(registry_.get(), id_); }

  // Harmless where the verb has ended. One that has not begun is cancelled when it begins.
  void cancel() const noexcept { static_cast<void>(tl_cancel(registry_.get(), id_)); }
  [[nodiscard]] tl_op id() const noexcept { return id_; }

 private:
  std::shared_ptr<tl_registry> registry_;
  tl_op id_;
};

class transaction;

// What statements are run on. [any thread]; while one verb runs on a pinned or transaction handle, another throws
// TL_E_BUSY.
class connection {
 public:
  // Takes `raw`. Used by registry.
  explicit connection(tl_conn* raw) : raw_(raw) {}

  // Runs a statement with a value for each placeholder: ? on every database, $1 on PostgreSQL, :name where every value
  // is named("name", value). Without .stream the answer has been read whole on return, and the session has gone home.
  template <class... Ps>
  result query(std::string_view sql, const Ps&... values) const {
    return query(options(), sql, values...);
  }
  template <class... Ps>
  result query(const options& how, std::string_view sql, const Ps&... values) const {
    parameters all;
    (all.add(values), ...);
    return query(how, sql, all);
  }
  result query(std::string_view sql, const parameters& values) const { return query(options(), sql, values); }
  result query(const options& how, std::string_view sql, const parameters& values) const {
    const tl_call call = call_of(how);
    tl_result* out = nullptr;
    detail::checked([&](tl_error** err) {
      return tl_query(raw_.get(), sql.data(), sql.size(), values.values(), values.size(), values.arena().data(),
                      values.arena().size(), &call, &out, err);
    });
    return result(out);
  }

  // Runs a statement for each of the rows, std::tuples of values for the placeholders; all of them take effect, or
  // none. The result has a row for each, how many rows it changed, nullopt where that is not known; on MariaDB it has
  // none.
  //   db.execute_many("INSERT INTO people VALUES (?, ?)", std::vector{std::tuple{1, "Ada"}, std::tuple{2, "Grace"}})
  template <std::ranges::input_range Rows>
  result execute_many(std::string_view sql, Rows&& rows) const {
    return execute_many(options(), sql, rows);
  }
  template <std::ranges::input_range Rows>
  result execute_many(const options& how, std::string_view sql, Rows&& rows) const {
    parameters all;
    return execute_many(how, sql, all, add_rows(all, rows));
  }
  // The same for those who know the values at run time only: row after row, `rows` of them.
  result execute_many(const options& how, std::string_view sql, const parameters& values, size_t rows) const {
    if (rows == 0 ? values.size() != 0 : values.size() % rows != 0) {
      throw error(TL_E_MISUSE, "the values are not as many for each row", outcome::not_sent);
    }
    const tl_call call = call_of(how);
    tl_result* out = nullptr;
    detail::checked([&](tl_error** err) {
      return tl_execute_many(raw_.get(), sql.data(), sql.size(), values.values(), rows == 0 ? 0 : values.size() / rows,
                             rows, values.arena().data(), values.arena().size(), &call, &out, err);
    });
    return result(out);
  }

  // Fills columns of a table with rows, all of them or none, by the fastest way that the database has. Names are those
  // that the database keeps, letter for letter; "schema.table" is two. How many rows there are more.
  //   db.load("people", {"id", "name"}, std::vector{std::tuple{1, "Ada"}, std::tuple{2, "Grace"}})
  template <std::ranges::input_range Rows>
  int64_t load(std::string_view table, const std::vector<std::string_view>& columns, Rows&& rows) const {
    return load(options(), table, columns, rows);
  }
  template <std::ranges::input_range Rows>
  int64_t load(const options& how, std::string_view table, const std::vector<std::string_view>& columns,
               Rows&& rows) const {
    parameters all;
    const size_t count = add_rows(all, rows);
    return load(how, table, columns, std::move(all), count);
  }
  int64_t load(const options& how, std::string_view table, const std::vector<std::string_view>& columns,
               parameters values, size_t rows) const {
    if (values.size() != rows * columns.size()) {
      throw error(TL_E_MISUSE, "the rows have not as many values as there are columns", outcome::not_sent);
    }
    for (const std::string_view name : columns) values.add(name);
    const tl_call call = call_of(how);
    tl_result* out = nullptr;
    detail::checked([&](tl_error** err) {
      return tl_load(raw_.get(), table.data(), table.size(), values.values() + rows * columns.size(), columns.size(),
                     values.values(), rows, values.arena().data(), values.arena().size(), &call, &out, err);
    });
    return result(out).affected();
  }

  // Runs f(transaction&), commits and returns what it returned; rolls back where it throws. Of a transaction: a
  // savepoint, without options. f may end it itself.
  template <class F>
  auto transaction(F&& f) const;
  template <class F>
  auto transaction(const transaction_options& how, F&& f) const;
  // The same by hand; what has not been committed when the handle goes is rolled back.
  [[nodiscard]] trunkline::transaction begin(const transaction_options& how = {}) const;

  // One session for several verbs, until the handle goes.
  [[nodiscard]] connection pin(std::chrono::milliseconds timeout = {}) const {
    const tl_call call = call_of({.timeout = timeout});
    return made([&](tl_conn** out, tl_error** err) { return tl_pin(raw_.get(), &call, out, err); });
  }
  // Variants of a pooled handle: under a tag that is shown wherever its leases are listed; in another mode. Cheap.
  [[nodiscard]] connection tag(std::string_view text) const {
    return made([&](tl_conn** out, tl_error** err) {
      return tl_conn_derive(raw_.get(), text.data() == nullptr ? "" : text.data(), text.size(), nullptr, 0, -1, out,
                            err);
    });
  }
  [[nodiscard]] connection mode(trunkline::mode mode) const {
    return made([&](tl_conn** out, tl_error** err) {
      return tl_conn_derive(raw_.get(), nullptr, 0, nullptr, 0, static_cast<int32_t>(mode), out, err);
    });
  }

 protected:
  [[nodiscard]] tl_conn* raw() const noexcept { return raw_.get(); }

  static tl_call call_of(const options& how) noexcept {
    tl_call call{};
    call.struct_size = sizeof call;
    call.flags = static_cast<uint32_t>(how.intent) | (how.stream ? TL_CALL_STREAM : 0U);
    call.timeout_ms = how.timeout.count();
    call.batch_rows = how.batch_rows;
    call.batch_bytes = how.batch_bytes;
    call.op = how.cancel_by == nullptr ? 0 : how.cancel_by->id();
    return call;
  }

 private:
  struct release {
    void operator()(tl_conn* raw) const noexcept { tl_conn_release(raw); }
  };

  // How many they are.
  template <class Rows>
  static size_t add_rows(parameters& to, Rows& rows) {
    size_t count = 0;
    size_t width = 0;
    for (const auto& row : rows) {
      const size_t before = to.size();
      std::apply([&](const auto&... values) { (to.add(values), ...); }, row);
      if (count++ == 0) width = to.size();
      if (to.size() - before != width) {
        throw error(TL_E_MISUSE, "a row has more or fewer values than the first", outcome::not_sent);
      }
    }
    return count;
  }

  template <class Make>
  static connection made(const Make& make) {
    tl_conn* out = nullptr;
    detail::checked([&](tl_error** err) { return make(&out, err); });
    return connection(out);
  }

  std::unique_ptr<tl_conn, release> raw_;
};

// A transaction, or a savepoint in one. The handle it was begun on throws TL_E_BUSY until it ends, if pinned or a
// transaction.
class transaction : public connection {
 public:
  using connection::connection;

  // End it; afterwards nothing runs on the handle. A commit whose answer was lost throws with outcome::unknown.
  void commit(std::chrono::milliseconds timeout = {}) { end(tl_commit, timeout); }
  void rollback(std::chrono::milliseconds timeout = {}) { end(tl_rollback, timeout); }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  void end(tl_status (*verb)(tl_conn*, const tl_call*, tl_error**), std::chrono::milliseconds timeout) {
    ended_ = true;
    const tl_call call = call_of({.timeout = timeout});
    detail::checked([&](tl_error** err) { return verb(raw(), &call, err); });
  }

  bool ended_ = false;
};

inline transaction connection::begin(const transaction_options& how) const {
  const tl_call call = call_of({.timeout = how.timeout});
  const uint32_t flags = static_cast<uint32_t>(how.isolation) | (how.read_only ? TL_BEGIN_READ_ONLY : 0U);
  tl_conn* out = nullptr;
  detail::checked([&](tl_error** err) { return tl_begin(raw_.get(), flags, &call, &out, err); });
  return trunkline::transaction(out);
}

template <class F>
auto connection::transaction(F&& f) const {
  return transaction(transaction_options(), std::forward<F>(f));
}

template <class F>
auto connection::transaction(const transaction_options& how, F&& f) const {
  trunkline::transaction running = begin(how);
  const auto commit = [&] {
    if (!running.ended()) running.commit();
  };
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, trunkline::transaction&>>) {
      std::invoke(f, running);
      commit();
    } else {
      auto returned = std::invoke(f, running);
      commit();
      return returned;
    }
  } catch (...) {
    try {
      if (!running.ended()) running.rollback();
    } catch (const error&) {  // what is on its way says more, and letting go of the handle rolls back
    }
    throw;
  }
}

}  // namespace trunkline
