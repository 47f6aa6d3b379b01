#include "options.hpp"

#include <algorithm>
#include <cstring>

#include "utf8.hpp"

namespace tl::capi {
namespace {

using columnar::Type;
using columnar::Value;

static_assert(sizeof(tl_value) == sizeof(Value) && offsetof(tl_value, v) == offsetof(Value, i64) &&
              offsetof(tl_value, element) == offsetof(Value, element) &&
              offsetof(tl_value, length) == offsetof(Value, length));
static_assert(TL_BOOL == static_cast<int>(Type::boolean) && TL_JSON == static_cast<int>(Type::json) &&
              TL_NAME == static_cast<int>(Type::name) && TL_ANY == static_cast<int>(Type::any));

// Null: none.
std::optional<Nanos> timeout_of(int64_t timeout_ms, std::optional<Nanos> standard) noexcept {
  if (timeout_ms < 0) return std::nullopt;
  if (timeout_ms == 0) return standard;
  return timeout_ms > INT64_MAX / 1'000'000 ? Nanos::max() : Nanos(std::chrono::milliseconds(timeout_ms));
}

Deadline deadline_of(std::optional<Nanos> timeout) noexcept {
  return timeout ? Deadline::after(steady_clock().now(), *timeout) : Deadline::never();
}

// "": fine, and `call` is what `given` holds.
const char* copy_call(tl_call& call, const tl_call& given, uint32_t flags) noexcept {
  if (given.struct_size < least_call) return "tl_call.struct_size is smaller than this struct has ever been";
  const auto* bytes = reinterpret_cast<const unsigned char*>(&given);
  for (size_t i = sizeof(tl_call); i < given.struct_size; ++i) {
    if (bytes[i] != 0) return "tl_call has a field that this version does not know";
  }
  std::memcpy(&call, &given, std::min<size_t>(given.struct_size, sizeof call));
  if ((call.flags & ~query_flags) != 0) return "tl_call.flags has a bit that this version does not know";
  if ((call.flags & ~flags) != 0) return "tl_call.flags has a bit that only tl_query takes";
  if ((call.flags & TL_CALL_READ) != 0 && (call.flags & TL_CALL_WRITE) != 0)
    return "tl_call.flags says both read and write";
  if (call.timeout_ms < -1) return "tl_call.timeout_ms is negative and not -1";
  if (call.max_lag_ms < -1) return "tl_call.max_lag_ms is negative and not -1";
  if (call.priority != 0 || call.reserved != 0) return "tl_call.priority and reserved must be 0";
  return nullptr;
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
    case Type::bytes: return within(value.length) ? "" : "its bytes are not inside the arena";
    case Type::decimal:
    case Type::text:
    case Type::json:
    case Type::name:
      if (!within(value.length)) return "its text is not inside the arena";
      return is_utf8(arena.data() + value.offset, value.length) ? "" : "its text is not UTF-8";
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

// The commonest, looked at in a hurry.
bool is_fine(const Value& value, std::string_view arena) noexcept {
  if (value.flags != 0 || value.element != 0) return false;
  if (value.kind() == Type::int64 || value.kind() == Type::float64 || value.kind() == Type::null) return true;
  return value.kind() == Type::text && value.offset <= arena.size() && value.length <= arena.size() - value.offset &&
         is_utf8(arena.data() + value.offset, value.length);
}

constexpr size_t most_values = PTRDIFF_MAX / sizeof(tl_value);  // no array is longer

}  // namespace

uint64_t this_thread() noexcept {
  thread_local const char self = 0;
  return reinterpret_cast<uintptr_t>(&self);
}

Result<void> Options::read(const tl_call* given, std::optional<Nanos> standard, uint32_t flags) {
  timeout = standard;
  if (given == nullptr) {
    call.owner = this_thread();
    call.deadline = deadline_of(timeout);
    return {};
  }
  tl_call asked{};
  if (const char* problem = copy_call(asked, *given, flags)) return fail(Status::misuse, problem);
  call.read = (asked.flags & TL_CALL_READ) != 0;
  call.write = (asked.flags & TL_CALL_WRITE) != 0;
  call.stream = (asked.flags & TL_CALL_STREAM) != 0;
  if (asked.max_lag_ms != 0) call.max_lag = timeout_of(asked.max_lag_ms, {}).value_or(Nanos::max());
  if (asked.fallback != nullptr) {
    if (*asked.fallback == '\0') return fail(Status::misuse, "tl_call.fallback is empty; NULL is as configured");
    auto found = registry_.find(std::string_view(asked.fallback));
    if (!found) return found.take_error();
    call.fallback = found.take();
  }
  timeout = timeout_of(asked.timeout_ms, standard);
  call.deadline = deadline_of(timeout);
  if (asked.timeout_ms != 0) given_deadline = call.deadline;
  if (asked.batch_rows != 0) call.batch.rows = asked.batch_rows;
  if (asked.batch_bytes != 0) call.batch.bytes = asked.batch_bytes;
  // Of those on queues one thread has many.
  call.owner = asked.owner != 0 || asked.queue != nullptr ? asked.owner : this_thread();
  return asked.op == 0 ? Result<void>() : use(asked.op);
}

void Options::take_standard(std::optional<Nanos> standard, Instant began) noexcept {
  timeout = standard;
  call.deadline = standard ? Deadline::after(began, *standard) : Deadline::never();
}

Result<void> Options::use(tl_op op) {
  call.ticket = registry_.tickets().use(op);
  if (call.ticket == nullptr) return fail(Status::misuse, "tl_call.op is not a reserved id, or was used already");
  op_ = op;
  return {};
}

Result<void> Options::wanted() const {
  if (call.ticket == nullptr || !call.ticket->cancelled()) return {};
  return fail(Status::cancelled, "the call was cancelled before it began", Phase::acquire);
}

Result<void> Arguments::read(const tl_value* params, size_t n, size_t rows, const void* arena, size_t arena_len) {
  if (n == 0 || rows == 0) return {};
  if (params == nullptr || (arena == nullptr && arena_len != 0)) return fail(Status::misuse, "params or arena is NULL");
  if (rows > most_values / n) return fail(Status::misuse, "there are more values than memory can hold");
  params_ = {reinterpret_cast<const Value*>(params), n * rows, {static_cast<const char*>(arena), arena_len}};
  for (size_t i = 0; i < params_.count; ++i) {
    const Value& value = params_.values[i];
    if (is_fine(value, params_.arena)) continue;
    std::string problem = problem_with(value, params_.arena, false);
    if (problem.empty() && value.kind() == Type::list) problem = problem_with_list(value, params_);
    if (!problem.empty()) {
      problem.insert(0, "value " + std::to_string(i % n + 1) + ": ");
      if (rows != 1) problem.insert(0, "row " + std::to_string(i / n + 1) + ", ");
      return fail(Status::misuse, std::move(problem));
    }
    if (value.kind() == Type::name) named_ = true;
  }
  return {};
}

}  // namespace tl::capi
