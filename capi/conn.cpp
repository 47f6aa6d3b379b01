#include "options.hpp"
#include "utf8.hpp"

namespace {

using tl::capi::guarded;
using tl::capi::misuse;
using tl::capi::report;
using tl::connection::Handle;
using tl::routing::Mode;

constexpr uint32_t isolation_mask = 0x30;

tl_status made(const std::shared_ptr<tl::registry::Registry>& registry, tl::Result<std::shared_ptr<Handle>> handle,
               tl_conn** out, tl_error** err) {
  if (!handle) return report(handle.take_error(), err);
  *out = new tl_conn{registry, handle.take()};
  return TL_OK;
}

std::optional<tl::Nanos> timeout_of(const tl_conn& conn) { return conn.handle->connection()->settings().call_timeout; }

// Runs `verb(handle, options)` with the call's options and operation id.
template <class Verb>
tl_status with_options(tl_conn* conn, const tl_call* call, tl_error** err, const Verb& verb) {
  tl::capi::Options options(*conn->registry);
  if (auto read = options.read(call, timeout_of(*conn)); !read)
    return report(conn->handle->connection()->told(read.take_error()), err);
  return verb(*conn->handle, options.call);
}

// Runs `verb(handle, answer, options)`, whose answer is read whole.
template <class Verb>
tl_status answered(tl_conn* conn, const tl_call* call, tl_result** out, tl_error** err, const Verb& verb) {
  return with_options(conn, call, err, [&](Handle& handle, const auto& options) {
    auto result = std::make_unique<tl_result>(conn->registry);
    if (tl::Result<void> done = verb(handle, result->answer, options); !done) return report(done.take_error(), err);
    *out = result.release();
    return TL_OK;
  });
}

// The names of columns; empty where one is no text.
std::vector<std::string_view> texts_of(const tl::columnar::Params& columns) {
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < columns.count; ++i) {
    if (columns.values[i].kind() != tl::columnar::Type::text) return {};
    texts.push_back(columns.text(columns.values[i]));
  }
  return texts;
}

tl_status query(tl_conn* conn, std::string_view sql, const tl::capi::Arguments& arguments, const tl_call* call,
                tl_result** out, tl_error** err) {
  tl::capi::Options options(*conn->registry);
  if (auto read = options.read(call, timeout_of(*conn), tl::capi::query_flags); !read)
    return report(conn->handle->connection()->told(read.take_error()), err);
  auto result = std::make_unique<tl_result>(conn->registry);
  auto done = conn->handle->query(result->answer, sql, arguments.params(), arguments.named(), options.call);
  if (!done) return report(done.take_error(), err);
  if (options.call.stream) {
    result->timeout = options.timeout;
    result->op = options.keep_op();
  }
  *out = result.release();
  return TL_OK;
}

}  // namespace

extern "C" {

void tl_conn_release(tl_conn* conn) { delete conn; }

tl_status tl_conn_get(tl_registry* registry, const char* name, size_t name_len, int32_t mode, tl_conn** out,
                      tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || out == nullptr) return misuse("registry or out is NULL", err);
    if (mode < TL_DUAL || mode > TL_WRITE) return misuse("mode is none of TL_DUAL, TL_READ, TL_WRITE", err);
    if (const char* problem = tl::capi::problem_with_name(name, name_len)) return misuse(problem, err);
    auto connection = registry->registry->find(tl::capi::text(name, name_len));
    if (!connection) return report(connection.take_error(), err);
    *out =
        new tl_conn{registry->registry, std::make_shared<Handle>(connection.take(), static_cast<Mode>(mode), nullptr)};
    return TL_OK;
  });
}

tl_status tl_conn_derive(tl_conn* conn, const char* tag, size_t tag_len, const char* after, size_t after_len,
                         int32_t mode, tl_conn** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || out == nullptr || !tl::capi::is_text(tag, tag_len))
      return misuse("conn, tag or out is NULL", err);
    if (after_len != 0) return misuse("this build has no consistency tokens: after must be empty", err);
    (void)after;
    if (mode < -1 || mode > TL_WRITE) return misuse("mode is none of TL_DUAL, TL_READ, TL_WRITE, -1", err);
    if (!tl::is_utf8(tag, tag_len)) return misuse("tag is not UTF-8", err);
    const auto text = tag == nullptr ? nullptr : std::make_shared<const std::string>(tl::capi::text(tag, tag_len));
    return made(conn->registry, conn->handle->derive(text, mode < 0 ? conn->handle->mode() : static_cast<Mode>(mode)),
                out, err);
  });
}

tl_status tl_pin(tl_conn* conn, const tl_call* call, tl_conn** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || out == nullptr) return misuse("conn or out is NULL", err);
    return with_options(conn, call, err, [&](Handle& handle, const auto& options) {
      return made(conn->registry, handle.pin(options), out, err);
    });
  });
}

tl_status tl_begin(tl_conn* conn, uint32_t flags, const tl_call* call, tl_conn** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || out == nullptr) return misuse("conn or out is NULL", err);
    if ((flags & ~(TL_BEGIN_READ_ONLY | isolation_mask)) != 0)
      return misuse("flags has a bit that this version does not know", err);
    tl::driver::TransactionOptions wanted;
    wanted.read_only = (flags & TL_BEGIN_READ_ONLY) != 0;
    wanted.isolation = static_cast<tl::driver::Isolation>((flags & isolation_mask) >> 4);
    return with_options(conn, call, err, [&](Handle& handle, const auto& options) {
      return made(conn->registry, handle.begin(wanted, options), out, err);
    });
  });
}

tl_status tl_commit(tl_conn* conn, const tl_call* call, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr) return misuse("conn is NULL", err);
    return with_options(conn, call, err, [&](Handle& handle, const auto& options) {
      tl::Result<void> done = handle.commit(options);
      return done ? TL_OK : report(done.take_error(), err);
    });
  });
}

tl_status tl_rollback(tl_conn* conn, const tl_call* call, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr) return misuse("conn is NULL", err);
    return with_options(conn, call, err, [&](Handle& handle, const auto& options) {
      tl::Result<void> done = handle.rollback(options);
      return done ? TL_OK : report(done.take_error(), err);
    });
  });
}

tl_status tl_query(tl_conn* conn, const char* sql, size_t sql_len, const tl_value* params, size_t n, const void* arena,
                   size_t arena_len, const tl_call* call, tl_result** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || out == nullptr || !tl::capi::is_text(sql, sql_len))
      return misuse("conn, sql or out is NULL", err);
    tl::capi::Arguments arguments;
    if (auto fine = arguments.read(params, n, 1, arena, arena_len); !fine) return report(fine.take_error(), err);
    return query(conn, tl::capi::text(sql, sql_len), arguments, call, out, err);
  });
}

tl_status tl_execute_many(tl_conn* conn, const char* sql, size_t sql_len, const tl_value* params, size_t n, size_t rows,
                          const void* arena, size_t arena_len, const tl_call* call, tl_result** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || out == nullptr || !tl::capi::is_text(sql, sql_len))
      return misuse("conn, sql or out is NULL", err);
    tl::capi::Arguments values;
    if (auto fine = values.read(params, n, rows, arena, arena_len); !fine) return report(fine.take_error(), err);
    return answered(conn, call, out, err, [&](Handle& handle, auto& answer, const auto& options) {
      return handle.execute_many(answer, tl::capi::text(sql, sql_len), values.params(), rows, values.named(), options);
    });
  });
}

tl_status tl_load(tl_conn* conn, const char* table, size_t table_len, const tl_value* columns, size_t n,
                  const tl_value* values, size_t rows, const void* arena, size_t arena_len, const tl_call* call,
                  tl_result** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || out == nullptr || !tl::capi::is_text(table, table_len))
      return misuse("conn, table or out is NULL", err);
    tl::capi::Arguments names;
    tl::capi::Arguments loaded;
    if (auto fine = names.read(columns, n, 1, arena, arena_len); !fine) return report(fine.take_error(), err);
    if (auto fine = loaded.read(values, n, rows, arena, arena_len); !fine) return report(fine.take_error(), err);
    const std::vector<std::string_view> texts = texts_of(names.params());
    if (texts.size() != n) return misuse("columns are TL_TEXT values", err);
    if (loaded.named()) return misuse("the values of rows that are loaded have no names", err);
    return answered(conn, call, out, err, [&](Handle& handle, auto& answer, const auto& options) {
      return handle.load(answer, tl::capi::text(table, table_len), texts, loaded.params(), rows, options);
    });
  });
}

}  // extern "C"
