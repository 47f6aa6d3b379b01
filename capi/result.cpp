#include <cstring>

#include "arrow.hpp"
#include "perform.hpp"

namespace {

using tl::capi::Answer;
using tl::capi::deliver_to;
using tl::capi::guarded;
using tl::capi::has_out;
using tl::capi::misuse;
using tl::capi::Options;
using tl::capi::perform;
using tl::capi::query_flags;
using tl::capi::report;
using tl::columnar::Batch;
using tl::columnar::Column;
using tl::columnar::Field;
using tl::columnar::Schema;
using tl::columnar::Type;
using tl::connection::CallOptions;

// Everything that is not the batch's.
void describe(tl_column& out, const Field& field) noexcept {
  out = {};
  out.type = static_cast<int32_t>(field.type);
  out.name = field.name.c_str();
  out.type_name = field.database_type.c_str();
  out.type_id = field.type_id;
  out.precision = field.precision;
  out.scale = field.scale;
  out.nullable = field.nullable;
}

void expose(tl_column& out, const Column& column) noexcept {
  out.length = column.length;
  out.null_count = column.null_count;
  out.validity = column.null_count == 0 ? nullptr : column.validity.data();
  if (column.offsets.size() != 0) out.offsets = reinterpret_cast<const int32_t*>(column.offsets.data());
  if (column.type != Type::list) out.data = column.data.data();
  out.data_len = column.data.size();
  if (column.type == Type::any) {
    out.tags = column.tags.data();
    out.heap = column.heap.data();
    out.heap_len = column.heap.size();
    out.uniform = static_cast<int32_t>(column.uniform);
  }
}

// The elements of the list columns, in the order of those; without values where `batch` is null.
std::vector<tl_column> children_of(const Schema& schema, const Batch* batch) {
  std::vector<tl_column> children;
  for (size_t i = 0; i < schema.size(); ++i) {
    if (schema[i].type != Type::list) continue;
    tl_column& child = children.emplace_back();
    describe(child, *schema[i].element);
    child.struct_size = sizeof child;
    if (batch != nullptr) expose(child, *batch->columns()[i].child);
  }
  return children;
}

// Fills the caller's structs, which may be smaller or larger than this version's: those of `schema`, with the values of
// `batch` (may be null).
void fill(tl_column* out, const Schema& schema, const Batch* batch, const std::vector<tl_column>& children) noexcept {
  const uint32_t stride = schema.empty() ? 0 : out[0].struct_size;
  const tl_column* child = children.data();
  char* at = reinterpret_cast<char*>(out);
  for (size_t i = 0; i < schema.size(); ++i, at += stride) {
    tl_column older;
    tl_column& column = stride < sizeof older ? older : *reinterpret_cast<tl_column*>(at);
    describe(column, schema[i]);
    column.struct_size = stride;
    if (batch != nullptr) expose(column, batch->columns()[i]);
    if (schema[i].type == Type::list) {
      column.n_children = 1;
      column.children = child++;
    }
    if (stride < sizeof older) std::memcpy(at, &older, stride);
    if (stride > sizeof older) std::memset(at + sizeof older, 0, stride - sizeof older);
  }
}

constexpr uint32_t least_column = offsetof(tl_column, reserved) + sizeof(int32_t);

const char* problem_with(const tl_column* out, size_t n, size_t columns) noexcept {
  if (n != columns) return "n is not the number of columns";
  if (n == 0) return nullptr;
  if (out == nullptr) return "out is NULL";
  if (out[0].struct_size < least_column || out[0].struct_size % alignof(tl_column) != 0) {
    return "out[0].struct_size is not sizeof(tl_column)";
  }
  return nullptr;
}

size_t count(const std::shared_ptr<const Schema>& schema) noexcept { return schema == nullptr ? 0 : schema->size(); }

// What is left of the current set, and its session; the caller's handle keeps an empty set.
tl::columnar::BatchSource take_current(tl_result& result) {
  // Arrow's own release drops it, which nobody asks in which process.
  const std::shared_ptr<tl_result> rest(new tl_result(result.registry, result.answer.take_current()),
                                        tl::capi::destroy<tl_result>);
  rest->timeout = result.timeout;
  rest->op = std::exchange(result.op, 0);
  return [rest]() -> tl::Result<std::shared_ptr<const Batch>> {
    Options options(*rest->registry);
    if (auto read = options.read(nullptr, rest->timeout); !read) return read.take_error();
    return rest->answer.next(options.call);
  };
}

// The one read of a result that there may be at a time.
struct ReadInputs {
  // `of` was marked as being read.
  explicit ReadInputs(tl_result& of) noexcept : result(&of), registry(of.registry) {}
  ReadInputs(ReadInputs&& other) noexcept
      : result(std::exchange(other.result, nullptr)),
        registry(std::move(other.registry)),
        kept(std::move(other.kept)) {}
  ReadInputs& operator=(ReadInputs&&) = delete;
  ~ReadInputs() {
    if (result != nullptr) result->read.store(false, std::memory_order_release);
  }
  void keep() noexcept { kept = result->callers; }
  [[nodiscard]] std::optional<tl::Nanos> timeout() const noexcept { return result->timeout; }
  [[nodiscard]] static tl::Failure told(tl::Failure failure) noexcept { return failure; }

  tl_result* result;
  tl::capi::Borrowed<tl::registry::Registry> registry;
  std::shared_ptr<tl_result> kept;
};

tl::Result<Answer> next_batch(ReadInputs& inputs, const CallOptions& options) {
  auto batch = inputs.result->answer.next(options);
  if (!batch) return batch.take_error();
  if (*batch == nullptr) return Answer{TL_DONE_BATCH};
  auto children = children_of((*batch)->schema(), batch->get());
  return Answer{TL_DONE_BATCH, new tl_batch{batch.take(), std::move(children)}};
}

tl::Result<Answer> next_set(ReadInputs& inputs, const CallOptions& options) {
  auto moved = inputs.result->answer.next_set(options);
  if (!moved) return moved.take_error();
  return Answer{TL_DONE, nullptr, *moved ? 1U : 0U};
}

template <class Read, class Deliver>
tl_status read_result(tl_result& result, const tl_call* call, tl_error** err, Read read, Deliver deliver) {
  if (result.read.exchange(true, std::memory_order_acquire)) {
    // A parent's thread that was reading at the fork never ends here.
    return report(result.made_here ? tl::fail(tl::Status::busy, "this result is being read already")
                                   : tl::connection::of_parent("what is left of this result"),
                  err);
  }
  ReadInputs inputs(result);
  if (call == nullptr && !result.answer.streams()) {  // it is here already
    const CallOptions none;
    tl::Result<Answer> answer = read(inputs, none);
    if (!answer) return report(answer.take_error(), err);
    deliver(*answer);
    return TL_OK;
  }
  const auto body = [read](ReadInputs& given, Options& options) { return read(given, options.call); };
  return perform(std::move(inputs), call, query_flags, err, body, deliver);
}

}  // namespace

extern "C" {

void tl_result_release(tl_result* result) {
  if (result != nullptr && result->made_here) result->release();
}
void tl_batch_release(tl_batch* batch) { delete batch; }

const char* tl_type_name(int32_t type) { return tl::columnar::type_name(static_cast<Type>(type)).data(); }

int64_t tl_result_affected(const tl_result* result) { return result == nullptr ? -1 : result->answer.set().affected; }
int64_t tl_result_last_id(const tl_result* result) { return result == nullptr ? 0 : result->answer.set().last_id; }
int32_t tl_result_role(const tl_result* result) {
  if (result == nullptr || !result->answer.role()) return TL_NO_ROLE;
  return *result->answer.role() == tl::connection::Role::primary ? TL_PRIMARY : TL_REPLICA;
}

int64_t tl_result_lag_ms(const tl_result* result) {
  if (result == nullptr || !result->answer.lag()) return -1;
  return std::chrono::ceil<std::chrono::milliseconds>(*result->answer.lag()).count();
}

const char* tl_result_endpoint(const tl_result* result) { return result == nullptr ? "" : result->answer.endpoint(); }
const char* tl_result_connection(const tl_result* result) {
  return result == nullptr ? "" : result->answer.connection();
}
size_t tl_result_columns(const tl_result* result) { return result == nullptr ? 0 : count(result->answer.set().schema); }

tl_status tl_result_schema(const tl_result* result, tl_column* out, size_t n, tl_error** err) {
  return guarded(err, [&] {
    if (result == nullptr) return misuse("result is NULL", err);
    const auto& schema = result->answer.set().schema;
    if (const char* problem = problem_with(out, n, count(schema))) return misuse(problem, err);
    if (n == 0) return TL_OK;
    auto& shown = result->shown;
    if (shown.empty() || shown.back().schema != schema) shown.push_back({schema, children_of(*schema, nullptr)});
    fill(out, *schema, nullptr, shown.back().children);
    return TL_OK;
  });
}

tl_status tl_result_next(tl_result* result, const tl_call* call, tl_batch** out, tl_error** err) {
  return guarded(err, [&] {
    if (result == nullptr || !has_out(out, call)) return misuse("result or out is NULL", err);
    return read_result(*result, call, err, next_batch, deliver_to(out));
  });
}

tl_status tl_result_next_set(tl_result* result, const tl_call* call, int32_t* more, tl_error** err) {
  return guarded(err, [&] {
    if (result == nullptr || !has_out(more, call)) return misuse("result or more is NULL", err);
    return read_result(*result, call, err, next_set,
                       [more](const Answer& answer) { *more = static_cast<int32_t>(answer.arg); });
  });
}

tl_status tl_batch_columns(const tl_batch* batch, tl_column* out, size_t n, int64_t* rows) {
  if (batch == nullptr) return TL_E_MISUSE;
  const Schema& schema = batch->batch->schema();
  if (problem_with(out, n, schema.size()) != nullptr) return TL_E_MISUSE;
  fill(out, schema, batch->batch.get(), batch->children);
  if (rows != nullptr) *rows = batch->batch->rows();
  return TL_OK;
}

tl_status tl_result_export_stream(tl_result* result, struct ArrowArrayStream* out, tl_error** err) {
  return guarded(err, [&] {
    if (result == nullptr || out == nullptr) return misuse("result or out is NULL", err);
    if (count(result->answer.set().schema) == 0) return misuse("this result set has no columns", err);
    auto schema = result->answer.set().schema;
    tl::columnar::export_stream(std::move(schema), take_current(*result), out);
    return TL_OK;
  });
}

}  // extern "C"
