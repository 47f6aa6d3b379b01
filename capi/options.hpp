// tl_call and tl_value, checked and translated.
#pragma once
#include <array>

#include "handles.hpp"

namespace tl::capi {

struct Options {
  connection::CallOptions call;
  tl_op op = 0;
  std::optional<Nanos> timeout;  // that the call's deadline came from
};

// What a verb may be told by flags.
constexpr uint32_t no_flags = 0;
constexpr uint32_t query_flags = TL_CALL_READ | TL_CALL_WRITE | TL_CALL_STREAM;

// Fills `result`. `timeout`: the default for when the call names none. Errors: misuse, which uses no operation id;
// cancelled before the verb begins.
[[nodiscard]] Result<void> read_options(Options& result, registry::Registry& registry, const tl_call* call,
                                        std::optional<Nanos> timeout, uint32_t flags = no_flags);

// Gives an operation's id back when the verb that used it has answered.
class OpUse {
 public:
  OpUse(registry::Registry& registry, tl_op op) noexcept : registry_(registry), op_(op) {}
  ~OpUse() {
    if (op_ != 0) registry_.tickets().release(op_);
  }
  OpUse(const OpUse&) = delete;
  OpUse& operator=(const OpUse&) = delete;
  tl_op keep() noexcept { return std::exchange(op_, 0); }  // the verb goes on: a stream

 private:
  registry::Registry& registry_;
  tl_op op_;
};

// The values of a statement: copied (16 bytes each; few need no memory of their own), with every text inside the arena.
class Arguments {
 public:
  // Errors: misuse.
  [[nodiscard]] Result<void> read(const tl_value* params, size_t n, const void* arena, size_t arena_len);
  [[nodiscard]] columnar::Params params() const noexcept { return {values_, count_, arena_}; }
  [[nodiscard]] bool named() const noexcept { return named_; }

 private:
  static constexpr size_t few = 8;
  std::array<columnar::Value, few> first_;
  std::vector<columnar::Value> many_;
  const columnar::Value* values_ = nullptr;
  size_t count_ = 0;
  std::string_view arena_;
  bool named_ = false;
};

}  // namespace tl::capi
