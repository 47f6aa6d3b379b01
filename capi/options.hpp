// tl_call and tl_value, checked and translated.
#pragma once
#include "handles.hpp"

namespace tl::capi {

struct Options {
  connection::CallOptions call;
  tl_op op = 0;
};

// `timeout`: the connection's own default for when the call names none. Errors: misuse; cancelled before the verb
// begins.
[[nodiscard]] Result<Options> options(registry::Registry& registry, const tl_call* call, std::optional<Nanos> timeout);

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

// The values of a statement: copied (16 bytes each), with every text inside the arena.
struct Arguments {
  std::vector<columnar::Value> values;
  std::string_view arena;
  bool named = false;
  [[nodiscard]] columnar::Params params() const noexcept { return {values.data(), values.size(), arena}; }
};
[[nodiscard]] Result<Arguments> arguments(const tl_value* params, size_t n, const void* arena, size_t arena_len);

}  // namespace tl::capi
