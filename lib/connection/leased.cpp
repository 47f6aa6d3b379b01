#include "leased.hpp"

#include "call.hpp"
#include "lookout.hpp"
#include "runner.hpp"

namespace tl::connection {
namespace {

Deadline end_of_destroying(const Endpoint& endpoint) noexcept {
  return Deadline::after(steady_clock().now(), endpoint.settings().pool.destroy_timeout);
}

class CancelJob final : public runtime::Job {
 public:
  CancelJob(std::shared_ptr<driver::Canceller> canceller, std::shared_ptr<Delivery> delivery, uint64_t group,
            Deadline deadline, std::shared_ptr<Credentials> credentials)
      : Job(group, deadline),
        canceller_(std::move(canceller)),
        delivery_(std::move(delivery)),
        credentials_(std::move(credentials)),
        dial_(deadline) {
    options_.deadline = deadline;
    options_.ticket = std::make_shared<runtime::Ticket>();
  }
  // When it never ran the waiting is over too: the session is judged by its answer.
  ~CancelJob() override {
    if (!ran_) delivery_->done();
  }
  // One that was broken off may still be on its way: whoever waits for it gives the session up.
  void run() noexcept override {
    ran_ = true;
    log_in();
    canceller_->cancel(dial_);
    if (!dial_.interrupted() && !deadline().passed(steady_clock().now())) delivery_->done();
  }
  void interrupt() noexcept override {
    dial_.interrupt();
    options_.ticket->cancel();
  }

 private:
  // What the session has logged in with may be refused by now.
  void log_in() noexcept {
    if (credentials_ == nullptr || !canceller_->blocks()) return;
    try {
      dial_.log_in_as(credentials_->for_cancel(options_));
    } catch (const std::bad_alloc&) {
      return;
    }
  }

  std::shared_ptr<driver::Canceller> canceller_;
  std::shared_ptr<Delivery> delivery_;
  const std::shared_ptr<Credentials> credentials_;
  CallOptions options_;
  driver::Dial dial_;
  bool ran_ = false;
};

// Brings a session back to how it was opened before its deadline, or gives it up.
class RestoreJob final : public runtime::Job {
 public:
  RestoreJob(Leased leased, std::unique_ptr<driver::Operation> unfinished, std::shared_ptr<Delivery> cancel,
             Deadline deadline)
      : Job(leased.endpoint().own_group(), deadline),
        unfinished_(std::move(unfinished)),
        cancel_(std::move(cancel)),
        leased_(std::move(leased)) {}
  ~RestoreJob() override { leased_.destroy(); }  // it never ran: the process is ending

  void run() noexcept override {
    try {
      if (!restored(deadline())) leased_.destroy();
    } catch (const std::bad_alloc&) {
      leased_.destroy();
    }
    leased_.go_home();
  }

 private:
  bool restored(Deadline until) {
    if (until.passed(steady_clock().now())) return false;
    driver::Session& session = leased_.session();
    const bool runs = session.state() == driver::State::answering || session.depth() > 0;
    if (cancel_ == nullptr && runs) cancel_ = cancel_at_server(leased_);
    if (!stopped(leased_, unfinished_.get(), cancel_, until)) return false;
    if (cancel_ != nullptr && !cancel_->wait(until)) return false;
    if (session.state() == driver::State::broken) return false;
    const std::unique_ptr<driver::Operation> reset = session.reset();
    reset->deadline = until;
    if (runtime::run(session, *reset, nullptr) != runtime::Ended::finished) return false;
    return reset->succeeded() && session.state() == driver::State::idle && !session.changed();
  }

  std::unique_ptr<driver::Operation> unfinished_;
  std::shared_ptr<Delivery> cancel_;
  Leased leased_;
};

}  // namespace

void Delivery::done() noexcept {
  const std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify();
}

bool Delivery::wait(Deadline until) noexcept {
  std::unique_lock lock(mutex_);
  return changed_.wait(lock, until, [this] { return done_; });
}

std::shared_ptr<Delivery> cancel_at_server(const Leased& leased) {
  auto delivery = std::make_shared<Delivery>();
  std::shared_ptr<driver::Canceller> canceller = leased.session().canceller();
  const bool blocks = canceller->blocks();
  auto job = std::make_shared<CancelJob>(std::move(canceller), delivery, leased.endpoint().server_group(),
                                         end_of_destroying(leased.endpoint()), leased.endpoint().credentials());
  if (blocks) {
    const bool asks = leased.endpoint().settings().address.ask_credentials;
    (asks ? runtime::askers() : runtime::cancellers()).submit(job);
  } else {
    job->run();
  }
  return delivery;
}

bool stopped(const Leased& leased, driver::Operation* operation, std::shared_ptr<Delivery>& cancel, Deadline until) {
  driver::Session& session = leased.session();
  Nanos patience = first_patience;
  Instant now = steady_clock().now();
  const Instant asked = now;
  Nanos took{0};  // the first one, to be delivered
  for (;;) {
    const bool delivered = cancel == nullptr || cancel->is_done();
    if (delivered && took == Nanos(0)) took = now - asked;
    const Deadline soon = earlier(until, Deadline::after(now, patience));
    if ((operation == nullptr || runtime::finish(session, *operation, soon)) && runtime::drain(session, soon)) {
      return true;
    }
    now = steady_clock().now();
    if (until.passed(now)) return false;
    // One that is still on its way at the end would cost the caller the session.
    if (!delivered || until.at - now < 2 * took) continue;
    cancel = cancel_at_server(leased);
    patience *= 2;
  }
}

Failure Leased::told(Failure failure) const {
  failure->endpoint = endpoint().label();
  endpoints_->lookout().heed(index_, *failure);
  if (failure->phase == Phase::none) failure->phase = Phase::receive;
  return failure;
}

void Leased::go_home() noexcept {
  if (!lease_) return;
  driver::Session& s = session();
  const driver::State state = s.state();
  if (state == driver::State::idle && !s.changed()) {
    lease_.give_back(pool::Fate::keep);
  } else if (state == driver::State::broken) {
    destroy();
  } else {
    go_home_after(nullptr, nullptr);
  }
}

void Leased::go_home_after(std::unique_ptr<driver::Operation> unfinished, std::shared_ptr<Delivery> cancel) noexcept {
  lease_.disown();
  try {
    runtime::Crew& crew = runtime::workers();
    crew.submit(std::make_shared<RestoreJob>(std::move(*this), std::move(unfinished), std::move(cancel),
                                             end_of_destroying(endpoint())));
  } catch (const std::bad_alloc&) {
    destroy();
  }
}

}  // namespace tl::connection
