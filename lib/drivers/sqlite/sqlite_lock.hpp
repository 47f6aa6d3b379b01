// Waiting for a lock that somebody else has on the file: another process, or another part of this one.
#pragma once
#include <sys/types.h>

#include <string>

#include "clock.hpp"

namespace tl::sqlite {

// Of one operation. It begins when the operation first meets a lock.
class LockWait {
 public:
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  void begin(Instant now, Deadline until) noexcept;
  [[nodiscard]] bool over(Instant now) const noexcept { return until_.passed(now); }
  [[nodiscard]] Deadline until() const noexcept { return until_; }
  // Now and then who holds the lock is looked up, so that it can be told for how long.
  void look(const std::string& file, Instant now) noexcept;
  // For a person: who holds it, and for how long.
  [[nodiscard]] std::string told(const std::string& file, Instant now);

 private:
  bool begun_ = false;
  Instant since_;
  Deadline until_;
  Instant next_look_;
  pid_t holder_ = 0;  // 0: the system does not say
  Instant held_since_;
};

// The process that has the lock under which the file is written; 0: the system does not say.
[[nodiscard]] pid_t lock_holder(const std::string& file);

}  // namespace tl::sqlite
