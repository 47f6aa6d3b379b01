// One statement as it is observed, from when its session gets it to its end.
#pragma once
#include <memory>
#include <utility>

#include "leased.hpp"

namespace tl::connection {

class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept
      : source_(std::exchange(other.source_, nullptr)),
        precise_(other.precise_),
        began_(other.began_),
        told_(std::move(other.told_)) {}
  Watch& operator=(Watch&&) = delete;

  // The source of the endpoint outlives the watch.
  // The tag may be null.
  void begin(const Leased& leased, const std::shared_ptr<const std::string>& tag,
             const std::shared_ptr<const sql::Statement>& statement) noexcept;
  // Null: it has succeeded. Harmless where there is none or it has ended.
  void end(const Error* failure) noexcept;

 private:
  // What there is to tell of it, where somebody listens: at its end the session may be gone.
  struct Told {
    std::shared_ptr<const sql::Statement> statement;
    std::shared_ptr<const std::string> tag;
    uint64_t session = 0;
    std::string backend_id;
  };
  [[nodiscard]] Instant now() const noexcept { return precise_ ? steady_clock().now() : steady_clock().coarse(); }
  void tell(observe::Kind kind, Nanos took, const Error* failure) const noexcept;

  observe::Source* source_ = nullptr;  // null: nothing is being watched
  bool precise_ = false;
  Instant began_;
  std::unique_ptr<const Told> told_;
};

}  // namespace tl::connection
