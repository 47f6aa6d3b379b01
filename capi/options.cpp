#include "options.hpp"

#include <cstring>

namespace tl::capi {
namespace {

using columnar::Type;
using columnar::Value;

static_assert(sizeof(tl_value) == sizeof(Value) && offsetof(tl_value, v) == offsetof(Value, i64) &&
              offsetof(tl_value, element) == offsetof(Value, element) &&
              offsetof(tl_value, length) == offsetof(Value, length));
static_assert(TL_BOOL == static_cast<int>(Type::boolean) && TL_JSON == static_cast<int>(Type::json) &&
              TL_NAME == static_cast<int>(Type::name) && TL_ANY == static_cast<int>(Type::any));

constexpr uint32_t known_flags = TL_CALL_READ | TL_CALL_WRITE | TL_CALL_STREAM;
constexpr driver::FetchLimits default_batch{65536, uint64_t{4} << 20};

// Who asks when the caller does not say: the thread.
uint64_t this_thread() noexcept {
  thread_local const char self = 0;
  return reinterpret_cast<uintptr_t>(&self);
}

Deadline deadline_of(int64_t timeout_ms, std::optional<Nanos> standard) noexcept {
  if (timeout_ms < 0) return Deadline::never();
  if (timeout_ms == 0 && !standard) return Deadline::never();
  const Nanos budget = timeout_ms == 0                      ? *standard
                       : timeout_ms > INT64_MAX / 1'000'000 ? Nanos::max()
                                                            : Nanos(std::chrono::milliseconds(timeout_ms));
  return Deadline::after(steady_clock().now(), budget);
}

const char* problem_with(const tl_call& call) noexcept {
  if (call.struct_size < sizeof(tl_call)) return "tl_call.struct_size is smaller than this struct has ever been";
  if ((call.flags & ~known_flags) != 0) return "tl_call.flags has a bit that this version does not know";
  if ((call.flags & TL_CALL_READ) != 0 && (call.flags & TL_CALL_WRITE) != 0)
    return "tl_call.flags says both read and write";
  if (call.timeout_ms < -1) return "tl_call.timeout_ms is negative and not -1";
  if (call.queue != nullptr) return "tl_call.queue must be NULL: this build has no queues";
  if (call.max_lag_ms != 0) return "tl_call.max_lag_ms must be 0: this build does not measure replication lag";
  if (call.priority != 0 || call.reserved != 0) return "tl_call.priority and reserved must be 0";
  const auto* bytes = reinterpret_cast<const unsigned char*>(&call);
  for (size_t i = sizeof(tl_call); i < call.struct_size; ++i) {
    if (bytes[i] != 0) return "tl_call has a field that this version does not know";
  }
  return nullptr;
}

Failure bad_value(size_t position, const std::string& what) {
  return fail(Status::misuse, "value " + std::to_string(position + 1) + ": " + what);
}

// Of what a list may be.
bool is_element(Type type) noexcept { return type >= Type::null && type <= Type::json; }

// "" : fine.
std::string problem_with(const Value& value, std::string_view arena, bool inside_list) {
  const auto within = [&](uint64_t n) { return value.offset <= arena.size() && n <= arena.size() - value.offset; };
  if (value.flags != 0) return "flags must be 0";
  if (value.element != 0 && value.kind() != Type::list) return "element must be 0: this is no list";
  switch (value.kind()) {
    case Type::boolean: return value.i64 == 0 || value.i64 == 1 ? "" : "a bool is 0 or 1";
    case Type::null:
    case Type::int64:
    case Type::uint64:
    case Type::float64:
    case Type::date:
    case Type::time:
    case Type::timestamp:
    case Type::timestamptz:
    case Type::duration: return "";
    case Type::decimal:
    case Type::text:
    case Type::bytes:
    case Type::json:
    case Type::name: return within(value.length) ? "" : "its text is not inside the arena";
    case Type::interval:
    case Type::uuid: return within(16) ? "" : "its 16 bytes are not inside the arena";
    case Type::list:
      if (inside_list) return "a list in a list cannot be passed";
      if (!is_element(static_cast<Type>(value.element))) return "its element is no type that a list can be of";
      if (value.offset % 8 != 0 || reinterpret_cast<uintptr_t>(arena.data()) % 8 != 0)
        return "its list is not 8-aligned";
      return within(uint64_t{value.length} * sizeof(Value)) ? "" : "its list is not inside the arena";
    default: return "unknown type " + std::to_string(value.type);
  }
}

std::string problem_with_list(const Value& list, const columnar::Params& params) {
  for (uint32_t i = 0; i < list.length; ++i) {
    const Value& element = params.list(list)[i];
    std::string problem = problem_with(element, params.arena, true);
    if (problem.empty() && element.kind() != Type::null && element.type != list.element)
      problem = "it is not of the list's type";
    if (!problem.empty()) return "element " + std::to_string(i + 1) + ": " + problem;
  }
  return "";
}

constexpr size_t most_values = PTRDIFF_MAX / sizeof(tl_value);  // no array is longer

}  // namespace

Result<Options> options(registry::Registry& registry, const tl_call* call, std::optional<Nanos> timeout) {
  Options result;
  if (call == nullptr) {
    result.call.deadline = deadline_of(0, timeout);
    result.call.owner = this_thread();
    return result;
  }
  if (const char* problem = problem_with(*call)) return fail(Status::misuse, problem);
  result.call.read = (call->flags & TL_CALL_READ) != 0;
  result.call.write = (call->flags & TL_CALL_WRITE) != 0;
  result.call.stream = (call->flags & TL_CALL_STREAM) != 0;
  result.call.deadline = deadline_of(call->timeout_ms, timeout);
  result.call.batch.rows = call->batch_rows == 0 ? default_batch.rows : call->batch_rows;
  result.call.batch.bytes = call->batch_bytes == 0 ? default_batch.bytes : call->batch_bytes;
  result.call.owner = call->owner == 0 ? this_thread() : call->owner;
  if (call->op != 0) {
    result.call.ticket = registry.tickets().use(call->op);
    if (result.call.ticket == nullptr)
      return fail(Status::misuse, "tl_call.op is not a reserved id, or was used already");
    if (result.call.ticket->cancelled()) {
      registry.tickets().release(call->op);
      return fail(Status::cancelled, "the call was cancelled before it began");
    }
    result.op = call->op;
  }
  return result;
}

Result<Arguments> arguments(const tl_value* params, size_t n, const void* arena, size_t arena_len) {
  Arguments result;
  if (n == 0) return result;
  if (params == nullptr || (arena == nullptr && arena_len != 0)) return fail(Status::misuse, "params or arena is NULL");
  if (n > most_values) return fail(Status::misuse, "n is more than memory can hold");
  result.arena = {static_cast<const char*>(arena), arena_len};
  result.values.resize(n);
  std::memcpy(static_cast<void*>(result.values.data()), params, n * sizeof(tl_value));
  for (size_t i = 0; i < n; ++i) {
    const Value& value = result.values[i];
    std::string problem = problem_with(value, result.arena, false);
    if (problem.empty() && value.kind() == Type::list) problem = problem_with_list(value, result.params());
    if (!problem.empty()) return bad_value(i, problem);
    if (value.kind() == Type::name) result.named = true;
  }
  return result;
}

}  // namespace tl::capi
