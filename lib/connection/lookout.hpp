// Looks at the servers of a connection while it is used: which of them takes the writes, which have failed, how far
// the replicas are behind. What is known is one word for each endpoint, which statements read without a lock.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "call.hpp"
#include "housekeeper.hpp"
#include "routing.hpp"

namespace tl::connection {

class Pause;

class Lookout final : public runtime::Task {
 public:
  // The endpoints own it. `roles` are as configured, the first one takes the writes.
  Lookout(Endpoints& endpoints, const std::vector<Role>& roles);

  // [any thread] Without a lock:
  [[nodiscard]] routing::Seen seen(uint32_t index, Instant now) const noexcept {
    return routing::unpack(words_[index].load(std::memory_order_relaxed), now);
  }
  [[nodiscard]] uint32_t writer() const noexcept { return writer_.load(std::memory_order_relaxed); }
  // Whether an endpoint is known to have all up to there. Of several marks nothing is known.
  [[nodiscard]] bool has(uint32_t index, const driver::Position& position) const noexcept;
  // A statement is on its way. Where nobody used the connection for a while nobody looked either.
  void note_use() noexcept {
    if (asleep_.load(std::memory_order_relaxed)) wake();
  }

  // [any thread]
  // Nobody could be had there: others serve what may be theirs, until it has answered.
  void set_aside(uint32_t index, const Error& failure) noexcept;
  // A statement has failed there: whether that is how the server is now is looked at soon.
  void heed(uint32_t index, const Error& failure) noexcept;
  // Whether to ask it is of use: it has been seen on the same line of history, or on none.
  [[nodiscard]] bool may_reach(uint32_t index, const driver::Position& position) const noexcept;
  // The server was found to have come so far, by a write or by who waited for it.
  void note_position(uint32_t index, const driver::Position& position) noexcept;
  // Looks now, on the calling thread or fiber, for a second at most. Where it takes the writes: its place. At all: but
  // for those that have failed.
  std::optional<driver::Position> look(uint32_t index, const CallOptions& options);
  void look_at_all(const CallOptions& options);
  // A pause that is to end once servers have changed places since then, or one serves again. Until detached.
  void attach(Pause& pause, Instant since);
  void detach(Pause& pause) noexcept;
  // Nobody looks any more.
  void stop() noexcept;

  // How often a session was lent for it.
  [[nodiscard]] uint64_t looks() const noexcept { return looks_.load(std::memory_order_relaxed); }

  // What is known of an endpoint, for people.
  struct Told {
    routing::Seen seen;
    bool is_writer = false;
    driver::Position position;
    std::string why_aside;
  };
  [[nodiscard]] Told told(uint32_t index) const;

  // Of endpoints that take the place of others of the same servers: what those know.
  void take_over(const Lookout& before);

  // For the housekeeper.
  Instant run() noexcept override;

 private:
  class Job;

  // A place that the primary had reached at a time.
  struct Sample {
    Instant at;
    driver::Position position;
  };
  struct Subject {
    routing::Contender is;
    driver::Position position;
    std::optional<Nanos> lag;
    Instant at;                      // of the last answer
    std::optional<Instant> caught;   // a replica had all that the primary had then
    std::array<Sample, 8> had = {};  // of a primary, the newest first
    std::string why_aside;
    uint32_t failures = 0;  // since it answered last
    Instant due;
    Instant looked_at;
    Instant told_at;  // when the look began that was heeded last
    bool looking = false;
  };
  // How far a server has come, where one mark says it: `line` is of what that counts in, 0 while it changes.
  struct Reached {
    std::atomic<uint64_t> line{0};
    std::atomic<uint64_t> at{0};
  };
  using Lock = std::unique_lock<std::mutex>;

  void saw(uint32_t index, Instant began, driver::Sight sight) noexcept;
  void missed(uint32_t index, const Error& failure) noexcept;
  void wake() noexcept;
  void wake_at(Instant at) noexcept;

  // With the mutex held:
  void set_reached(uint32_t index, const driver::Position& position) noexcept;
  void measure_lag(Subject& subject, std::optional<Nanos> told, Instant now) noexcept;
  void put_aside(uint32_t index, const Error& failure) noexcept;
  void end_look(Subject& subject, Lock lock, Instant now) noexcept;
  [[nodiscard]] Instant next_look(const Subject& subject, Instant now) const noexcept;
  void hurry(Subject& subject, Instant now) noexcept;
  void hurry_all(Instant now) noexcept;
  // Publishes what is known, and tells of what has changed, without the lock.
  void publish(Lock lock, Instant now) noexcept;
  void end_pauses() noexcept;

  Endpoints& endpoints_;
  const bool looks_regularly_;
  const Nanos interval_;
  const std::unique_ptr<std::atomic<uint64_t>[]> words_;
  const std::unique_ptr<Reached[]> reached_;
  std::atomic<uint32_t> writer_{0};
  std::atomic<bool> asleep_{true};
  std::atomic<uint64_t> looks_{0};

  mutable std::mutex mutex_;
  std::vector<Subject> subjects_;
  uint64_t uses_ = 0;  // of the endpoints, when looked at last
  Instant used_at_;    // the same then as before since
  bool stopped_ = false;

  std::mutex pauses_mutex_;
  std::vector<Pause*> pauses_;
  Instant changed_at_;
};

}  // namespace tl::connection
