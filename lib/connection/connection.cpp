#include "connection.hpp"

#include "condition.hpp"
#include "drivers.hpp"

namespace tl::connection {
namespace {

constexpr size_t statement_bytes = size_t{4} << 20;  // per connection, over all its texts
constexpr Nanos drain_poll = std::chrono::milliseconds(2);
constexpr Nanos settle_poll = std::chrono::milliseconds(20);  // as often a migration is looked at
// Who waits for a session of the old settings waits for the old server, which may be why they were changed.
constexpr Nanos dial_patience = std::chrono::milliseconds(500);
constexpr Nanos look_interval = std::chrono::seconds(1);  // as often credentials that may change are
constexpr Nanos none{-1};

std::string told_rest(const std::vector<std::shared_ptr<Endpoints>>& rest) {
  uint32_t leased = 0;
  for (const auto& endpoints : rest) leased += endpoints->leased();
  if (leased == 0) return "sessions of it are still being opened or closed";
  return std::to_string(leased) + (leased == 1 ? " session of it is" : " sessions of it are") + " still in use";
}

Result<void> lease_each(const std::shared_ptr<Endpoints>& endpoints, const CallOptions& options) {
  const Holder holder{std::make_shared<const std::string>("connect"), nullptr};
  for (uint32_t i = 0; i < endpoints->size(); ++i) {
    Leased leased(endpoints, holder);
    if (Result<void> done = lease(leased, i, options); !done) return done;
  }
  return {};
}

}  // namespace

std::string_view state_name(State state) noexcept {
  switch (state) {
    case State::registered: return "registered";
    case State::open: return "open";
    case State::migrating: return "migrating";
    case State::closed: return "closed";
  }
  return "";
}

Connection::Connection(Settings settings, std::shared_ptr<observe::Hub> hub, std::shared_ptr<pool::SessionLimit> limit,
                       std::shared_ptr<CredentialsSource> source, State state)
    : name_(settings->name), hub_(std::move(hub)), limit_(std::move(limit)), source_(std::move(source)), state_(state) {
  take_locked(std::move(settings));
}

Settings Connection::settings() const {
  const Lock locked = lock();
  return settings_;
}

std::optional<Nanos> Connection::call_timeout() const noexcept {
  const Nanos timeout = call_timeout_.load(std::memory_order_relaxed);
  return timeout == none ? std::nullopt : std::optional(timeout);
}

void Connection::take_locked(Settings settings) noexcept {
  settings_ = std::move(settings);
  call_timeout_.store(settings_->call_timeout.value_or(none), std::memory_order_relaxed);
}

Connection::~Connection() { (void)lock(); }

Connection::Lock Connection::lock() const {
  Lock locked(mutex_);
  if (used_here_) return locked;
  used_here_ = {};
  abandon(endpoints_);
  abandon(leaving_);
  migrating_ = false;
  if (state_ != State::closed) state_ = State::registered;
  return locked;
}

State Connection::state() const {
  const Lock locked = lock();
  return state_ == State::open && migrating_ ? State::migrating : state_;
}

std::shared_ptr<Endpoints> Connection::peek() const {
  const Lock locked = lock();
  return endpoints_;
}

Result<std::shared_ptr<Endpoints>> Connection::endpoints() {
  Lock locked = lock();
  if (state_ == State::open) return endpoints_;
  if (state_ == State::closed) return closed_locked();
  return open(std::move(locked));
}

Failure Connection::closed_locked() const {
  const char* const how =
      released_ ? "\" was closed for good, and its name released" : "\" is closed; connect() opens it again";
  return told(fail(Status::closed, "connection \"" + name_ + how, Phase::acquire));
}

bool Connection::was_left(const Endpoints& on, const Error& error) const {
  if (error.status != Status::closed || error.phase != Phase::acquire) return false;
  const Lock locked = lock();
  return endpoints_.get() != &on;
}

// The statements that `before` knows stay known, if they are of the same dialect.
Result<std::shared_ptr<Endpoints>> Connection::make(const Settings& settings,
                                                    const std::shared_ptr<Endpoints>& before) const {
  driver::Driver* const driver = drivers::find(settings->driver);
  if (driver == nullptr) {
    return told(fail(Status::unavailable,
                     "this build of trunkline has no driver for " + std::string(config::driver_name(settings->driver)),
                     Phase::connect));
  }
  const bool known = before != nullptr && before->statements()->dialect() == driver->dialect();
  auto statements = known ? before->statements() : std::make_shared<sql::Table>(driver->dialect(), statement_bytes);
  return Endpoints::make(settings, *driver, std::move(statements), hub_, limit_, source_);
}

Result<std::shared_ptr<Endpoints>> Connection::open(Lock locked) {
  auto made = make(settings_, nullptr);
  if (!made) return made;
  endpoints_ = *made;
  state_ = State::open;
  quiet_since_ = steady_clock().now();
  const bool watched = settings_->idle_close.has_value() || endpoints_->has_changing_credentials();
  endpoints_->open();
  locked.unlock();
  observe::tell_state(*hub_, name_, state_name(State::open));
  if (watched) watch();
  return made;
}

Result<void> Connection::connect(const CallOptions& options) {
  {
    Lock locked = lock();
    if (state_ == State::closed && !released_) {
      if (auto opened = open(std::move(locked)); !opened) return opened.take_error();
    }
  }
  Result<void> done = on_endpoints([&](const auto& on) { return lease_each(on, options); });
  if (!done) return told(done.take_error());
  return done;
}

void Connection::close() {
  std::vector<std::shared_ptr<Endpoints>> left;
  bool closed_before = false;
  {
    const Lock locked = lock();
    left = leaving_;
    if (endpoints_ != nullptr) left.push_back(endpoints_);
    leave_locked();  // what needs memory comes before it
    closed_before = std::exchange(state_, State::closed) == State::closed;
  }
  for (const auto& endpoints : left) endpoints->close();
  if (!closed_before) observe::tell_state(*hub_, name_, state_name(State::closed));
}

void Connection::release(bool is_forgotten) {
  {
    const Lock locked = lock();
    released_ = true;
    forgotten_.store(is_forgotten, std::memory_order_release);
  }
  close();
}

void Connection::leave_locked() {
  if (endpoints_ != nullptr) leaving_.push_back(endpoints_);
  endpoints_.reset();
  migrating_ = false;
}

std::vector<std::shared_ptr<Endpoints>> Connection::leaving() {
  const Lock locked = lock();
  std::erase_if(leaving_, [](const auto& endpoints) { return endpoints->drained(); });
  return leaving_;
}

Result<void> Connection::await_home(Deadline until, const runtime::Ticket* ticket) {
  for (;;) {
    const std::vector<std::shared_ptr<Endpoints>> rest = leaving();
    if (rest.empty()) return {};
    const bool cancelled = ticket != nullptr && ticket->cancelled();
    if (cancelled || until.passed(steady_clock().now())) {
      return told(fail(cancelled ? Status::cancelled : Status::busy,
                       "connection \"" + name_ + "\" is closed, but " + told_rest(rest)));
    }
    runtime::sleep_for(drain_poll);
  }
}

Failure Connection::told(Failure failure) const {
  failure->connection = name_;
  return failure;
}

// ---- changes while it is used

Result<void> Connection::may_change_locked() const {
  if (state_ != State::open || !settings_->primary.address.is_in_memory()) return {};
  return told(fail(Status::configuration,
                   "connection \"" + name_ +
                       "\" is an open database in memory, whose data this would destroy; close() it first if that is "
                       "meant",
                   Phase::configure));
}

Result<void> Connection::may_change() const {
  const Lock locked = lock();
  return may_change_locked();
}

Result<Tried> Connection::try_out(const Settings& settings, const CallOptions& options) {
  auto made = make(settings, peek());
  if (!made) return made.take_error();
  Tried tried(*made);
  if (Result<void> done = lease_each(*made, options); !done) return told(done.take_error());
  return tried;
}

Result<void> Connection::patch(Settings settings, Tried tried) {
  std::shared_ptr<Endpoints> old;
  {
    const Lock locked = lock();
    if (Result<void> fine = may_change_locked(); !fine) return fine;
    if (state_ == State::open) {
      std::shared_ptr<Endpoints> fresh = tried.take();
      if (fresh == nullptr) {
        auto made = make(settings, endpoints_);
        if (!made) return made.take_error();
        fresh = made.take();
      }
      old = endpoints_;
      fresh->know_what(*old);
      leave_locked();
      endpoints_ = std::move(fresh);
      migrating_ = true;
      quiet_since_ = steady_clock().now();
      endpoints_->open();
    }
    take_locked(std::move(settings));
  }
  if (old == nullptr) return {};
  observe::tell_state(*hub_, name_, state_name(State::migrating));
  old->drain();
  watch();
  return {};
}

Result<void> Connection::trim() {
  std::shared_ptr<Endpoints> old;
  {
    const Lock locked = lock();
    if (Result<void> fine = may_change_locked(); !fine) return fine;
    if (state_ != State::open) return {};
    old = endpoints_;
    leave_locked();
    state_ = State::registered;
  }
  old->drain();
  observe::tell_state(*hub_, name_, state_name(State::registered));
  watch();
  return {};
}

void Connection::watch() noexcept {
  const std::shared_ptr<Connection> self = self_.lock();
  if (self == nullptr) return;
  try {
    runtime::housekeeper().wake_at(self, steady_clock().now());
  } catch (const std::bad_alloc&) {
    return;  // it is told as migrating until something else happens to it
  }
}

Instant Connection::run() noexcept {
  const Instant now = steady_clock().now();
  Deadline next = Deadline::never();
  bool settled = false;
  bool idle = false;
  std::shared_ptr<Endpoints> looked_at;
  {
    const Lock locked = lock();
    std::erase_if(leaving_, [](const auto& endpoints) { return endpoints->drained(); });
    if (!leaving_.empty()) next = Deadline::after(now, settle_poll);
    for (const auto& endpoints : leaving_) endpoints->break_off_dials(now + -dial_patience);
    settled = migrating_ && leaving_.empty();
    if (settled) migrating_ = false;
    if (state_ == State::open && settings_->idle_close && !settings_->primary.address.is_in_memory()) {
      idle = idled_out_locked(now);
      next = earlier(next, Deadline::after(now, *settings_->idle_close / 4));
    }
    if (state_ == State::open && endpoints_->has_changing_credentials()) {
      looked_at = endpoints_;
      next = earlier(next, Deadline::after(now, look_interval));
    }
  }
  if (looked_at != nullptr) looked_at->look_at_credentials();
  if (settled) observe::tell_state(*hub_, name_, state_name(State::open));
  if (idle && trim()) next = Deadline::after(now, settle_poll);
  return next.at;
}

// What happens between two looks is seen by the number of sessions that have been lent.
bool Connection::idled_out_locked(Instant now) noexcept {
  const uint64_t uses = endpoints_->uses();
  if (std::exchange(uses_, uses) != uses || endpoints_->in_use()) quiet_since_ = now;
  return now - quiet_since_ >= *settings_->idle_close;
}

}  // namespace tl::connection
