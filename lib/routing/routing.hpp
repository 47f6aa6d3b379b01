// Which endpoints may serve a statement, in order. A pure decision: no I/O, no locks, no memory.
#pragma once
#include <cstdint>
#include <span>

#include "config.hpp"
#include "statement.hpp"

namespace tl::routing {

enum class Mode : uint8_t { dual, read, write };

// Endpoint 0 is the primary, 1 … n are the replicas.
struct Topology {
  uint32_t replicas = 0;
  config::Policy policy = config::Policy::round_robin;
};

class Order {
 public:
  Order(uint32_t replicas, uint32_t start) noexcept : replicas_(replicas), start_(start) {}
  [[nodiscard]] uint32_t size() const noexcept { return replicas_ + 1; }
  // The i-th choice: the replicas from `start` on, and the primary last.
  [[nodiscard]] uint32_t operator[](uint32_t i) const noexcept {
    return i < replicas_ ? 1 + (start_ + i) % replicas_ : 0;
  }

 private:
  uint32_t replicas_;
  uint32_t start_;
};

// Whether a statement of this kind goes to a replica where there is one. What is not known as a read counts as a write.
[[nodiscard]] bool reads(sql::Kind kind) noexcept;

// `turn` is a counter (round_robin) or a random number (random); `busy` the sessions in use per replica (least_busy).
[[nodiscard]] Order order(bool read, Mode mode, const Topology& topology, uint64_t turn,
                          std::span<const uint32_t> busy) noexcept;

}  // namespace tl::routing
