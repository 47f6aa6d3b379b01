// Which endpoints may serve a statement, in order, and which of them takes the writes. Pure decisions from what is
// known of each: no I/O, no locks, no memory.
#pragma once
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "seen.hpp"
#include "statement.hpp"

namespace tl::routing {

enum class Mode : uint8_t { dual, read, write };

// What a statement asks of whoever serves it.
struct Wish {
  bool read = false;
  Mode mode = Mode::dual;
  std::optional<Nanos> max_lag;  // of a replica; none: any
  driver::Position after;        // a replica has applied this; empty: or not
};

// Whether a statement of this kind goes to a replica where there is one. What is not known as a read counts as a write.
[[nodiscard]] bool reads(sql::Kind kind) noexcept;

// Why an endpoint serves reads, or does not.
enum class Fitness : uint8_t {
  fit,
  writer,       // it takes the writes
  aside,        // it has failed
  behind,       // by more than max_lag
  lag_unknown,  // and there is a max_lag
  primary,      // another than that which takes the writes: what it says may be of a past that has parted
};
[[nodiscard]] Fitness fitness(const Seen& seen, bool is_writer, std::optional<Nanos> max_lag, Instant now) noexcept;

// The same in words: "takes the writes", "is 12 s behind", …
[[nodiscard]] std::string told(Fitness fitness, const Seen& seen, Instant now);

// A set of endpoints: bit i is endpoint i.
using Set = uint64_t;
constexpr uint32_t most_endpoints = 64;

// Those that may serve it beside the one that takes the writes; none where that is the only one. `seen(i)` is what is
// known of endpoint i, asked of those alone that matter: this is on the way of each read.
template <class SeenOf>
[[nodiscard]] Set readers(const Wish& wish, uint32_t size, const SeenOf& seen, uint32_t writer, Instant now) noexcept {
  Set set = 0;
  if (!wish.read || wish.mode == Mode::write) return set;
  for (uint32_t i = 0; i < size; ++i) {
    if (i != writer && fitness(seen(i), false, wish.max_lag, now) == Fitness::fit) set |= Set{1} << i;
  }
  return set;
}

// The n-th of the set, from 0; n is below its size.
[[nodiscard]] uint32_t nth(Set set, uint32_t n) noexcept;

class Order {
 public:
  static constexpr uint32_t nobody = most_endpoints;

  // `first` is one of the readers, unless there are none. `writer` nobody: it does not serve this. `unsure`: whether
  // the readers have applied what the wish names is still to be seen.
  Order(Set readers, uint32_t first, uint32_t writer, bool unsure) noexcept
      : readers_(readers),
        count_(static_cast<uint32_t>(std::popcount(readers))),
        first_(first),
        writer_(writer),
        unsure_(unsure) {}
  [[nodiscard]] uint32_t size() const noexcept { return count_ + (writer_ == nobody ? 0 : 1); }
  // The i-th choice: the readers from `first` on, and the writer last.
  [[nodiscard]] uint32_t operator[](uint32_t i) const noexcept;
  [[nodiscard]] bool is_unsure(uint32_t endpoint) const noexcept { return unsure_ && endpoint != writer_; }
  [[nodiscard]] uint32_t writer() const noexcept { return writer_; }

 private:
  Set readers_;
  uint32_t count_;
  uint32_t first_;
  uint32_t writer_;
  bool unsure_;
};

// What decides who takes the writes.
struct Contender {
  driver::ServerRole role = driver::ServerRole::unknown;  // as it was when it answered last
  // Nothing but that it takes writes says that it is a primary.
  bool is_certain = true;
  bool was_replica = false;  // it has been seen as one: that it is none now was somebody's will
  bool is_aside = false;
  uint32_t timeline = 0;  // of its history, where it has such
};
// The first contender is the configured one. It stays `current` until another one is a primary and that one is none,
// cannot be reached, or is of an older timeline.
[[nodiscard]] uint32_t choose_writer(std::span<const Contender> contenders, uint32_t current) noexcept;

}  // namespace tl::routing
