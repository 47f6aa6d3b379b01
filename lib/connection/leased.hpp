// A session in use by one caller: the lease, who holds it, and the way home that fits the state it is left in.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "condition.hpp"
#include "endpoint.hpp"

namespace tl::connection {

// Told when a cancel at the server has been delivered: until then nothing may reuse the session (TRAPS: a late cancel
// hits the next statement).
class Delivery {
 public:
  void done() noexcept;
  [[nodiscard]] bool wait(Deadline until) noexcept;
  [[nodiscard]] bool is_done() noexcept { return wait(Deadline{Instant{}}); }

 private:
  std::mutex mutex_;
  runtime::Condition changed_;
  bool done_ = false;
};

// Who borrows: what the pool shows, kept alive while the session is out. Either may be null.
struct Holder {
  std::shared_ptr<const std::string> tag;
  std::shared_ptr<const sql::Statement> statement;

  [[nodiscard]] pool::Borrower borrower(uint64_t owner) const noexcept {
    return {tag == nullptr ? std::string_view() : *tag, statement == nullptr ? std::string_view() : statement->text,
            owner};
  }
};

class Leased {
 public:
  // Empty: for lease() to fill.
  Leased() = default;
  Leased(std::shared_ptr<Endpoints> endpoints, Holder holder) noexcept
      : endpoints_(std::move(endpoints)), holder_(std::move(holder)) {}
  Leased(Leased&&) noexcept = default;
  Leased& operator=(Leased&&) = delete;
  ~Leased() { go_home(); }
  // Of an empty one: what its lease will need to live, and who borrows.
  void prepare(std::shared_ptr<Endpoints> endpoints, Holder holder) noexcept {
    endpoints_ = std::move(endpoints);
    holder_ = std::move(holder);
  }
  void fill(uint32_t index, pool::Lease lease) noexcept {
    index_ = index;
    lease_ = std::move(lease);
  }

  explicit operator bool() const noexcept { return static_cast<bool>(lease_); }
  [[nodiscard]] driver::Session& session() const noexcept { return lease_.session(); }
  [[nodiscard]] const std::shared_ptr<Endpoints>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] uint32_t index() const noexcept { return index_; }
  [[nodiscard]] Endpoint& endpoint() const noexcept { return (*endpoints_)[index_]; }
  [[nodiscard]] const Holder& holder() const noexcept { return holder_; }
  [[nodiscard]] pool::Check check() const noexcept { return lease_.check(); }

  // Says of a statement's failure where it was.
  [[nodiscard]] Failure told(Failure failure) const;

  // Clean: at once. Otherwise a worker drains, rolls back and resets it first, or gives it up. Never waits; then empty.
  void go_home() noexcept;
  // The same with an operation that has not finished, and the cancel that was sent after it (may be null).
  void go_home_after(std::unique_ptr<driver::Operation> unfinished, std::shared_ptr<Delivery> cancel) noexcept;
  void destroy() noexcept { lease_.give_back(pool::Fate::destroy); }

 private:
  std::shared_ptr<Endpoints> endpoints_;  // outlives the lease
  uint32_t index_ = 0;
  Holder holder_;  // likewise
  pool::Lease lease_;
};

// Has the server stop what the session runs, on a thread of its own where that may block.
[[nodiscard]] std::shared_ptr<Delivery> cancel_at_server(const Leased& leased);

// A server loses a cancel that comes before it has begun with the statement: it is asked again, each time after twice
// as long.
constexpr Nanos first_patience = std::chrono::milliseconds(10);
// Waits for the end of an operation (may be null) and of what was dropped; `cancel` becomes the one sent last. False:
// it went on until then.
[[nodiscard]] bool stopped(const Leased& leased, driver::Operation* operation, std::shared_ptr<Delivery>& cancel,
                           Deadline until);

}  // namespace tl::connection
