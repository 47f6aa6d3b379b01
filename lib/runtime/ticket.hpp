// What lets another thread cancel a verb: a reserved id, and whatever the verb is waiting on at the moment.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "fork.hpp"
#include "operation.hpp"

namespace tl::runtime {

// Something that waits and can be told to stop.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  virtual void cancel() noexcept = 0;  // [any thread]
};

class Ticket {
 public:
  void cancel() noexcept;  // [any thread]
  [[nodiscard]] bool cancelled() const noexcept;

  // While attached, cancel() reaches `target`; at once if it came before.
  class Attachment {
   public:
    Attachment(Ticket* ticket, Cancellable& target) noexcept;  // a null ticket: nothing
    ~Attachment();
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

   private:
    Ticket* ticket_;
  };

 private:
  mutable std::mutex mutex_;
  Cancellable* target_ = nullptr;
  bool cancelled_ = false;
};

// The ids of one registry: a slot and a generation each, so that an id is never reused.
class Tickets {
 public:
  [[nodiscard]] uint64_t reserve();
  void release(uint64_t id) noexcept;
  // The verb begins: null when the id is unknown or used already.
  [[nodiscard]] std::shared_ptr<Ticket> use(uint64_t id) noexcept;
  void cancel(uint64_t id) noexcept;

  // A child knows none of those that there are.
  void before_fork() noexcept { mutex_.lock(); }
  void after_fork() noexcept { mutex_.unlock(); }
  void begin_in_child() noexcept;

 private:
  struct Slot {
    uint32_t generation = 1;
    bool used = false;
    std::shared_ptr<Ticket> ticket;  // null: the slot is free
  };
  [[nodiscard]] Slot* find(uint64_t id) noexcept;
  void free_slot(uint64_t id, Slot& slot) noexcept;

  ForkMutex mutex_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

}  // namespace tl::runtime
