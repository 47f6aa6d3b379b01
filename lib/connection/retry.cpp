#include "retry.hpp"

#include <algorithm>
#include <random>

#include "consistency.hpp"
#include "dial_backoff.hpp"
#include "lookout.hpp"

namespace tl::connection {
namespace {

constexpr double jittered_part = 0.25;

// Nobody takes the writes for now: a primary that became a replica, and no other has been promoted yet.
bool nobody_writes(const Endpoints& on) noexcept {
  const Lookout& lookout = on.lookout();
  return on.size() > 1 && !on.settings().primary.address.read_only &&
         lookout.seen(lookout.writer(), steady_clock().coarse()).role == driver::ServerRole::replica;
}

Nanos pause_after(const config::Retry& settings, uint32_t failed) {
  Nanos whole = std::min(settings.delay, settings.max_delay);
  for (uint32_t doubled = 1; doubled < failed && whole < settings.max_delay; ++doubled) {
    whole = std::min(whole * 2, settings.max_delay);
  }
  return pool::Jitter(std::random_device{}()).shorten(whole, jittered_part);
}

}  // namespace

bool was_in_the_way(const Error& error, const Endpoints& on) noexcept {
  // That is told once, and would be forgotten.
  if (!error.details.empty() && error.details.front().first == lost_write) return false;
  if (error.outcome != Outcome::not_sent && error.outcome != Outcome::refused) return false;
  // A file that cannot be opened does not come back by itself.
  if (on.settings().driver == config::DriverKind::sqlite) return false;
  if (error.status == Status::read_only) return error.outcome == Outcome::refused && nobody_writes(on);
  return error.status == Status::unavailable || error.status == Status::connect_timeout;
}

Pause::Pause(std::shared_ptr<Endpoints> on, Instant since) : on_(std::move(on)) { on_->lookout().attach(*this, since); }

Pause::~Pause() { on_->lookout().detach(*this); }

bool Pause::wait(Deadline until, runtime::Ticket* ticket) {
  const runtime::Ticket::Attachment attached(ticket, *this);
  std::unique_lock lock(mutex_);
  (void)changed_.wait(lock, until, [this] { return ended_ || cancelled_; });
  return !cancelled_;
}

void Pause::end() noexcept {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify();
}

void Pause::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify();
}

Result<bool> Retry::again(const std::shared_ptr<Endpoints>& on, const Error& why, std::string_view statement,
                          const CallOptions& options) {
  const config::Retry& settings = on->settings().retry;
  if (++failed_ >= settings.attempts) return false;
  const Instant now = steady_clock().now();
  const Deadline until = Deadline::after(now, pause_after(settings, failed_));
  if (options.deadline.at <= until.at) return false;
  if (!Pause(on, began_).wait(until, options.ticket.get())) return unsent(runtime::Ended::cancelled);
  began_ = steady_clock().now();
  tell_of(*on, observe::Kind::retry, why, statement, [&](observe::Event& event) { event.duration = began_ - now; });
  return true;
}

}  // namespace tl::connection
