// What can be observed of one endpoint: its counters, and the way of its events to the hub and, where `echo_pool` asks
// for it, to the log.
#pragma once
#include <array>
#include <memory>

#include "histogram.hpp"
#include "hub.hpp"

namespace tl::observe {

constexpr size_t statuses = 1 - static_cast<int32_t>(Status::shutdown);
constexpr size_t outcomes = static_cast<size_t>(Outcome::unknown) + 1;

// Since the endpoint was made.
struct Counters {
  Histogram statements;  // how long they took, with those that failed
  Histogram dials;       // of sessions that were opened
  Histogram waits;       // for a session, of callers that found none idle and got one
  Histogram leases;      // by a clock of some milliseconds
  std::array<std::atomic<uint64_t>, statuses> failed_as{};    // statements, by -status
  std::array<std::atomic<uint64_t>, outcomes> failed_with{};  // the same statements, by outcome

  void count_failure(const Error& error) noexcept {
    failed_as[static_cast<size_t>(-static_cast<int32_t>(error.status))].fetch_add(1, std::memory_order_relaxed);
    failed_with[static_cast<size_t>(error.outcome)].fetch_add(1, std::memory_order_relaxed);
  }
};

struct SourceSettings {
  std::string connection;
  std::string endpoint;
  bool echo_pool = false;
  Nanos slow_query = std::chrono::seconds(1);
};

class Source {
 public:
  Source(std::shared_ptr<Hub> hub, SourceSettings settings)
      : hub_(std::move(hub)), settings_(std::move(settings)), echoed_(settings_.echo_pool ? echoed_kinds : 0) {}

  [[nodiscard]] const std::string& connection() const noexcept { return settings_.connection; }
  [[nodiscard]] const std::string& endpoint() const noexcept { return settings_.endpoint; }
  [[nodiscard]] Nanos slow_query() const noexcept { return settings_.slow_query; }
  [[nodiscard]] Counters& counters() noexcept { return counters_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

  // Somebody listens, or the log does.
  [[nodiscard]] bool wants(Kind kind) const noexcept { return ((hub_->wanted() | echoed_) & bit(kind)) != 0; }
  [[nodiscard]] bool wants_any(Kinds some) const noexcept { return ((hub_->wanted() | echoed_) & some) != 0; }

  void drop() noexcept { hub_->drop(); }  // an event that there was no memory for
  // Publishes an event that `describe(event)` completes, if anybody wants it; it has the time, the connection and the
  // endpoint already. Without memory for it the event is dropped.
  template <class Describe>
  void tell(Kind kind, const Describe& describe) noexcept {
    if (!wants(kind)) return;
    try {
      Event event = begin(kind);
      describe(event);
      finish(std::move(event));
    } catch (const std::bad_alloc&) {
      drop();
    }
  }

 private:
  static constexpr Kinds echoed_kinds = bit(Kind::connect) | bit(Kind::disconnect) | bit(Kind::checkout) |
                                        bit(Kind::checkin) | bit(Kind::dial_failed) | bit(Kind::timeout);

  [[nodiscard]] Event begin(Kind kind) const;
  void finish(Event&& event);

  const std::shared_ptr<Hub> hub_;
  const SourceSettings settings_;
  const Kinds echoed_;
  Counters counters_;
};

// Events of a connection, which have no endpoint. Of a question: false, it has reached nobody.
[[nodiscard]] bool tell_question(Hub& hub, Kind kind, const std::string& connection, uint64_t number) noexcept;
void tell_state(Hub& hub, const std::string& connection, std::string_view state) noexcept;

}  // namespace tl::observe
