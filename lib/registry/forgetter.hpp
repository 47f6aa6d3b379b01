// Forgets names that were found on demand and are not used any more.
#pragma once
#include <functional>
#include <vector>

#include "entry.hpp"

namespace tl::registry {

class Forgetter final : public runtime::Task {
 public:
  using Forget = std::function<void(const std::shared_ptr<Entry>&)>;
  explicit Forgetter(Forget forget) : forget_(std::move(forget)) {}

  // Once it is registered only, and that long after it came. Its connection goes back to that by its idle_close.
  void keep(const std::shared_ptr<Entry>& entry, Nanos unused_for);
  Instant run() noexcept override;
  void end() noexcept;  // forgets nothing any more once this returns

 private:
  struct Kept {
    std::weak_ptr<Entry> entry;
    Nanos unused_for;
    Instant since;
  };
  Forget forget_;  // null: it has ended
  ForkMutex mutex_;
  std::vector<Kept> kept_;
};

}  // namespace tl::registry
