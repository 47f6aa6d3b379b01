#include <cstring>

#include "inspect.hpp"
#include "perform.hpp"
#include "utf8.hpp"

namespace {

using tl::Result;
using tl::capi::Answer;
using tl::capi::ConnInputs;
using tl::capi::deliver_nothing;
using tl::capi::deliver_to;
using tl::capi::guarded;
using tl::capi::has_out;
using tl::capi::misuse;
using tl::capi::no_flags;
using tl::capi::Options;
using tl::capi::perform;
using tl::capi::report;
using tl::capi::StatementInputs;
using tl::connection::Handle;
using tl::routing::Mode;

constexpr uint32_t isolation_mask = 0x30;

Result<Answer> conn_of(const ConnInputs& inputs, Result<std::shared_ptr<Handle>> handle) {
  if (!handle) return handle.take_error();
  return Answer{TL_DONE_CONN, new tl_conn{inputs.registry.shared(), handle.take()}};
}

Result<Answer> nothing(Result<void> done) {
  if (!done) return done.take_error();
  return Answer{};
}

// `verb(answer)` fills the answer of a result.
template <class Verb>
Result<Answer> result_of(const ConnInputs& inputs, const Options& options, const Verb& verb) {
  auto result = std::make_shared<tl_result>(inputs.registry.shared());
  result->timeout = options.timeout;
  if (Result<void> done = verb(result->answer); !done) return done.take_error();
  return Answer{TL_DONE_RESULT, tl_result::hand_out(std::move(result))};
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

Result<Answer> run_query(StatementInputs& inputs, Options& options) {
  auto answer = result_of(inputs, options, [&](auto& result) {
    return inputs.handle->query(result, inputs.text, inputs.values.params(), inputs.values.named(), options.call);
  });
  if (answer && options.call.stream) static_cast<tl_result*>(answer->value)->op = options.keep_op();
  return answer;
}

Result<Answer> run_execute_many(StatementInputs& inputs, Options& options) {
  return result_of(inputs, options, [&](auto& result) {
    return inputs.handle->execute_many(result, inputs.text, inputs.values.params(), inputs.rows, inputs.values.named(),
                                       options.call);
  });
}

Result<Answer> run_load(StatementInputs& inputs, Options& options) {
  return result_of(inputs, options, [&](auto& result) {
    return inputs.handle->load(result, inputs.text, texts_of(inputs.columns.params()), inputs.values.params(),
                               inputs.rows, options.call);
  });
}

}  // namespace

extern "C" {

void tl_conn_release(tl_conn* conn) { tl::capi::destroy(conn); }

tl_status tl_conn_get(tl_registry* registry, const char* name, size_t name_len, int32_t mode, tl_conn** out,
                      tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || out == nullptr) return misuse("registry or out is NULL", err);
    if (mode < TL_DUAL || mode > TL_WRITE) return misuse("mode is none of TL_DUAL, TL_READ, TL_WRITE", err);
    if (const char* problem = tl::capi::problem_with_name(name, name_len)) return misuse(problem, err);
    auto handle = registry->registry->handle(tl::capi::text(name, name_len), static_cast<Mode>(mode));
    if (!handle) return report(handle.take_error(), err);
    *out = new tl_conn{registry->registry, handle.take()};
    return TL_OK;
  });
}

tl_status tl_conn_derive(tl_conn* conn, const char* tag, size_t tag_len, const char* after, size_t after_len,
                         int32_t mode, tl_conn** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || out == nullptr || !tl::capi::is_text(tag, tag_len))
      return misuse("conn, tag or out is NULL", err);
    if (!tl::capi::is_text(after, after_len)) return misuse("after is NULL and after_len is not 0", err);
    if (mode < -1 || mode > TL_WRITE) return misuse("mode is none of TL_DUAL, TL_READ, TL_WRITE, -1", err);
    if (!tl::is_utf8(tag, tag_len)) return misuse("tag is not UTF-8", err);
    const auto text = tag == nullptr ? nullptr : std::make_shared<const std::string>(tl::capi::text(tag, tag_len));
    auto token = tl::driver::read_token(tl::capi::text(after, after_len));
    if (!token) return report(token.take_error(), err);
    auto derived = conn->handle->derive(text, mode < 0 ? conn->handle->mode() : static_cast<Mode>(mode), *token);
    if (!derived) return report(derived.take_error(), err);
    *out = new tl_conn{conn->registry, derived.take()};
    return TL_OK;
  });
}

tl_status tl_conn_token(tl_conn* conn, char* out, size_t size, size_t* len, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || len == nullptr || (out == nullptr && size != 0))
      return misuse("conn, out or len is NULL", err);
    auto written = conn->handle->written();
    if (!written) return report(written.take_error(), err);
    const std::string token = tl::driver::token_of(*written);
    *len = token.size();
    if (token.size() < size) std::memcpy(out, token.c_str(), token.size() + 1);
    return TL_OK;
  });
}

tl_status tl_explain(tl_conn* conn, const char* sql, size_t sql_len, const tl_call* call, tl_result** out,
                     tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || !has_out(out, call) || !tl::capi::is_text(sql, sql_len))
      return misuse("conn, sql or out is NULL", err);
    StatementInputs inputs(*conn);
    inputs.text = tl::capi::text(sql, sql_len);
    const auto explain = [](StatementInputs& asked, Options& options) -> Result<Answer> {
      auto explained = asked.handle->explain(asked.text, options.call);
      if (!explained) return explained.take_error();
      auto result = std::make_shared<tl_result>(asked.registry.shared(), tl::registry::table_of(*explained));
      return Answer{TL_DONE_RESULT, tl_result::hand_out(std::move(result))};
    };
    return perform(std::move(inputs), call, TL_CALL_READ | TL_CALL_WRITE, err, explain, deliver_to(out));
  });
}

tl_status tl_pin(tl_conn* conn, const tl_call* call, tl_conn** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || !has_out(out, call)) return misuse("conn or out is NULL", err);
    const auto pin = [](ConnInputs& inputs, Options& options) {
      return conn_of(inputs, inputs.handle->pin(options.call));
    };
    return perform(ConnInputs(*conn), call, no_flags, err, pin, deliver_to(out));
  });
}

tl_status tl_begin(tl_conn* conn, uint32_t flags, const tl_call* call, tl_conn** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || !has_out(out, call)) return misuse("conn or out is NULL", err);
    if ((flags & ~(TL_BEGIN_READ_ONLY | isolation_mask)) != 0)
      return misuse("flags has a bit that this version does not know", err);
    tl::driver::TransactionOptions wanted;
    wanted.read_only = (flags & TL_BEGIN_READ_ONLY) != 0;
    wanted.isolation = static_cast<tl::driver::Isolation>((flags & isolation_mask) >> 4);
    const auto begin = [wanted](ConnInputs& inputs, Options& options) {
      return conn_of(inputs, inputs.handle->begin(wanted, options.call));
    };
    return perform(ConnInputs(*conn), call, no_flags, err, begin, deliver_to(out));
  });
}

tl_status tl_commit(tl_conn* conn, const tl_call* call, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr) return misuse("conn is NULL", err);
    const auto commit = [](ConnInputs& inputs, Options& options) {
      return nothing(inputs.handle->commit(options.call));
    };
    return perform(ConnInputs(*conn), call, no_flags, err, commit, deliver_nothing());
  });
}

tl_status tl_rollback(tl_conn* conn, const tl_call* call, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr) return misuse("conn is NULL", err);
    const auto rollback = [](ConnInputs& inputs, Options& options) {
      return nothing(inputs.handle->rollback(options.call));
    };
    return perform(ConnInputs(*conn), call, no_flags, err, rollback, deliver_nothing());
  });
}

tl_status tl_query(tl_conn* conn, const char* sql, size_t sql_len, const tl_value* params, size_t n, const void* arena,
                   size_t arena_len, const tl_call* call, tl_result** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || !has_out(out, call) || !tl::capi::is_text(sql, sql_len))
      return misuse("conn, sql or out is NULL", err);
    StatementInputs inputs(*conn);
    inputs.text = tl::capi::text(sql, sql_len);
    if (auto fine = inputs.values.read(params, n, 1, arena, arena_len); !fine) return report(fine.take_error(), err);
    return perform(std::move(inputs), call, tl::capi::query_flags, err, run_query, deliver_to(out));
  });
}

tl_status tl_execute_many(tl_conn* conn, const char* sql, size_t sql_len, const tl_value* params, size_t n, size_t rows,
                          const void* arena, size_t arena_len, const tl_call* call, tl_result** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || !has_out(out, call) || !tl::capi::is_text(sql, sql_len))
      return misuse("conn, sql or out is NULL", err);
    StatementInputs inputs(*conn);
    inputs.text = tl::capi::text(sql, sql_len);
    inputs.rows = rows;
    if (auto fine = inputs.values.read(params, n, rows, arena, arena_len); !fine) return report(fine.take_error(), err);
    return perform(std::move(inputs), call, no_flags, err, run_execute_many, deliver_to(out));
  });
}

tl_status tl_load(tl_conn* conn, const char* table, size_t table_len, const tl_value* columns, size_t n,
                  const tl_value* values, size_t rows, const void* arena, size_t arena_len, const tl_call* call,
                  tl_result** out, tl_error** err) {
  return guarded(err, [&] {
    if (conn == nullptr || !has_out(out, call) || !tl::capi::is_text(table, table_len))
      return misuse("conn, table or out is NULL", err);
    StatementInputs inputs(*conn);
    inputs.text = tl::capi::text(table, table_len);
    inputs.rows = rows;
    if (auto fine = inputs.columns.read(columns, n, 1, arena, arena_len); !fine) return report(fine.take_error(), err);
    if (auto fine = inputs.values.read(values, n, rows, arena, arena_len); !fine) return report(fine.take_error(), err);
    if (texts_of(inputs.columns.params()).size() != n) return misuse("columns are TL_TEXT values", err);
    if (inputs.values.named()) return misuse("the values of rows that are loaded have no names", err);
    return perform(std::move(inputs), call, no_flags, err, run_load, deliver_to(out));
  });
}

}  // extern "C"
