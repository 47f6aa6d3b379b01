// Forgets names that were found on demand and are not used any more.
#pragma once
#include <vector>

#include "entry.hpp"

namespace tl::registry {

class Registry;

class Forgetter final : public runtime::Task, public std::enable_shared_from_this<Forgetter>, private ForkParticipant {
 public:
  Forgetter() { join_forks(); }
  ~Forgetter() override { leave_forks(); }

  // That it is found is to be forgotten once it is registered only, and was for as long as it says since it came. Its
  // connection goes back to that by its idle_close.
  void keep(std::weak_ptr<Registry> registry, const std::shared_ptr<Entry>& entry, Nanos unused_for);
  // One of them is used: in a forked child nobody looks after them before.
  void watch();
  Instant run() noexcept override;

 private:
  struct Kept {
    std::weak_ptr<Entry> entry;
    Instant since;
  };

  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork() noexcept override { mutex_.unlock(); }
  void begin_in_child() noexcept override {}

  [[nodiscard]] static bool is_over(Kept& kept, Registry& registry, Instant now, Deadline& next);

  std::atomic<uint32_t> watched_in_{process_number()};
  ForkMutex mutex_;                   // while it is held nothing else is waited for
  std::weak_ptr<Registry> registry_;  // which goes without asking this
  std::vector<Kept> kept_;
};

}  // namespace tl::registry
