// A session in use by one caller: the lease, who holds it, and the way home that fits the state it is left in.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "endpoint.hpp"

namespace tl::connection {

// Told when a cancel at the server has been delivered: until then nothing may reuse the session (TRAPS: a late cancel hits
// the next statement).
class Delivery {
 public:
  void done() noexcept;
  [[nodiscard]] bool wait(Deadline until) noexcept;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

// Has the server stop what the session runs, on a connector thread where that may block. `limit` bounds the attempt.
[[nodiscard]] std::shared_ptr<Delivery> cancel_at_server(driver::Session& session, Nanos limit);

// Who borrows: what the pool shows, kept alive while the session is out. Either may be null.
struct Holder {
  std::shared_ptr<const std::string> tag;
  std::shared_ptr<const sql::Statement> statement;

  [[nodiscard]] pool::Borrower borrower(uint64_t owner) const noexcept {
    return {tag == nullptr ? std::string_view() : *tag, statement == nullptr ? std::string_view() : statement->text, owner};
  }
};

class Leased {
 public:
  Leased() = default;
  Leased(std::shared_ptr<Endpoints> endpoints, uint32_t index, Holder holder, pool::Lease lease) noexcept
      : endpoints_(std::move(endpoints)), index_(index), holder_(std::move(holder)), lease_(std::move(lease)) {}
  Leased(Leased&&) noexcept = default;
  Leased& operator=(Leased&&) = delete;
  ~Leased() { go_home(); }

  explicit operator bool() const noexcept { return static_cast<bool>(lease_); }
  [[nodiscard]] driver::Session& session() const noexcept { return lease_.session(); }
  [[nodiscard]] Endpoint& endpoint() const noexcept { return (*endpoints_)[index_]; }
  [[nodiscard]] pool::Check check() const noexcept { return lease_.check(); }

  // Clean: at once. Otherwise a worker drains, rolls back and resets it first, or gives it up. Never waits; then empty.
  void go_home() noexcept;
  // The same with an operation that has not finished, and the cancel that was sent after it (may be null).
  void go_home_after(std::unique_ptr<driver::Operation> unfinished, std::shared_ptr<Delivery> cancel) noexcept;
  void destroy() noexcept { lease_.give_back(pool::Fate::destroy); }
  // What kept the lease's surroundings alive: after destroy() only.
  [[nodiscard]] std::pair<std::shared_ptr<Endpoints>, Holder> take_owners() noexcept {
    return {std::move(endpoints_), std::move(holder_)};
  }

 private:
  std::shared_ptr<Endpoints> endpoints_;  // outlives the lease
  uint32_t index_ = 0;
  Holder holder_;                         // likewise
  pool::Lease lease_;
};

}  // namespace tl::connection
