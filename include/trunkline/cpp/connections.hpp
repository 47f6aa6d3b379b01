// Handles that take statements: pooled, pinned to one session, or in a transaction.
#pragma once
#include <algorithm>
#include <random>
#include <thread>

#include "answer.hpp"
#include "stream.hpp"

namespace trunkline {

template <class Way>
class basic_transaction;

// What statements are run on: connection, whose verbs wait for their answers, and async_connection, whose verbs give a
// pending<T> of what connection's return. What is wrong with a call itself is thrown at once by both. [any thread]; on
// a pinned or transaction handle one verb runs at a time: connection's throw TL_E_BUSY, async_connection's queue up.
template <class Way>
class basic_connection {
 public:
  template <class T>
  using answer = typename Way::template answer<T>;  // T, pending<T>

  // Takes `raw`. Used by registry.
  explicit basic_connection(tl_conn* raw, Way way = {}) noexcept : raw_(raw), way_(std::move(way)) {}

  // Runs a statement with a value for each placeholder: ? on every database, $1 on PostgreSQL, :name where every value
  // is named("name", value). Without .stream the answer has been read whole then, and the session has gone home.
  template <class... Ps>
  answer<result> query(std::string_view sql, const Ps&... values) const {
    return query(options(), sql, values...);
  }
  template <class... Ps>
  answer<result> query(const options& how, std::string_view sql, const Ps&... values) const {
    parameters all;
    (all.add(values), ...);
    return query(how, sql, all);
  }
  answer<result> query(std::string_view sql, const parameters& values) const { return query(options(), sql, values); }
  answer<result> query(const options& how, std::string_view sql, const parameters& values) const {
    if (how.stream && !Way::blocks) {
      throw error(TL_E_MISUSE, "on a queue an answer is streamed by stream()", outcome::not_sent);
    }
    return run_query(how, sql, values, made);
  }

  // On a queue: runs a statement whose answer is read as it arrives. Of its options .stream is set.
  template <class... Ps>
  pending<result_stream> stream(std::string_view sql, const Ps&... values) const requires(!Way::blocks) {
    return stream(options(), sql, values...);
  }
  template <class... Ps>
  pending<result_stream> stream(const options& how, std::string_view sql, const Ps&... values) const
      requires(!Way::blocks) {
    parameters all;
    (all.add(values), ...);
    return stream(how, sql, all);
  }
  pending<result_stream> stream(std::string_view sql, const parameters& values) const requires(!Way::blocks) {
    return stream(options(), sql, values);
  }
  pending<result_stream> stream(options how, std::string_view sql, const parameters& values) const
      requires(!Way::blocks) {
    how.stream = true;
    return run_query(how, sql, values, [way = way_](tl_result* raw) { return result_stream(raw, way); });
  }

  // Runs a statement for each of the rows, std::tuples of values for the placeholders; all of them take effect, or
  // none. The result has a row for each, how many rows it changed, nullopt where that is not known; on MariaDB it has
  // none.
  //   db.execute_many("INSERT INTO people VALUES (?, ?)", std::vector{std::tuple{1, "Ada"}, std::tuple{2, "Grace"}})
  template <std::ranges::input_range Rows>
  answer<result> execute_many(std::string_view sql, Rows&& rows) const {
    return execute_many(options(), sql, rows);
  }
  template <std::ranges::input_range Rows>
  answer<result> execute_many(const options& how, std::string_view sql, Rows&& rows) const {
    parameters all;
    return execute_many(how, sql, all, add_rows(all, rows));
  }
  // The same for those who know the values at run time only: row after row, `rows` of them.
  answer<result> execute_many(const options& how, std::string_view sql, const parameters& values, size_t rows) const {
    if (rows == 0 ? values.size() != 0 : values.size() % rows != 0) {
      throw error(TL_E_MISUSE, "the values are not as many for each row", outcome::not_sent);
    }
    return way_.template run<tl_result>(
        detail::call_of(how),
        [&](const tl_call* call, tl_result** out, tl_error** err) {
          return tl_execute_many(raw_.get(), sql.data(), sql.size(), values.values(),
                                 rows == 0 ? 0 : values.size() / rows, rows, values.arena().data(),
                                 values.arena().size(), call, out, err);
        },
        made);
  }

  // Fills columns of a table with rows, all of them or none, by the fastest way that the database has. Names are those
  // that the database keeps, letter for letter; "schema.table" is two. How many rows there are more.
  //   db.load("people", {"id", "name"}, std::vector{std::tuple{1, "Ada"}, std::tuple{2, "Grace"}})
  template <std::ranges::input_range Rows>
  answer<int64_t> load(std::string_view table, const std::vector<std::string_view>& columns, Rows&& rows) const {
    return load(options(), table, columns, rows);
  }
  template <std::ranges::input_range Rows>
  answer<int64_t> load(const options& how, std::string_view table, const std::vector<std::string_view>& columns,
                       Rows&& rows) const {
    parameters all;
    const size_t count = add_rows(all, rows);
    return load(how, table, columns, std::move(all), count);
  }
  answer<int64_t> load(const options& how, std::string_view table, const std::vector<std::string_view>& columns,
                       parameters values, size_t rows) const {
    if (values.size() != rows * columns.size()) {
      throw error(TL_E_MISUSE, "the rows have not as many values as there are columns", outcome::not_sent);
    }
    for (const std::string_view name : columns) values.add(name);
    return way_.template run<tl_result>(
        detail::call_of(how),
        [&](const tl_call* call, tl_result** out, tl_error** err) {
          return tl_load(raw_.get(), table.data(), table.size(), values.values() + rows * columns.size(),
                         columns.size(), values.values(), rows, values.arena().data(), values.arena().size(), call, out,
                         err);
        },
        [](tl_result* raw) { return result(raw).affected(); });
  }

  // Runs f(transaction&), commits and returns what it returned; rolls back where it throws, and with .retry runs it
  // again where that is of use. Of a transaction: a savepoint, without options. f may end it itself. A commit whose
  // answer was lost is never run again: it throws with outcome::unknown. (In a coroutine: begin() and commit(); an
  // exception that takes the handle along rolls back.)
  template <class F>
  auto transaction(F&& f) const requires Way::blocks {
    return transaction(transaction_options(), std::forward<F>(f));
  }
  template <class F>
  auto transaction(const transaction_options& how, F&& f) const requires Way::blocks;
  // The same by hand; what has not been committed when the handle goes is rolled back.
  [[nodiscard]] answer<basic_transaction<Way>> begin(const transaction_options& how = {}) const {
    const uint32_t flags = static_cast<uint32_t>(how.isolation) | (how.read_only ? TL_BEGIN_READ_ONLY : 0U);
    return way_.template run<tl_conn>(
        detail::call_of(how.timeout, how.max_lag),
        [&](const tl_call* call, tl_conn** out, tl_error** err) { return tl_begin(raw_.get(), flags, call, out, err); },
        [way = way_](tl_conn* raw) { return basic_transaction<Way>(raw, way); });
  }

  // One session for several verbs, until the handle goes; `max_lag` as options', of one in mode::read.
  [[nodiscard]] answer<basic_connection> pin(std::chrono::milliseconds timeout = {},
                                             std::chrono::milliseconds max_lag = {}) const {
    return way_.template run<tl_conn>(
        detail::call_of(timeout, max_lag),
        [&](const tl_call* call, tl_conn** out, tl_error** err) { return tl_pin(raw_.get(), call, out, err); },
        [way = way_](tl_conn* raw) { return basic_connection(raw, way); });
  }
  // Variants of a pooled handle: under a tag that is shown wherever its leases are listed; in another mode. Cheap.
  [[nodiscard]] basic_connection tag(std::string_view text) const {
    return derived({text.data() == nullptr ? "" : text.data(), text.size()}, {}, -1);
  }
  [[nodiscard]] basic_connection mode(trunkline::mode mode) const {
    return derived({}, {}, static_cast<int32_t>(mode));
  }
  // For reads that also find what was written before the token was taken, from whatever server; "": nothing more. Its
  // own writes reads of this handle do not wait for. Throws TL_E_MISUSE for text that is no token; a read that is to
  // find it does for a token of another system.
  [[nodiscard]] basic_connection after(std::string_view token) const { return derived({}, token, -1); }
  // A place behind all that was written through the handle and that its reads find, for after(), also in another
  // process; "": nothing was written yet. Asks nobody. Throws TL_E_MISUSE where `consistency` is not "session",
  // TL_E_UNAVAILABLE where it is not known where the last write is; a read finds out.
  [[nodiscard]] std::string token() const {
    std::string text(128, '\0');
    for (;;) {
      size_t size = 0;
      detail::checked([&](tl_error** err) { return tl_conn_token(raw_.get(), text.data(), text.size(), &size, err); });
      const bool fits = size < text.size();
      text.resize(fits ? size : size + 128);
      if (fits) return text;
    }
  }

  // Where query() would send a statement now, and why, without running it: a row for each server, those first that
  // would be asked. kind, reason, choice (from 1; NULL: it would not be asked), connection, endpoint (NULL: the
  // fallback's, whichever serves there), role, lag (seconds), why.
  answer<result> explain(std::string_view sql) const { return explain(options(), sql); }
  answer<result> explain(const options& how, std::string_view sql) const {
    return way_.template run<tl_result>(
        detail::call_of(how),
        [&](const tl_call* call, tl_result** out, tl_error** err) {
          return tl_explain(raw_.get(), sql.data(), sql.size(), call, out, err);
        },
        made);
  }

 protected:
  [[nodiscard]] tl_conn* raw() const noexcept { return raw_.get(); }
  [[nodiscard]] const Way& way() const noexcept { return way_; }

 private:
  struct release {
    void operator()(tl_conn* raw) const noexcept { tl_conn_release(raw); }
  };

  static result made(tl_result* raw) { return result(raw); }

  template <class Finish>
  auto run_query(const options& how, std::string_view sql, const parameters& values, Finish finish) const {
    return way_.template run<tl_result>(
        detail::call_of(how),
        [&](const tl_call* call, tl_result** out, tl_error** err) {
          return tl_query(raw_.get(), sql.data(), sql.size(), values.values(), values.size(), values.arena().data(),
                          values.arena().size(), call, out, err);
        },
        std::move(finish));
  }

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

  [[nodiscard]] basic_connection derived(std::string_view tag, std::string_view after, int32_t mode) const {
    tl_conn* out = nullptr;
    detail::checked([&](tl_error** err) {
      return tl_conn_derive(raw_.get(), tag.data(), tag.size(), after.data(), after.size(), mode, &out, err);
    });
    return basic_connection(out, way_);
  }

  std::unique_ptr<tl_conn, release> raw_;
  [[no_unique_address]] Way way_;
};

// A transaction, or a savepoint in one. Until it ends the handle it was begun on, if pinned or a transaction, answers
// TL_E_BUSY.
template <class Way>
class basic_transaction : public basic_connection<Way> {
 public:
  using basic_connection<Way>::basic_connection;
  template <class T>
  using answer = typename Way::template answer<T>;

  // End it; afterwards nothing runs on the handle. A commit whose answer was lost throws with outcome::unknown.
  answer<void> commit(std::chrono::milliseconds timeout = {}) { return end(tl_commit, timeout); }
  answer<void> rollback(std::chrono::milliseconds timeout = {}) { return end(tl_rollback, timeout); }
  // Whether one of them was called.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  // A savepoint, as of basic_connection. Throws TL_E_MISUSE with .retry: what a deadlock or a lost session has undone
  // is the whole transaction.
  template <class F>
  auto transaction(F&& f) const requires Way::blocks {
    return basic_connection<Way>::transaction(std::forward<F>(f));
  }
  template <class F>
  auto transaction(const transaction_options& how, F&& f) const requires Way::blocks {
    if (how.retry != 0) {
      throw error(TL_E_MISUSE, "a savepoint is not run again by itself; its transaction may be", outcome::not_sent);
    }
    return basic_connection<Way>::transaction(how, std::forward<F>(f));
  }

 private:
  answer<void> end(tl_status (*verb)(tl_conn*, const tl_call*, tl_error**), std::chrono::milliseconds timeout) {
    ended_ = true;
    return this->way().template run<void>(
        detail::call_of(timeout),
        [&](const tl_call* call, void**, tl_error** err) { return verb(this->raw(), call, err); }, [](void*) {});
  }

  bool ended_ = false;
};

using connection = basic_connection<detail::blocking>;
using transaction = basic_transaction<detail::blocking>;
using async_connection = basic_connection<detail::queued>;
using async_transaction = basic_transaction<detail::queued>;

namespace detail {

// `commits`: f has come to its end without committing or rolling back itself.
template <class F>
auto run_and_commit(transaction& running, F& f, bool& commits) {
  const auto commit = [&] {
    commits = !running.ended();
    if (commits) running.commit();
  };
  if constexpr (std::is_void_v<std::invoke_result_t<F&, transaction&>>) {
    std::invoke(f, running);
    commit();
  } else {
    auto returned = std::invoke(f, running);
    commit();
    return returned;
  }
}

// What is on its way says more than a failure to do so, and letting go of the handle rolls back, too.
inline void undo(transaction& running) noexcept {
  try {
    if (!running.ended()) running.rollback();
  } catch (const error&) {
  } catch (const std::bad_alloc&) {
  }
}

inline bool may_run_again(const error& failure) noexcept {
  const bool passes = failure.status() == TL_E_DEADLOCK || failure.status() == TL_E_SERIALIZATION ||
                      failure.status() == TL_E_UNAVAILABLE;
  return passes && failure.outcome() != outcome::unknown;
}

// With others that met the same conflict, not all at once.
inline void pause_before_rerun(uint32_t reruns) {
  const std::chrono::milliseconds whole(std::min(10 << std::min<uint32_t>(reruns, 7), 1000));
  std::minstd_rand random(static_cast<uint32_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  std::this_thread::sleep_for(whole / 2 + whole * (random() % 512) / 1024);
}

}  // namespace detail

template <class Way>
template <class F>
auto basic_connection<Way>::transaction(const transaction_options& how, F&& f) const requires Way::blocks {
  for (uint32_t reruns = 0;; ++reruns) {
    trunkline::transaction running = begin(how);
    bool commits = false;
    try {
      return detail::run_and_commit(running, f, commits);
    } catch (const error& failure) {
      const bool ended_by_f = running.ended() && !commits;
      detail::undo(running);
      if (reruns == how.retry || ended_by_f || !detail::may_run_again(failure)) throw;
    } catch (...) {
      detail::undo(running);
      throw;
    }
    detail::pause_before_rerun(reruns);
  }
}

}  // namespace trunkline
