// Tries a call again that certainly did not run, because of how its servers stand: after a pause, which ends early once
// they have changed.
#pragma once
#include <mutex>
#include <string_view>

#include "call.hpp"
#include "condition.hpp"

namespace tl::connection {

// Tells of a call that failed, as an event of whose failure it was, which `describe(event)` completes.
template <class Describe>
void tell_of(Endpoints& on, observe::Kind kind, const Error& why, std::string_view statement,
             const Describe& describe) {
  uint32_t index = 0;
  while (index + 1 < on.size() && on[index].label() != why.endpoint) ++index;
  on[index].source()->tell(kind, [&](observe::Event& event) {
    event.endpoint = why.endpoint;
    event.status = why.status;
    event.statement = statement;
    event.message = why.message;
    describe(event);
  });
}

// Whether the call may be sent once more: it did not run, and that was not its own doing.
[[nodiscard]] bool was_in_the_way(const Error& error, const Endpoints& on) noexcept;

// A wait that others end.
class Pause final : public runtime::Cancellable {
 public:
  // Their lookout ends it, at once where they have changed since then.
  Pause(std::shared_ptr<Endpoints> on, Instant since);
  ~Pause() override;
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

  // False: it was cancelled.
  [[nodiscard]] bool wait(Deadline until, runtime::Ticket* ticket);
  void end() noexcept;              // [any thread]
  void cancel() noexcept override;  // [any thread]

 private:
  const std::shared_ptr<Endpoints> on_;
  std::mutex mutex_;
  runtime::Condition changed_;
  bool ended_ = false;
  bool cancelled_ = false;
};

// The attempts of one call.
class Retry {
 public:
  // After one has failed: pauses, and tells of the next. False: there is none, and the failure stands. Errors:
  // cancelled.
  [[nodiscard]] Result<bool> again(const std::shared_ptr<Endpoints>& on, const Error& why, std::string_view statement,
                                   const CallOptions& options);

 private:
  uint32_t failed_ = 0;
  Instant began_ = steady_clock().coarse();  // the attempt
};

}  // namespace tl::connection
