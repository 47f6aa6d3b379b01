#include "shared.hpp"

#include <algorithm>
#include <utility>

#include "hold.hpp"
#include "queue.hpp"

namespace tl::connection {
namespace {

using driver::Ready;
using runtime::Ended;

// Nobody joins behind a statement that runs for longer.
constexpr Nanos longest_before = std::chrono::milliseconds(20);

bool wants(const driver::Session& session, Ready bit) noexcept { return has(session.waiting().wait.want, bit); }

}  // namespace

// ---- one session

SharedSession::~SharedSession() {
  if (!leased_) return;
  const bool cancelling = cancel_ != nullptr && !cancel_->is_done();
  if (cancelling || leased_.session().depth() > 0) leased_.go_home_after(nullptr, std::move(cancel_));
}

bool SharedSession::take_on(Ride& ride, const driver::Request& request) {
  const std::lock_guard lock(mutex_);
  driver::Session& session = leased_.session();
  if (closed_ || !session.rides(request)) return false;
  ride.run_ = session.ride(request);
  ride.run_->deadline = ride.options_.deadline;
  riding_.push_back(&ride);  // there is space for as many as may join
  ride.run_->listener = &ride;
  if (riders_++ == 0) moved_ = steady_clock().coarse();
  session.submit(*ride.run_);
  // Whoever waits for the socket must wait to write, too.
  if (pumping_ != nullptr && wants(session, Ready::writable) && !has(waits_for_, Ready::writable)) {
    pumping_->fiber_.wake();
  }
  return true;
}

bool SharedSession::is_held_up(Instant now) const noexcept { return now - moved_.load() > longest_before; }

// What that cancel hits instead, because it comes late or another one runs, runs again elsewhere.
Deadline SharedSession::stop_unwanted() noexcept {
  const driver::Session& session = leased_.session();
  const driver::Operation* const unwanted = session.unwanted();
  if (unwanted == nullptr) return Deadline::never();
  const Instant now = steady_clock().now();
  // Those before it are quick, as a rule.
  if (const Instant due = moved_.load() + longest_before; unwanted != session.head() && now < due) return {due};
  closed_ = true;
  if (asked_.passed(now) && (cancel_ == nullptr || cancel_->is_done())) {
    asked_ = Deadline::after(now, patience_);
    patience_ *= 2;
    try {
      cancel_ = cancel_at_server(leased_);
    } catch (const std::bad_alloc&) {  // the next time, then
    }
  }
  return asked_;
}

// ---- one statement

Ride::Ride(const CallOptions& options) noexcept : options_(options), fiber_(*runtime::Fiber::current()) {}

Ride::~Ride() {
  if (shared_ != nullptr) shared_->all_.leave(*this);
}

void Ride::cancel() noexcept {
  cancelled_.store(true, std::memory_order_release);
  fiber_.wake();
}

void Ride::finished(driver::Operation&) noexcept {
  if (runtime::Fiber::current() != &fiber_) fiber_.wake();
}

Result<void> Ride::await() {
  const runtime::Ticket::Attachment attached(options_.ticket.get(), *this);
  Lock lock(shared_->mutex_);
  const Ended ended = wait_for_answer(lock, options_.deadline, true);
  return ended == Ended::finished ? outcome(ended) : give_up(lock, ended);
}

Ended Ride::wait_for_answer(Lock& lock, Deadline until, bool heeds_cancel) {
  while (!run_->finished()) {
    if (heeds_cancel && cancelled_.load(std::memory_order_acquire)) return Ended::cancelled;
    if (!until.is_never() && until.passed(steady_clock().now())) return Ended::deadline;
    if (shared_->pumping_ == nullptr) {
      pump(lock, until);
    } else {
      lock.unlock();
      (void)fiber_.park(-1, Ready::start, until);
      lock.lock();
    }
  }
  return Ended::finished;
}

// Waits for the socket on behalf of all.
void Ride::pump(Lock& lock, Deadline until) {
  driver::Session& session = shared_->leased_.session();
  const driver::Wait wait = session.waiting().wait;
  const Deadline again = shared_->stop_unwanted();
  shared_->pumping_ = this;
  shared_->waits_for_ = wait.want;
  lock.unlock();
  const Ready got = fiber_.park(wait.fd, wait.want, earlier(until, again));
  lock.lock();
  shared_->pumping_ = nullptr;
  if (got == Ready::start || got == Ready::timer) return;
  const size_t before = session.depth();
  session.pump(got);
  if (session.depth() == before) return;
  shared_->moved_ = steady_clock().coarse();
  shared_->asked_ = {Instant{}};
  shared_->patience_ = first_patience;
}

// At the head it is stopped at the server, and nobody joins any more; behind others it is so in its turn.
Result<void> Ride::give_up(Lock& lock, Ended why) {
  driver::Session& session = shared_->leased_.session();
  const bool is_head = session.head() == run_.get();
  if (!run_->was_sent) {
    session.drop(std::move(run_));
    if (is_head) (void)session.pump(Ready::start);  // which leaves it
    return leased().told(unsent(why));
  }
  if (is_head) {
    run_->request_cancel();
    (void)shared_->stop_unwanted();
    if (shared_->pumping_ != nullptr) shared_->pumping_->fiber_.wake();  // to ask again
    if (wait_for_answer(lock, Deadline::after(steady_clock().now(), confirm_grace), false) == Ended::finished) {
      return outcome(why);
    }
  }
  session.drop(std::move(run_));
  if (shared_->pumping_ != nullptr) shared_->pumping_->fiber_.wake();  // it may have to be stopped before its turn
  return leased().told(unconfirmed(why));
}

Result<void> Ride::outcome(Ended why) {
  if (run_->succeeded()) return {};
  Failure failure = run_->take_failure();
  if (why == Ended::finished) why = over(options_);
  // Stopped without having asked for it, where others have.
  const bool hit = was_stopped(*failure) && why == Ended::finished && shared_->cancel_ != nullptr;
  again_ = why == Ended::finished && (run_->again || hit);
  if (why != Ended::finished && run_->again) return leased().told(unsent(why));
  if (why != Ended::finished) tell_why(*failure, why);
  return leased().told(std::move(failure));
}

// ---- all of an endpoint

bool SharedSessions::join(Ride& ride, const driver::Request& request) {
  const pool::Pressure pressure = pool_.pressure();
  const Instant now = steady_clock().coarse();
  const std::lock_guard lock(mutex_);
  if (pressure.waiting > 0) make_way(now);
  if (!pressure.all_leased) return false;
  const runtime::Queue& queue = ride.fiber_.queue();
  for (uint32_t riders = 0; riders < pool_.settings().multiplex; ++riders) {
    for (const auto& shared : open_) {
      if (shared->riders_ != riders || &shared->queue_ != &queue) continue;
      if (shared->is_held_up(now) || !shared->take_on(ride, request)) continue;
      ride.shared_ = shared;
      return true;
    }
  }
  return false;
}

bool SharedSessions::open(Ride& ride, const driver::Request& request, Leased& leased) {
  if (!(pool_.pressure().all_leased || is_sharing(ride)) || !leased.session().rides(request)) return false;
  // Where memory is short it goes home, without the lock.
  const auto shared = std::make_shared<SharedSession>(*this, std::move(leased), ride.fiber_.queue());
  shared->riding_.reserve(pool_.settings().multiplex);
  const std::lock_guard lock(mutex_);
  open_.reserve(open_.size() + 1);
  (void)shared->take_on(ride, request);
  ride.shared_ = shared;
  open_.push_back(shared);
  return true;
}

bool SharedSessions::is_sharing(const Ride& ride) noexcept {
  const Instant now = steady_clock().coarse();
  const std::lock_guard lock(mutex_);
  return std::any_of(open_.begin(), open_.end(), [&](const auto& shared) {
    return &shared->queue_ == &ride.fiber_.queue() && !shared->closed_ && !shared->is_held_up(now);
  });
}

// Somebody waits for a session: the one that is emptied soonest takes on no more, and where that turns out to be held
// up another one.
void SharedSessions::make_way(Instant now) noexcept {
  if (open_.empty() || (closing_ != nullptr && !closing_->is_held_up(now))) return;
  const auto emptied_sooner = [now](const auto& a, const auto& b) {
    return std::pair(a->is_held_up(now), a->riders_.load()) < std::pair(b->is_held_up(now), b->riders_.load());
  };
  const auto soonest = std::min_element(open_.begin(), open_.end(), emptied_sooner);
  (*soonest)->closed_ = true;
  closing_ = soonest->get();
  open_.erase(soonest);
}

void SharedSessions::leave(Ride& ride) noexcept {
  SharedSession& shared = *ride.shared_;
  const std::lock_guard lock(mutex_);
  const std::lock_guard lock_session(shared.mutex_);
  std::erase(shared.riding_, &ride);
  if (--shared.riders_ == 0) {
    std::erase(open_, ride.shared_);
    if (closing_ == &shared) closing_ = nullptr;
  } else if (shared.pumping_ == nullptr) {
    shared.riding_.front()->fiber_.wake();
  }
}

}  // namespace tl::connection
