// tl_call and tl_value, checked and translated.
#pragma once
#include "handles.hpp"

namespace tl::capi {

// What a verb may be told by flags.
constexpr uint32_t no_flags = 0;
constexpr uint32_t query_flags = TL_CALL_READ | TL_CALL_WRITE | TL_CALL_STREAM;

// What tl_call has always had: a caller that was compiled with an older header gives no more.
constexpr uint32_t least_call = offsetof(tl_call, reserved) + sizeof(int32_t);

// Who asks when the caller does not say: the thread.
[[nodiscard]] uint64_t this_thread() noexcept;

// What a call asks for. Gives its operation id back at the end, when the verb has answered.
class Options {
 public:
  explicit Options(registry::Registry& registry) noexcept : registry_(registry) {}
  ~Options() {
    if (op_ != 0) registry_.tickets().release(op_);
  }
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // `standard`: the time limit of a call that names none. `flags`: those that the verb takes. Errors: misuse and
  // not_found, which use no operation id.
  [[nodiscard]] Result<void> read(const tl_call* given, std::optional<Nanos> standard, uint32_t flags = no_flags);
  // Error: cancelled before the verb began.
  [[nodiscard]] Result<void> wanted() const;
  // The time limit of a call that names none, where it was not known before; from then on.
  void take_standard(std::optional<Nanos> standard, Instant began) noexcept;
  tl_op keep_op() noexcept { return std::exchange(op_, 0); }  // the verb goes on: a stream

  connection::CallOptions call;
  std::optional<Nanos> timeout;            // that the call's deadline came from
  std::optional<Deadline> given_deadline;  // of a call that names a time limit, or none

 private:
  [[nodiscard]] Result<void> use(tl_op op);

  registry::Registry& registry_;
  tl_op op_ = 0;
};

// The values of a statement, or of many rows: the caller's own, checked, with every text inside the arena.
class Arguments {
 public:
  // `rows` rows of `n` values. Errors: misuse.
  [[nodiscard]] Result<void> read(const tl_value* params, size_t n, size_t rows, const void* arena, size_t arena_len);
  [[nodiscard]] const columnar::Params& params() const noexcept { return params_; }
  [[nodiscard]] bool named() const noexcept { return named_; }
  void move_to(const columnar::Params& copied) noexcept { params_ = copied; }

 private:
  columnar::Params params_;
  bool named_ = false;
};

}  // namespace tl::capi
